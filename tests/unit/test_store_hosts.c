// SPDX-License-Identifier: Apache-2.0
// URLs that name several hosts: how they are taken apart, and that one which is gone or silent costs a share
// of the time and no more.
#include "server/store/hosts.h"

#include "test_store_cluster.h"

#include "check_main.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

START_TEST(db_hosts__are_taken_apart)
{
    static const struct {
        const char *url;
        size_t count;
        struct db_host last;
    } rows[] = {
        {"postgresql://db1/x", 1, {"", "", ""}},
        {"postgresql:///x", 1, {"", "", ""}},
        {"postgresql://db1,db2/x", 2, {"db2", "", "5432"}},
        {"postgresql://db1:5433,db2:5434/x", 2, {"db2", "", "5434"}},
        {"postgresql://db1:5433,db2/x", 2, {"db2", "", "5432"}},
        {"postgresql:///x?host=/a,/b,/c&port=6000", 3, {"/c", "", "6000"}},
        {"host=db1,db2 hostaddr=10.0.0.1,10.0.0.2 port=1,2", 2, {"db2", "10.0.0.2", "2"}},
        {"hostaddr=10.0.0.1,10.0.0.2", 2, {"", "10.0.0.2", ""}},
        {"host=db1,db2 target_session_attrs=any", 2, {"db2", "", ""}},
        // libpq's own business
        {"host=db1,db2 target_session_attrs=prefer-standby", 1, {"", "", ""}},
        {"host=db1,", 1, {"", "", ""}},
        {"host=db1,db2 hostaddr=10.0.0.1", 1, {"", "", ""}},
        {"host=db1,db2,db3 port=1,2", 1, {"", "", ""}},
        {"host=a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", 1, {"", "", ""}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct db_hosts hosts;
        struct err err;
        ck_assert(db_hosts_read(rows[i].url, &hosts, &err));
        const struct db_host *last = &hosts.hosts[hosts.count - 1];
        ck_assert_msg(hosts.count == rows[i].count, "%s: %zu hosts", rows[i].url, hosts.count);
        ck_assert_str_eq(last->name, rows[i].last.name);
        ck_assert_str_eq(last->address, rows[i].last.address);
        ck_assert_str_eq(last->port, rows[i].last.port);
    }
}
END_TEST

START_TEST(db_hosts__a_url_that_is_none_is_not_quoted)
{
    struct db_hosts hosts;
    struct err err;
    ck_assert(!db_hosts_read("postgresql://user:secret@[db1/x", &hosts, &err));
    ck_assert_ptr_null(strstr(err.text, "secret"));
}
END_TEST

// The cluster behind a host of another kind.
static bool connect_behind(const char *first, struct db **ret_db, struct err *err)
{
    char *url = cluster_database(), more[256];
    PGconn *session = cluster_session(url);
    snprintf(more, sizeof(more), "host=%s,%s", first, PQhost(session));
    PQfinish(session);
    char *both = cluster_url_with(url, more);
    // Half of it is the first host's; the other half is more than a slow machine needs, in the end.
    bool ok = false;
    for (int64_t seconds = 6; !ok && seconds < 100; seconds *= 2)
        ok = db_connect(both, DB_WRITER, pg_deadline_in(seconds * USEC_PER_SEC), ret_db, err);
    free(both);
    free(url);
    return ok;
}

START_TEST(db_connect__leaves_a_host_that_accepts_and_says_nothing)
{
    char folder[] = "/tmp/vox-silent-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct db *db;
    struct err err = {""};
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.5432", folder);
    int silent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(silent, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(silent, 8), 0);
    bool ok = connect_behind(folder, &db, &err);
    ck_assert_msg(ok, "%s", err.text);
    db_close(db);
    close(silent);
    unlink(address.sun_path);
    rmdir(folder);
}
END_TEST

START_TEST(db_connect__leaves_a_host_that_is_away)
{
    struct db *db;
    struct err err = {""};
    bool ok = connect_behind("/nonexistent", &db, &err);
    ck_assert_msg(ok, "%s", err.text);
    db_close(db);
}
END_TEST

START_TEST(db_connect__says_what_was_wrong_with_each_host)
{
    struct db *db;
    struct err err = {""};
    ck_assert(!db_connect("host=/nonexistent,/neither dbname=x", DB_READER, pg_deadline_in(USEC_PER_SEC), &db,
                          &err));
    ck_assert_ptr_nonnull(strstr(err.text, "/nonexistent/"));
    ck_assert_ptr_nonnull(strstr(err.text, "; "));
    ck_assert_ptr_nonnull(strstr(err.text, "/neither/"));
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "store_hosts", db_hosts__are_taken_apart,
                db_hosts__a_url_that_is_none_is_not_quoted,
                db_connect__leaves_a_host_that_accepts_and_says_nothing,
                db_connect__leaves_a_host_that_is_away, db_connect__says_what_was_wrong_with_each_host)
