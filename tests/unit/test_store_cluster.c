// SPDX-License-Identifier: Apache-2.0
// initdb and postgres as children, as nobody where we are root.
#include "test_store_cluster.h"
#include "server/store/events.h"
#include "server/store/migrate.h"

#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define WAIT_USEC (120 * USEC_PER_SEC)

static struct {
    char dir[64];
    char bin[256];
    pid_t server;
    pid_t owner; // of all this: a forked child must not clean up
    int databases;
} cluster;

NORETURN static void die(const char *what, const char *detail)
{
    fprintf(stderr, "test cluster: %s: %s\n", what, detail);
    printf("# cases: 0 passed, 1 failed, 0 skipped\n");
    exit(1);
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    (void)stat, (void)type, (void)ftw;
    return remove(path);
}

static void stop(void)
{
    if (cluster.owner != getpid())
        return;
    if (cluster.server > 0) {
        kill(cluster.server, SIGQUIT);
        waitpid(cluster.server, NULL, 0);
    }
    nftw(cluster.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void find_binaries(void)
{
    glob_t found;
    if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0 && found.gl_pathc > 0) {
        const char *path = found.gl_pathv[found.gl_pathc - 1];
        snprintf(cluster.bin, sizeof(cluster.bin), "%.*s", (int)(strlen(path) - strlen("/initdb")), path);
        globfree(&found);
        return;
    }
    FILE *out = popen("pg_config --bindir", "re");
    if (!out || !fgets(cluster.bin, sizeof(cluster.bin), out))
        die("PostgreSQL is not installed", "no pg_config");
    pclose(out);
    cluster.bin[strcspn(cluster.bin, "\n")] = '\0';
}

// In the child: an unprivileged user who dies with us.
NORETURN static void run(const char *program, char **args)
{
    char path[512], log[128];
    snprintf(log, sizeof(log), "%s/log", cluster.dir);
    snprintf(path, sizeof(path), "%s/%s", cluster.bin, program);
    if (getuid() == 0) {
        const struct passwd *nobody = getpwnam("nobody");
        if (!nobody || setgroups(0, NULL) != 0 || setgid(nobody->pw_gid) != 0 || setuid(nobody->pw_uid) != 0)
            _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(cluster.dir) != 0)
        _exit(126);
    setenv("HOME", cluster.dir, 1);
    // By its whole path in its own eyes too: initdb looks for postgres beside itself.
    args[0] = path;
    execv(path, args);
    _exit(127);
}

static void make_folder(void)
{
    snprintf(cluster.dir, sizeof(cluster.dir), "/tmp/vox-store-XXXXXX");
    if (!mkdtemp(cluster.dir))
        die("no folder", "/tmp");
    cluster.owner = getpid();
    atexit(stop);
    const struct passwd *nobody = getuid() == 0 ? getpwnam("nobody") : NULL;
    if (nobody && chown(cluster.dir, nobody->pw_uid, nobody->pw_gid) != 0)
        die("no folder", cluster.dir);
}

static char *url_of(const char *database)
{
    char text[160];
    snprintf(text, sizeof(text), "host=%s user=vox dbname=%s", cluster.dir, database);
    return str_dup_cstr(str_from(text));
}

char *cluster_url_with(const char *url, const char *more)
{
    char text[512];
    snprintf(text, sizeof(text), "%s %s", url, more);
    return str_dup_cstr(str_from(text));
}

void cluster_start(void)
{
    find_binaries();
    make_folder();
    char data[96], sockets[96];
    snprintf(data, sizeof(data), "%s/data", cluster.dir);
    snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s", cluster.dir);
    char *initdb[] = {"initdb",    "-D",
                      data,        "-U",
                      "vox",       "-A",
                      "trust",     "-E",
                      "UTF8",      "--locale=C.UTF-8",
                      "--no-sync", "--no-instructions",
                      NULL};
    char *postgres[] = {"postgres",
                        "-D",
                        data,
                        "-c",
                        "listen_addresses=",
                        "-c",
                        sockets,
                        "-c",
                        "max_connections=40",
                        "-c",
                        "shared_buffers=64MB",
                        NULL};
    pid_t pid = fork();
    if (pid == 0)
        run("initdb", initdb);
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        die("initdb failed", cluster.dir);
    cluster.server = fork();
    if (cluster.server == 0)
        run("postgres", postgres);
    char *url = url_of("postgres");
    int64_t deadline = pg_deadline_in(WAIT_USEC);
    while (PQping(url) != PQPING_OK) {
        if (cluster.server < 0 || pg_deadline_in(0) > deadline || waitpid(cluster.server, NULL, WNOHANG) != 0)
            die("postgres did not start", cluster.dir);
        poll(NULL, 0, 20);
    }
    free(url);
    url = cluster_empty_database(); // db1, the template of the others
    struct db *db = cluster_open(url, DB_OWNER);
    struct err err;
    if (!store_migrate(db, NULL, NULL, &err))
        die("cannot migrate", err.text);
    db_close(db);
    cluster_sql(url, "INSERT INTO telemetry.projects (name) VALUES ('first'), ('second')");
    cluster_sql(url, "INSERT INTO telemetry.contracts (name, family, version, class, schema_sha256)"
                     " VALUES ('model-call.v1', 'model-call', 1, 1, sha256(''))");
    cluster_sql(url, "INSERT INTO telemetry.contract_retention (contract_id, days) VALUES (1, 365)");
    free(url);
}

PGconn *cluster_session(const char *url)
{
    PGconn *session = PQconnectdb(url);
    if (PQstatus(session) != CONNECTION_OK)
        die("no session", PQerrorMessage(session));
    return session;
}

void cluster_run(PGconn *session, const char *sql)
{
    PGresult *result = PQexec(session, sql);
    if (!pg_is_ok(result))
        die(sql, PQerrorMessage(session));
    PQclear(result);
}

void cluster_sql(const char *url, const char *sql)
{
    PGconn *session = cluster_session(url);
    cluster_run(session, sql);
    PQfinish(session);
}

int64_t cluster_number(const char *url, const char *sql)
{
    PGconn *session = cluster_session(url);
    PGresult *result = PQexec(session, sql);
    int64_t number = 0;
    if (!pg_is_ok(result) || PQntuples(result) != 1 ||
        (!PQgetisnull(result, 0, 0) && !str_to_i64(str_from(PQgetvalue(result, 0, 0)), &number)))
        die(sql, PQerrorMessage(session));
    PQclear(result);
    PQfinish(session);
    return number;
}

static char *create(const char *options)
{
    char name[16], sql[128];
    snprintf(name, sizeof(name), "db%d", ++cluster.databases);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s %s", name, options);
    char *postgres = url_of("postgres");
    cluster_sql(postgres, sql);
    free(postgres);
    return url_of(name);
}

char *cluster_empty_database(void)
{
    return create("");
}

char *cluster_database(void)
{
    return create("TEMPLATE db1");
}

struct db *cluster_open(const char *url, enum db_role role)
{
    struct db *db;
    struct err err;
    if (!db_connect(url, role, pg_deadline_in(WAIT_USEC), &db, &err))
        die("no connection", err.text);
    return db;
}

void cluster_wait_until(const char *url, const char *sql)
{
    int64_t deadline = pg_deadline_in(WAIT_USEC);
    while (cluster_number(url, sql) == 0) {
        if (pg_deadline_in(0) > deadline)
            die("waited in vain", sql);
        poll(NULL, 0, 10);
    }
}

void cluster_setting(const char *name, const char *value)
{
    char sql[256];
    char *url = url_of("postgres");
    if (value)
        snprintf(sql, sizeof(sql), "ALTER SYSTEM SET %s = '%s'", name, value);
    else
        snprintf(sql, sizeof(sql), "ALTER SYSTEM RESET %s", name);
    PGconn *session = cluster_session(url);
    cluster_run(session, sql);
    cluster_run(session, "SELECT pg_reload_conf()");
    PQfinish(session);
    if (value)
        snprintf(sql, sizeof(sql), "SELECT (current_setting('%s') = '%s')::int", name, value);
    else
        snprintf(sql, sizeof(sql),
                 "SELECT (source <> 'configuration file')::int FROM pg_settings WHERE name = '%s'", name);
    cluster_wait_until(url, sql);
    free(url);
}

void event_make(struct event *event, unsigned n, const char *text)
{
    *event = (struct event){
        .project_id = 1,
        .contract_id = 1,
        .token_id = 7,
        .class_ = 1,
        .expiry_kind = EXPIRY_DAYS,
        .expiry_days = 365,
        .text = str_from(text),
    };
    uint8_t digest[SHA256_LEN];
    sha256(str_slice(&n, sizeof(n)), digest);
    event->id = uuid_v8(digest);
    sha256(event->text, event->sha256);
}

enum commit_result commit_one(struct db *db, struct event *event)
{
    struct err err;
    return store_commit(db, &event, 1, NULL, pg_deadline_in(120 * USEC_PER_SEC), &err);
}

enum commit_result commit_many(struct db *db, struct event *events, size_t count)
{
    struct event *list[STORE_BATCH_EVENTS];
    struct err err;
    for (size_t i = 0; i < count; i++)
        list[i] = &events[i];
    return store_commit(db, list, count, NULL, pg_deadline_in(120 * USEC_PER_SEC), &err);
}

int64_t count_events(const char *url)
{
    return cluster_number(url, "SELECT count(*) FROM telemetry.events");
}

int64_t count_keys(const char *url)
{
    return cluster_number(url, "SELECT count(*) FROM telemetry.event_keys");
}
