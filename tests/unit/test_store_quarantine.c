// SPDX-License-Identifier: Apache-2.0
// Quarantine in the transaction that stores: beside good events, under the same ledger. A real PostgreSQL.
#include "server/store/events.h"
#include "server/store/quarantine.h"

#include "tests/unit/check_main.h"
#include "tests/unit/test_store_cluster.h"

#define SOON pg_deadline_in(120 * USEC_PER_SEC)
#define GOOD "{\"a\":1}"
#define BAD  "{\"a\": \"\\ud83d\\ude00\"}"

static void make_quarantined(struct event *event, unsigned n, enum problem code, const char *contract)
{
    event_make(event, n, BAD);
    event->quarantine.code = code;
    snprintf(event->quarantine.contract, sizeof(event->quarantine.contract), "%s", contract);
    event->expiry_days = 30;
    if (code == PROBLEM_unknown_contract)
        event->contract_id = 0;
}

START_TEST(store_commit__puts_aside_what_is_for_quarantine)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER);
    struct event e[4], *events[4];
    struct err err;
    event_make(&e[0], 1, GOOD);
    e[0].counted = true;
    make_quarantined(&e[1], 2, PROBLEM_schema_invalid, "a.v1");
    e[1].counted = true;
    snprintf(e[1].quarantine.pointer, sizeof(e[1].quarantine.pointer), "/a");
    make_quarantined(&e[2], 3, PROBLEM_unknown_contract, "");
    make_quarantined(&e[3], 3, PROBLEM_unknown_contract, ""); // the one before, again
    for (size_t i = 0; i < ARRAY_LEN(e); i++)
        events[i] = &e[i];
    ck_assert_msg(store_commit(db, events, ARRAY_LEN(e), NULL, SOON, &err) == COMMIT_DONE, "%s", err.text);
    ck_assert(e[0].outcome == EVENT_STORED && !e[0].quarantined);
    ck_assert(e[1].outcome == EVENT_STORED && e[1].quarantined);
    ck_assert(e[2].outcome == EVENT_STORED && e[2].quarantined && e[2].stored_contract_id == 0);
    ck_assert(e[3].outcome == EVENT_DUPLICATE && e[3].quarantined);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.events"), 1);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.event_keys WHERE state = 1"), 2);
    ck_assert_int_eq(cluster_number(url,
                                    "SELECT count(*) FROM telemetry.quarantine q JOIN telemetry.event_keys k"
                                    " USING (project_id, event_id, received_at, expires_on)"
                                    " WHERE expires_on = telemetry.today() + 30"),
                     2);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.quarantine WHERE code ="
                                         " 'schema_invalid' AND contract = 'a.v1' AND pointer = '/a'"),
                     1);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.quarantine WHERE code ="
                                         " 'unknown_contract' AND contract IS NULL AND pointer IS NULL AND"
                                         " convert_from(body, 'UTF8') = '" BAD "'"),
                     1);
    ck_assert_int_eq(cluster_number(url, "SELECT sum(events)::int8 FROM telemetry.token_usage"), 2);

    // The same event again, good by now in the eyes of another sink: it is there already, aside.
    event_make(&e[0], 2, BAD);
    ck_assert_int_eq(commit_one(db, &e[0]), COMMIT_DONE);
    ck_assert(e[0].outcome == EVENT_DUPLICATE && e[0].quarantined);
    // And the other way round: what is stored is not put aside.
    make_quarantined(&e[1], 1, PROBLEM_schema_invalid, "a.v1");
    ck_assert_int_eq(commit_one(db, &e[1]), COMMIT_DONE);
    ck_assert(e[1].outcome == EVENT_REFUSED && e[1].problem == PROBLEM_event_id_reused);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.quarantine"), 2);
    db_close(db);
    free(url);
}
END_TEST

START_TEST(store_quarantine_move__is_all_or_nothing)
{
    char *url = cluster_database();
    struct db *db = cluster_open(url, DB_WRITER), *owner = cluster_open(url, DB_OWNER);
    struct event event, target = {.contract_id = 1, .class_ = 1, .expiry_days = 365};
    struct quarantine_row *rows;
    struct arena arena;
    size_t count;
    bool moved;
    struct err err;
    arena_init(&arena, 4096, 1 << 20);
    cluster_sql(url, "INSERT INTO telemetry.projects (name) SELECT 'p' WHERE NOT EXISTS (SELECT FROM"
                     " telemetry.projects)");
    for (unsigned n = 1; n <= 3; n++) {
        make_quarantined(&event, n, PROBLEM_schema_invalid, "a.v1");
        ck_assert_int_eq(commit_one(db, &event), COMMIT_DONE);
    }
    ck_assert_msg(store_quarantine_list(owner, STR_NULL, NULL, 2, &arena, &rows, &count, &err), "%s",
                  err.text);
    ck_assert_uint_eq(count, 2);
    struct quarantine_row last = rows[1];
    ck_assert(store_quarantine_list(owner, STR_NULL, &last, 2, &arena, &rows, &count, &err));
    ck_assert_uint_eq(count, 1);
    ck_assert(store_quarantine_list(owner, STR_NULL, NULL, 10, &arena, &rows, &count, &err));
    ck_assert(store_quarantine_body(owner, &rows[0], &arena, &err));
    ck_assert_view_eq(rows[0].body, BAD);

    ck_assert_msg(store_quarantine_move(owner, &rows[0], &target, &moved, &err), "%s", err.text);
    ck_assert(moved);
    ck_assert(store_quarantine_move(owner, &rows[0], &target, &moved, &err));
    ck_assert_msg(!moved, "it was moved already");
    // Erased meanwhile: it stays where it is, and no event appears.
    cluster_sql(url, "UPDATE telemetry.event_keys SET state = 2, sha256 = NULL WHERE state = 1");
    ck_assert(store_quarantine_move(owner, &rows[1], &target, &moved, &err));
    ck_assert(!moved);
    // Its days are over since it came: there is no day left on which it could be shown.
    cluster_sql(url, "UPDATE telemetry.event_keys SET state = 1, sha256 = sha256('x') WHERE state = 2;"
                     "UPDATE telemetry.quarantine SET received_at = received_at - interval '20 days'");
    ck_assert(store_quarantine_list(owner, STR_NULL, NULL, 10, &arena, &rows, &count, &err));
    target.expiry_days = 14;
    ck_assert(store_quarantine_move(owner, &rows[0], &target, &moved, &err));
    ck_assert(!moved);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.quarantine"), 2);
    ck_assert_int_eq(cluster_number(url, "SELECT count(*) FROM telemetry.events e JOIN telemetry.event_keys k"
                                         " USING (project_id, event_id, received_at, contract_id, expires_on,"
                                         " sha256) WHERE k.state = 0 AND due_on = telemetry.today() + 365"),
                     1);
    arena_release(&arena);
    db_close(owner);
    db_close(db);
    free(url);
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "store_quarantine", store_commit__puts_aside_what_is_for_quarantine,
                store_quarantine_move__is_all_or_nothing)
