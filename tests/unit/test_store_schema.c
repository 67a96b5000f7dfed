// SPDX-License-Identifier: Apache-2.0
// Connecting, migrating and upkeep against a real PostgreSQL.
#include "server/store/keeper.h"
#include "server/store/migrate.h"
#include "test_store_cluster.h"

#include "check_main.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

static bool connects(const char *url, enum db_role role, struct err *err)
{
    struct db *db;
    if (!db_connect(url, role, pg_deadline_in(60 * USEC_PER_SEC), &db, err))
        return false;
    db_close(db);
    return true;
}

START_TEST(db_connect__refuses_a_server_that_could_lose_commits)
{
    static const struct {
        const char *setting;
        const char *bad;
    } rows[] = {{"fsync", "off"}, {"full_page_writes", "off"}};
    char *url = cluster_database();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {""};
        cluster_setting(rows[i].setting, rows[i].bad);
        bool writer = connects(url, DB_WRITER, &err), owner = connects(url, DB_OWNER, &err);
        struct err none = {""};
        bool reader = connects(url, DB_READER, &none);
        cluster_setting(rows[i].setting, NULL);
        ck_assert_msg(!writer && !owner, "%s", rows[i].setting);
        ck_assert_msg(reader, "%s: %s", rows[i].setting, none.text);
        ck_assert_msg(strstr(err.text, rows[i].setting) != NULL, "%s", err.text);
    }
    free(url);
}
END_TEST

START_TEST(db_connect__makes_commits_wait_for_the_disk)
{
    static const struct {
        const char *asked;
        const char *got;
    } rows[] = {{"off", "on"}, {"local", "on"}, {"on", "on"}, {"remote_apply", "remote_apply"}};
    char *url = cluster_database();
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char more[80];
        struct err err;
        PGresult *result;
        const struct pg_params none = {0};
        snprintf(more, sizeof(more), "options='-c synchronous_commit=%s'", rows[i].asked);
        char *other = cluster_url_with(url, more);
        struct db *db = cluster_open(other, DB_WRITER);
        ck_assert(pg_run(db, "SHOW synchronous_commit", &none, DB_NO_DEADLINE, &result, &err));
        ck_assert_view_eq(pg_text(result, 0, 0), rows[i].got);
        PQclear(result);
        db_close(db);
        free(other);
    }
    free(url);
}
END_TEST

START_TEST(db_connect__refuses_a_read_only_server)
{
    struct err err = {""};
    char *url = cluster_database();
    char *other = cluster_url_with(url, "options='-c default_transaction_read_only=on'");
    ck_assert(!connects(other, DB_WRITER, &err));
    ck_assert(connects(other, DB_READER, &err));
    free(other);
    // Where the URL leaves the choice open, the server's word decides.
    other = cluster_url_with(url, "target_session_attrs=any options='-c default_transaction_read_only=on'");
    ck_assert(!connects(other, DB_WRITER, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "read-only"));
    free(other);
    free(url);
}
END_TEST

START_TEST(db_connect__says_what_is_wrong_and_no_secret)
{
    static const char *const urls[] = {
        "postgre://user:secret@localhost/db",
        "postgresql://user:secret@localhost:99999/db?nonsense=secret",
        "host=/nowhere user=u password=secret dbname=d",
        "secret",
    };
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        err.text[0] = '\0';
        ck_assert(!connects(urls[i], DB_WRITER, &err));
        ck_assert_msg(err.text[0] && !strstr(err.text, "secret") && !strchr(err.text, '\n'), "%s", err.text);
    }
    char *url = cluster_database();
    char *other = cluster_url_with(url, "dbname=missing");
    ck_assert(!connects(other, DB_WRITER, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "missing"));
    free(other);
    struct db *db = cluster_open(url, DB_WRITER);
    ck_assert_ptr_nonnull(strstr(db_target(db), "/db"));
    ck_assert(db_is_good(db));
    db_close(db);
    db_close(NULL);
    free(url);
}
END_TEST

START_TEST(db_connect__gives_up_at_its_deadline)
{
    // A port that takes connections and never says a word.
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, len), 0);
    ck_assert_int_eq(listen(fd, 4), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    char url[80];
    snprintf(url, sizeof(url), "host=127.0.0.1 port=%d user=u dbname=d", ntohs(address.sin_port));
    struct db *db;
    struct err err;
    int64_t before = pg_deadline_in(0);
    ck_assert(!db_connect(url, DB_WRITER, before + 100 * USEC_PER_MSEC, &db, &err));
    ck_assert_int_lt(pg_deadline_in(0) - before, 60 * USEC_PER_SEC);
    ck_assert_ptr_nonnull(strstr(err.text, "in time"));
    close(fd);
}
END_TEST

START_TEST(db_is_good__sees_a_connection_that_died_idle)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    ck_assert(db_is_good(db));
    cluster_sql(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                     " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    int64_t deadline = pg_deadline_in(120 * USEC_PER_SEC);
    while (db_is_good(db) && pg_deadline_in(0) < deadline)
        poll(NULL, 0, 5);
    ck_assert(!db_is_good(db));
    db_close(db);
    free(url);
}
END_TEST

static void count_applied(void *context, int version, const char *name)
{
    int *count = context;
    ck_assert_int_gt(version, 0);
    ck_assert_ptr_nonnull(name);
    ++*count;
}

static size_t list_migrations(struct db *db, struct migration_state *ret_first)
{
    struct arena arena;
    struct migration_state *rows;
    size_t count;
    struct err err;
    arena_init(&arena, 4096, 65536);
    ck_assert_msg(store_migrations(db, &arena, &rows, &count, &err), "%s", err.text);
    *ret_first = rows[0];
    arena_release(&arena);
    return count;
}

START_TEST(store_migrate__does_its_work_once)
{
    char *url = cluster_empty_database();
    struct db *db = cluster_open(url, DB_OWNER);
    struct migration_state first;
    struct err err;
    int applied = 0;
    size_t count = list_migrations(db, &first);
    ck_assert(!first.applied && first.version == 1);
    ck_assert_str_eq(first.name, "init");
    ck_assert(!store_schema_fits(db, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "vox-sink migrate"));
    ck_assert_msg(store_migrate(db, count_applied, &applied, &err), "%s", err.text);
    ck_assert_uint_eq((size_t)applied, count);
    ck_assert_msg(store_migrate(db, count_applied, &applied, &err), "%s", err.text);
    ck_assert_uint_eq((size_t)applied, count);
    list_migrations(db, &first);
    ck_assert(first.applied && !first.changed && first.applied_at > 0);
    ck_assert(store_schema_fits(db, &err));
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_migrate__refuses_a_changed_text_and_a_newer_schema)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_OWNER);
    struct migration_state first;
    struct err err;
    cluster_sql(url, "INSERT INTO telemetry.schema_migrations VALUES (9000, 'later', '', 1)");
    ck_assert(store_schema_fits(db, &err)); // newer, and says that we can serve it
    cluster_sql(url, "UPDATE telemetry.schema_migrations SET min_sink = 2 WHERE version = 9000");
    ck_assert(!store_schema_fits(db, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "newer vox-sink"));
    cluster_sql(url, "DELETE FROM telemetry.schema_migrations WHERE version = 9000;"
                     "UPDATE telemetry.schema_migrations SET sha256 = sha256('') WHERE version = 1");
    list_migrations(db, &first);
    ck_assert(first.changed);
    ck_assert(!store_schema_fits(db, &err));
    ck_assert(!store_migrate(db, NULL, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "0001_init"));
    ck_assert(db_is_good(db));
    db_close(db);
    free(url);
}
END_TEST

struct migrator {
    struct db *db;
    int applied;
    bool good;
    struct err err;
    pthread_t thread;
};

static void *migrate_run(void *context)
{
    struct migrator *m = context;
    m->good = store_migrate(m->db, count_applied, &m->applied, &m->err);
    return NULL;
}

static void migrate_start(struct migrator *m, const char *url)
{
    *m = (struct migrator){.db = cluster_open(url, DB_OWNER)};
    ck_assert_int_eq(pthread_create(&m->thread, NULL, migrate_run, m), 0);
}

static void migrate_join(struct migrator *m)
{
    pthread_join(m->thread, NULL);
    db_close(m->db);
}

START_TEST(store_migrate__is_safe_with_two_at_once)
{
    char *url = cluster_empty_database();
    struct migrator m[3];
    for (size_t i = 0; i < ARRAY_LEN(m); i++)
        migrate_start(&m[i], url);
    int applied = 0;
    for (size_t i = 0; i < ARRAY_LEN(m); i++) {
        migrate_join(&m[i]);
        ck_assert_msg(m[i].good, "%s", m[i].err.text);
        applied += m[i].applied;
    }
    ck_assert_int_eq(applied, cluster_number(url, "SELECT count(*) FROM telemetry.schema_migrations"));
    free(url);
}
END_TEST

START_TEST(store_migrate__leaves_nothing_when_killed_half_way)
{
    char *url = cluster_empty_database();
    struct migrator m;
    // Stops the migration at its first view, when most of its tables stand.
    cluster_sql(url, "CREATE FUNCTION wait_at_view() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
                     " PERFORM pg_advisory_xact_lock(99); END $$;"
                     "CREATE EVENT TRIGGER wait_at_view ON ddl_command_start WHEN TAG IN ('CREATE VIEW')"
                     " EXECUTE FUNCTION wait_at_view()");
    PGconn *other = cluster_session(url);
    cluster_run(other, "SELECT pg_advisory_lock(99)");
    migrate_start(&m, url);
    cluster_wait_until(url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 99 AND"
                            " NOT granted");
    cluster_sql(url, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND"
                     " objid = 99 AND NOT granted");
    migrate_join(&m);
    ck_assert(!m.good);
    ck_assert_int_eq(m.applied, 0);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM pg_namespace WHERE nspname = 'telemetry'"), 0);
    PQfinish(other);
    cluster_sql(url, "DROP EVENT TRIGGER wait_at_view");
    migrate_start(&m, url);
    migrate_join(&m);
    ck_assert_msg(m.good, "%s", m.err.text);
    ck_assert_int_gt(m.applied, 0);
    free(url);
}
END_TEST

struct rotator {
    struct db *db;
    int64_t then;
    bool rotated, good;
    pthread_t thread;
};

static void *rotate_run(void *context)
{
    struct rotator *r = context;
    struct err err;
    r->good = store_ledger_rotate(r->db, r->then, &r->rotated, &err);
    return NULL;
}

START_TEST(store_ledger_rotate__turns_once_from_many)
{
    struct rotator rotators[4];
    char *url = cluster_database();
    bool rotated;
    struct err err;
    int64_t then = clock_wall_us(clock_system()) + 91 * USEC_PER_DAY;
    for (size_t i = 0; i < ARRAY_LEN(rotators); i++)
        rotators[i] = (struct rotator){.db = cluster_open(url, DB_KEEPER), .then = then};
    ck_assert(store_ledger_rotate(rotators[0].db, 0, &rotated, &err)); // by the database's clock: not yet
    ck_assert(!rotated);
    for (size_t i = 0; i < ARRAY_LEN(rotators); i++)
        ck_assert_int_eq(pthread_create(&rotators[i].thread, NULL, rotate_run, &rotators[i]), 0);
    int turned = 0;
    for (size_t i = 0; i < ARRAY_LEN(rotators); i++) {
        pthread_join(rotators[i].thread, NULL);
        ck_assert(rotators[i].good);
        turned += rotators[i].rotated;
        db_close(rotators[i].db);
    }
    ck_assert_int_eq(turned, 1);
    ck_assert_int_eq(cluster_number(url, "SELECT gen FROM telemetry.ledger"), 2);
    free(url);
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "store_schema", db_connect__refuses_a_server_that_could_lose_commits,
                db_connect__makes_commits_wait_for_the_disk, db_connect__refuses_a_read_only_server,
                db_connect__says_what_is_wrong_and_no_secret, db_connect__gives_up_at_its_deadline,
                db_is_good__sees_a_connection_that_died_idle, store_migrate__does_its_work_once,
                store_migrate__refuses_a_changed_text_and_a_newer_schema,
                store_migrate__is_safe_with_two_at_once, store_migrate__leaves_nothing_when_killed_half_way,
                store_ledger_rotate__turns_once_from_many)
