// SPDX-License-Identifier: Apache-2.0
// Projects, tokens, contract numbers and word of changes against a real PostgreSQL.
#include "server/store/admin.h"
#include "server/store/catalog.h"
#include "server/store/keeper.h"
#include "server/store/tokens.h"
#include "test_store_cluster.h"

#include "check_main.h"

#include <pthread.h>
#include <sys/eventfd.h>

START_TEST(store_project__is_created_set_and_listed)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_OWNER);
    struct arena arena;
    struct project_row *rows;
    size_t count;
    struct err err;
    arena_init(&arena, 1024, 65536);
    ck_assert_msg(store_project_create(db, STR("alpha \"q\" 'x'"), 2, &err), "%s", err.text);
    ck_assert(!store_project_create(db, STR("first"), 1, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "already"));
    ck_assert(!store_project_create(db, STR(""), 1, &err));
    ck_assert(store_project_set(db, STR("first"), 2, &err));
    ck_assert(!store_project_set(db, STR("nobody"), 2, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "no project"));
    ck_assert(store_project_list(db, &arena, &rows, &count, &err));
    ck_assert_uint_eq(count, 3);
    ck_assert_view_eq(rows[0].name, "alpha \"q\" 'x'");
    ck_assert_int_eq(rows[0].max_class, 2);
    ck_assert_int_eq(rows[1].max_class, 2);
    ck_assert_int_eq(rows[2].max_class, 1);
    ck_assert_int_gt(rows[0].created_at, 1700000000000000);
    ck_assert(db_is_good(db));
    arena_release(&arena);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_token__is_created_revoked_and_listed)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_OWNER);
    struct arena arena;
    struct token_row *rows;
    struct project_row *projects;
    size_t count;
    bool found;
    struct err err;
    int64_t later = clock_wall_us(clock_system()) + USEC_PER_DAY;
    struct token_row token = {.project = STR("fresh"),
                              .key_id = STR("abcdefghij"),
                              .hash = {1, 2, 3},
                              .scopes = STR("ingest,read"),
                              .label = STR("ci"),
                              .expires_at = later};
    arena_init(&arena, 1024, 65536);
    ck_assert_msg(store_token_create(db, &token, NULL, &err), "%s", err.text);
    ck_assert(!store_token_create(db, &token, NULL, &err));
    ck_assert_ptr_nonnull(strstr(err.text, "key id"));
    token.key_id = STR("bbbbbbbbbb");
    token.scopes = STR("everything");
    ck_assert(!store_token_create(db, &token, NULL, &err));
    token.scopes = STR("ingest");
    token.label = STR_NULL;
    token.expires_at = INT64_MAX;
    ck_assert(store_token_create(db, &token, NULL, &err));
    token.key_id = STR("cccccccccc");
    token.expires_at = 1; // expired
    ck_assert(store_token_create(db, &token, NULL, &err));
    ck_assert(store_token_list(db, &arena, &rows, &count, &err));
    ck_assert_uint_eq(count, 3);
    ck_assert_view_eq(rows[0].project, "fresh");
    ck_assert_view_eq(rows[0].key_id, "abcdefghij");
    ck_assert_int_eq(rows[0].hash[2], 3);
    ck_assert_view_eq(rows[0].scopes, "ingest,read");
    ck_assert_view_eq(rows[0].label, "ci");
    ck_assert_int_eq(rows[0].expires_at, later);
    ck_assert_int_eq(rows[0].max_class, 1);
    ck_assert(!rows[0].revoked);
    ck_assert_ptr_null(rows[1].label.ptr);
    ck_assert(rows[1].expires_at == INT64_MAX);
    ck_assert(store_project_list(db, &arena, &projects, &count, &err));
    ck_assert_int_eq(projects[1].tokens, 2); // of "fresh": the expired one does not count
    for (int i = 0; i < 2; i++) {
        ck_assert(store_token_revoke(db, STR("abcdefghij"), &found, &err));
        ck_assert(found);
    }
    ck_assert(store_token_revoke(db, STR("zzzzzzzzzz"), &found, &err));
    ck_assert(!found);
    ck_assert(store_token_list(db, &arena, &rows, &count, &err));
    ck_assert(rows[0].revoked && !rows[1].revoked);
    arena_release(&arena);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_token__has_limits_and_what_was_used)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_CATALOG);
    struct arena arena;
    struct token_row *rows;
    size_t count;
    struct err err;
    cluster_sql(
        url, "INSERT INTO telemetry.tokens (project_id, key_id, secret_hash, scopes, rate_per_second, burst,"
             " quota_per_day, quota_bytes_per_day) SELECT 1, 'abcdefghi' || n, sha256(''), 'ingest',"
             " CASE n WHEN 1 THEN 0.5 WHEN 2 THEN 1e300 END, CASE n WHEN 1 THEN 3 END,"
             " CASE n WHEN 1 THEN 40 END, CASE n WHEN 1 THEN 50 END FROM generate_series(1, 3) n;"
             "INSERT INTO telemetry.token_usage SELECT d, 1, w, 10, 100"
             " FROM unnest(ARRAY[telemetry.today(), telemetry.today() - 1, telemetry.today() - 36]) d,"
             " generate_series(1, 2) w");
    const struct token_use uses[] = {{3, 1700000000000000}, {1, 1600000000000000}};
    ck_assert_msg(store_token_note_use(db, uses, 2, &err), "%s", err.text);
    const struct token_use earlier = {1, 1500000000000000};
    ck_assert_msg(store_token_note_use(db, &earlier, 1, &err), "%s", err.text);
    arena_init(&arena, 1024, 65536);
    ck_assert_msg(store_token_list(db, &arena, &rows, &count, &err), "%s", err.text);
    ck_assert_uint_eq(count, 3);
    ck_assert_int_eq(rows[0].rate_milli, 500);
    ck_assert_int_eq(rows[0].burst, 3);
    ck_assert_int_eq(rows[0].quota_events, 40);
    ck_assert_int_eq(rows[0].quota_bytes, 50);
    ck_assert_int_eq(rows[0].used_events, 20);
    ck_assert_int_eq(rows[0].used_on, cluster_number(url, "SELECT telemetry.today() - '1970-01-01'"));
    ck_assert_int_eq(rows[0].used_bytes, 200);
    ck_assert_int_eq(rows[0].last_used_at, 1600000000000000);
    ck_assert_int_eq(rows[1].rate_milli, 1000000000000);
    ck_assert_int_eq(rows[1].last_used_at, INT64_MAX);
    ck_assert_int_eq(rows[2].rate_milli + rows[2].burst + rows[2].quota_events + rows[2].used_events, 0);
    ck_assert_int_eq(rows[2].last_used_at, 1700000000000000);
    struct db *keeper = cluster_open(url, DB_KEEPER);
    ck_assert_msg(store_usage_forget(keeper, &err), "%s", err.text);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.token_usage"), 4);
    arena_release(&arena);
    db_close(keeper);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_catalog_wait__hears_of_changes)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_CATALOG), *owner = cluster_open(url, DB_OWNER);
    struct err err;
    bool changed;
    int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ck_assert(store_catalog_listen(db, &err));
    ck_assert(store_catalog_wait(db, wake, 0, &changed));
    ck_assert(!changed);
    ck_assert(store_project_create(owner, STR("new"), 1, &err));
    ck_assert(store_catalog_wait(db, wake, 100000, &changed));
    ck_assert(changed);
    struct token_row token = {
        .project = STR("new"), .key_id = STR("abcdefghij"), .scopes = STR("read"), .expires_at = INT64_MAX};
    ck_assert(store_token_create(owner, &token, NULL, &err));
    ck_assert(store_catalog_wait(db, wake, 100000, &changed));
    ck_assert(changed);
    // Being used changes nothing.
    cluster_sql(url, "UPDATE telemetry.tokens SET last_used_at = now()");
    cluster_sql(url, "SELECT pg_notify('another', '')");
    ck_assert(store_catalog_wait(db, wake, 50, &changed));
    ck_assert(!changed);
    ck_assert_int_eq(eventfd_write(wake, 1), 0);
    int64_t before = pg_deadline_in(0);
    ck_assert(store_catalog_wait(db, wake, 100000, &changed));
    ck_assert(!changed);
    ck_assert_int_lt(pg_deadline_in(0) - before, 60 * USEC_PER_SEC);
    cluster_sql(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                     " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    eventfd_t value;
    ck_assert_int_eq(eventfd_read(wake, &value), 0);
    ck_assert(!store_catalog_wait(db, wake, 100000, &changed));
    close(wake);
    db_close(owner);
    db_close(db);
    free(url);
}
END_TEST

struct syncer {
    struct db *db;
    struct contract_row rows[30];
    char names[30][16];
    bool good;
    pthread_t thread;
};

static void fill(struct syncer *s, int32_t days)
{
    for (size_t i = 0; i < ARRAY_LEN(s->rows); i++) {
        snprintf(s->names[i], sizeof(s->names[i]), "k%zu.v1", i);
        s->rows[i] = (struct contract_row){.name = str_from(s->names[i]),
                                           .id = str_slice(s->names[i], strlen(s->names[i]) - 3),
                                           .version = 1,
                                           .class_ = 1,
                                           .days = days};
    }
}

static void *sync_run(void *context)
{
    struct syncer *s = context;
    struct err err;
    s->good = true;
    for (int i = 0; i < 5; i++)
        s->good &= store_contracts_sync(s->db, s->rows, ARRAY_LEN(s->rows), &err);
    return NULL;
}

START_TEST(store_contracts_sync__agrees_from_two_connections)
{
    static struct syncer s[2];
    char *url = cluster_database();
    for (size_t i = 0; i < 2; i++) {
        fill(&s[i], 90);
        s[i].db = cluster_open(url, DB_CATALOG);
    }
    for (size_t i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&s[i].thread, NULL, sync_run, &s[i]), 0);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(s[i].thread, NULL);
        ck_assert(s[i].good);
    }
    for (size_t i = 0; i < ARRAY_LEN(s[0].rows); i++)
        ck_assert(s[0].rows[i].ret_id > 1 && s[0].rows[i].ret_id == s[1].rows[i].ret_id);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.contract_retention WHERE days = 90"),
                     30);
    // A policy that changes and returns is remembered each time; a schema that changes is taken over.
    struct err err;
    int32_t first = s[0].rows[0].ret_id;
    fill(&s[0], 30);
    s[0].rows[0].class_ = 2;
    s[0].rows[0].schema_sha256[0] = 9;
    ck_assert(store_contracts_sync(s[0].db, s[0].rows, 1, &err));
    ck_assert_int_eq(s[0].rows[0].ret_id, first);
    fill(&s[0], 90);
    ck_assert(store_contracts_sync(s[0].db, s[0].rows, 1, &err));
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.contract_retention r JOIN"
                                         " telemetry.contracts c ON c.id = contract_id WHERE name = 'k0.v1'"),
                     3);
    ck_assert_int_eq(cluster_number(url, "SELECT class FROM telemetry.contracts WHERE name = 'k0.v1'"), 1);
    db_close(s[0].db);
    db_close(s[1].db);
    free(url);
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "store_admin", store_project__is_created_set_and_listed,
                store_token__is_created_revoked_and_listed, store_token__has_limits_and_what_was_used,
                store_catalog_wait__hears_of_changes, store_contracts_sync__agrees_from_two_connections)
