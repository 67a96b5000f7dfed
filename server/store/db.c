// SPDX-License-Identifier: Apache-2.0
// Opens a connection: libpq's parameters, the session's settings by role, and the proof that it is durable.
#include "lib/base/log.h"
#include "server/store/hosts.h"
#include "server/store/pg.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_USEC (10 * USEC_PER_SEC) // for each of several hosts, where the caller has no deadline

// What every session has, whatever the server's, database's or role's defaults say. search_path keeps foreign
// objects out of our statements.
#define SETTINGS_COMMON                                                          \
    "SET client_encoding = 'UTF8'; SET client_min_messages = 'warning';"         \
    "SET search_path = pg_catalog; SET TimeZone = 'UTC'; SET DateStyle = 'ISO';" \
    "SET default_transaction_isolation = 'read committed'; SET jit = off;"

// A commit must not return before its WAL is on disk; what waits for a standby on purpose stays as it is.
// Said for the session, so that no later change of the server's default reaches it.
#define SETTINGS_DURABLE                                                                      \
    "SELECT set_config('synchronous_commit', CASE WHEN current_setting('synchronous_commit')" \
    " IN ('off', 'local') THEN 'on' ELSE current_setting('synchronous_commit') END, false);"

static const struct role {
    const char *settings;
    const char *session_attrs; // libpq's target_session_attrs, where the URL does not say
    bool writes;
} roles[] = {
    // The hot statements are planned once, on tables that may be empty then: what is good for an empty table
    // (a scan, a nested loop over the batch) would be ruin later, so there is one way left to plan them.
    [DB_WRITER] = {"SET statement_timeout = '10s'; SET lock_timeout = '500ms';"
                   "SET idle_in_transaction_session_timeout = '5s';"
                   "SET plan_cache_mode = 'force_generic_plan'; SET enable_seqscan = off;"
                   "SET enable_nestloop = off; SET enable_mergejoin = off;",
                   "read-write", true},
    // No read holds a snapshot or a lock longer than this, so that a partition can be dropped. Pages are
    // walked
    // by index whatever a new partition's missing statistics make the planner believe.
    [DB_READER] = {"SET statement_timeout = '2s'; SET lock_timeout = '500ms';"
                   "SET idle_in_transaction_session_timeout = '2s'; SET default_transaction_read_only = on;"
                   "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;",
                   "any", false},
    [DB_CATALOG] = {"SET statement_timeout = '30s'; SET lock_timeout = '5s';"
                    "SET idle_in_transaction_session_timeout = '30s';",
                    "read-write", true},
    [DB_KEEPER] = {"SET statement_timeout = '60s'; SET lock_timeout = '100ms';"
                   "SET idle_in_transaction_session_timeout = '30s';",
                   "read-write", true},
    [DB_OWNER] = {"SET statement_timeout = 0; SET lock_timeout = '30s';"
                  "SET idle_in_transaction_session_timeout = '300s';",
                  "read-write", true},
};

// The server tells in a warning that it stopped waiting for its standby; the tag is COMMIT all the same. The
// text may be translated, the name of the function in the server is not.
static void on_notice(void *context, const PGresult *notice)
{
    struct db *db = context;
    const char *function = PQresultErrorField(notice, PG_DIAG_SOURCE_FUNCTION);
    const char *message = PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY);
    if ((function && strcmp(function, "SyncRepWaitForLSN") == 0) ||
        (message && strstr(message, "synchronous replication")))
        db->unreplicated = true;
}

static bool start(struct db *db, const char *url, const struct db_host *host, struct err *err)
{
    // What stands before dbname can be changed by the URL, what stands behind cannot.
    const char *keys[] = {"target_session_attrs",
                          "tcp_user_timeout",
                          "keepalives_idle",
                          "keepalives_interval",
                          "keepalives_count",
                          "fallback_application_name",
                          "dbname",
                          "client_encoding",
                          "host",
                          "hostaddr",
                          "port",
                          NULL};
    const char *values[] = {roles[db->role].session_attrs,
                            "5000",
                            "10",
                            "5",
                            "3",
                            "vox-sink",
                            url,
                            "UTF8",
                            host->name, // empty: as the URL says
                            host->address,
                            host->port,
                            NULL};
    db->conn = PQconnectStartParams(keys, values, 1);
    if (!db->conn)
        return err_set(err, "no memory for a database connection");
    PQsetNoticeReceiver(db->conn, on_notice, db);
    return true;
}

// libpq's message, one line, without its prefix of the host for one and all.
static bool connect_failed(struct db *db, struct err *err)
{
    char text[400];
    snprintf(text, sizeof(text), "%s", PQerrorMessage(db->conn));
    size_t len = strlen(text);
    while (len && text[len - 1] == '\n')
        text[--len] = '\0';
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\n' || text[i] == '\t')
            text[i] = ' ';
    return err_set(err, "cannot connect to the database: %s", text);
}

static bool finish(struct db *db, int64_t deadline, struct err *err)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (PQstatus(db->conn) != CONNECTION_BAD && status != PGRES_POLLING_OK) {
        if (!pg_wait(db, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, err))
            return err_prefix(err, "cannot connect to the database");
        status = PQconnectPoll(db->conn);
        if (status == PGRES_POLLING_FAILED)
            break;
    }
    if (PQstatus(db->conn) != CONNECTION_OK)
        return connect_failed(db, err);
    if (PQsetnonblocking(db->conn, 1) != 0)
        return err_set(err, "cannot connect to the database: no memory");
    snprintf(db->target, sizeof(db->target), "%s:%s/%s", PQhost(db->conn), PQport(db->conn), PQdb(db->conn));
    return true;
}

static bool set_up(struct db *db, int64_t deadline, struct err *err)
{
    char sql[1600];
    const struct role *role = &roles[db->role];
    int len = snprintf(sql, sizeof(sql), SETTINGS_COMMON "%s%s", role->writes ? SETTINGS_DURABLE : "",
                       role->settings);
    BUG_ON(len < 0 || (size_t)len >= sizeof(sql));
    return pg_run(db, sql, NULL, deadline, NULL, err);
}

// Settings with which a 2xx would be a lie. store_commit() looks at the first two again each time: a reload
// can change them.
static const struct assertion {
    const char *setting;
    const char *bad;
    const char *advice;
} assertions[] = {
    {"fsync", "off", "a crash would lose stored events; set fsync = on"},
    {"full_page_writes", "off", "a crash would damage stored events; set full_page_writes = on"},
    {"synchronous_commit", "off", "a crash would lose stored events; set synchronous_commit = on"},
    {"data_sync_retry", "on", "a failed write would be forgotten; set data_sync_retry = off"},
    {"transaction_read_only", "on", "it is a standby or read-only; name the primary"},
};

enum db_durability db_check_durable(struct db *db, int64_t deadline, struct err *err)
{
    const struct pg_params none = {0};
    PGresult *result;
    char sql[512] = "SELECT";
    size_t len = strlen(sql);
    for (size_t i = 0; i < ARRAY_LEN(assertions); i++) {
        len += (size_t)snprintf(sql + len, sizeof(sql) - len, "%s current_setting('%s', true)", i ? "," : "",
                                assertions[i].setting);
        BUG_ON(len >= sizeof(sql));
    }
    if (!pg_run(db, sql, &none, deadline, &result, err))
        return DB_UNKNOWN;
    const struct assertion *broken = NULL;
    for (size_t i = 0; i < ARRAY_LEN(assertions) && !broken; i++)
        if (str_eq(pg_text(result, 0, (int)i), str_from(assertions[i].bad)))
            broken = &assertions[i];
    PQclear(result);
    if (!broken)
        return DB_DURABLE;
    err_set(err, "the database has %s = %s: %s", broken->setting, broken->bad, broken->advice);
    return DB_NOT_DURABLE;
}

static bool check_server(struct db *db, int64_t deadline, struct err *err)
{
    if (PQserverVersion(db->conn) < 150000)
        return err_set(err, "the database is PostgreSQL %d; vox-sink needs 15 or newer",
                       PQserverVersion(db->conn) / 10000);
    const char *encoding = PQparameterStatus(db->conn, "server_encoding");
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return err_set(err, "the database's encoding is not UTF8; create it with ENCODING 'UTF8'");
    return !roles[db->role].writes || db_check_durable(db, deadline, err) == DB_DURABLE;
}

bool db_connect(const char *url, enum db_role role, int64_t deadline, struct db **ret_db, struct err *err)
{
    return db_connect_stoppable(url, role, deadline, -1, ret_db, err);
}

static bool connect_host(const char *url, const struct db_host *host, enum db_role role, int64_t deadline,
                         int stop_fd, struct db **ret_db, struct err *err)
{
    struct db *db = calloc(1, sizeof(*db));
    if (!db)
        return err_set(err, "no memory for a database connection");
    db->role = role;
    db->stop_fd = stop_fd;
    db->limit = DB_NO_DEADLINE;
    buf_init(&db->params, 256 * 1024 * 1024);
    if (start(db, url, host, err) && finish(db, deadline, err) && set_up(db, deadline, err) &&
        check_server(db, deadline, err)) {
        *ret_db = db;
        return true;
    }
    db_close(db);
    return false;
}

// How long the next of `left` hosts may take.
static int64_t share_of(int64_t deadline, size_t left)
{
    int64_t now = pg_deadline_in(0);
    if (left == 1)
        return deadline;
    return deadline == DB_NO_DEADLINE ? now + HOST_USEC : now + (deadline - now) / (int64_t)left;
}

bool db_connect_stoppable(const char *url, enum db_role role, int64_t deadline, int stop_fd,
                          struct db **ret_db, struct err *err)
{
    struct db_hosts hosts;
    struct err all = {""}, one = {""};
    size_t len = 0;
    if (!db_hosts_read(url, &hosts, err))
        return false;
    for (size_t i = 0; i < hosts.count; i++) {
        if (connect_host(url, &hosts.hosts[i], role, share_of(deadline, hosts.count - i), stop_fd, ret_db,
                         &one))
            return true;
        if (len < sizeof(all.text))
            len += (size_t)snprintf(all.text + len, sizeof(all.text) - len, "%s%s", i ? "; " : "", one.text);
    }
    return err_set(err, "%s", all.text);
}

bool db_url_check(const char *url, struct err *err)
{
    struct db_hosts ignored;
    return db_hosts_read(url, &ignored, err);
}

void db_close(struct db *db)
{
    if (!db)
        return;
    PQfinish(db->conn);
    buf_release(&db->params);
    batch_release(&db->sent);
    free(db);
}

void db_limit(struct db *db, int64_t deadline)
{
    db->limit = deadline;
}

bool db_is_good(struct db *db)
{
    if (db->lost || PQstatus(db->conn) != CONNECTION_OK || PQtransactionStatus(db->conn) != PQTRANS_IDLE)
        return false;
    // Whatever an idle server says unasked is read here; the end of the connection shows in it.
    struct pollfd fd = {.fd = PQsocket(db->conn), .events = POLLIN};
    while (!db->lost && poll(&fd, 1, 0) > 0)
        if (!PQconsumeInput(db->conn))
            db->lost = true;
    return !db->lost && PQstatus(db->conn) == CONNECTION_OK;
}

const char *db_target(const struct db *db)
{
    return db->target;
}
