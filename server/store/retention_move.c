// SPDX-License-Identifier: Apache-2.0
// Rows stored before a policy changed, given their new day: page by page along events_read, a transaction
// each.
#include "server/store/pg.h"
#include "server/store/retention.h"

// A page of one project's rows of the contract with the days they should have. $1 project, $2 contract, $3
// days, $4 and $5 the row before, $6 how many.
#define PAGE_SQL                                                                                         \
    "WITH page AS MATERIALIZED (SELECT received_at, event_id, expires_on, due_on, hold_id,"              \
    "  CASE WHEN $3::int4 > 0 THEN (received_at AT TIME ZONE 'UTC')::date + $3::int4 END AS due"         \
    "  FROM telemetry.events WHERE project_id = $1::int4 AND contract_id = $2::int4"                     \
    "  AND (received_at, event_id) > ($4::timestamptz, $5::uuid) ORDER BY received_at, event_id"         \
    "  LIMIT $6::int4),"                                                                                 \
    " target AS (SELECT *, CASE WHEN hold_id IS NULL THEN coalesce(due, 'infinity') ELSE 'infinity' END" \
    "  AS day, hold_id IS NULL AND due <= telemetry.today() AS gone,"                                    \
    "  due_on IS DISTINCT FROM due AS wrong FROM page)"

static const char *const make_sql =
    PAGE_SQL " SELECT telemetry.make_partition('events', w.monday) FROM (SELECT DISTINCT"
             " CASE day WHEN 'infinity' THEN day ELSE date_trunc('week', day::timestamp)::date END AS monday"
             " FROM target WHERE wrong AND NOT coalesce(gone, false)) w";

static const char *const move_sql = PAGE_SQL
    ", deleted AS (DELETE FROM telemetry.events e USING target t WHERE t.gone AND e.project_id = $1::int4"
    "  AND e.contract_id = $2::int4 AND e.received_at = t.received_at AND e.event_id = t.event_id"
    "  AND e.expires_on = t.expires_on RETURNING 1),"
    " moved AS (UPDATE telemetry.events e SET expires_on = t.day, due_on = t.due FROM target t"
    "  WHERE t.wrong AND NOT coalesce(t.gone, false) AND e.project_id = $1::int4 AND e.contract_id = $2::int4"
    "  AND e.received_at = t.received_at AND e.event_id = t.event_id AND e.expires_on = t.expires_on"
    "  RETURNING 1),"
    " keys AS (UPDATE telemetry.event_keys k SET expires_on = t.day FROM target t"
    "  WHERE t.wrong AND k.project_id = $1::int4 AND k.event_id = t.event_id RETURNING 1)"
    " SELECT (SELECT count(*) FROM page), (SELECT count(*) FROM moved), (SELECT count(*) FROM deleted),"
    "  (SELECT count(*) FROM keys), l.received_at, l.event_id FROM (SELECT 1) one LEFT JOIN"
    "  (SELECT received_at, event_id FROM page ORDER BY received_at DESC, event_id DESC LIMIT 1) l ON true";

struct place {
    int64_t received_at;
    struct uuid event_id;
};

struct target {
    int32_t contract_id;
    int32_t days;
};

static bool find_contract(struct db *db, struct str name, struct target *ret_target, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_text(&params, name);
    if (!pg_run(db,
                "SELECT c.id, r.days FROM telemetry.contracts c LEFT JOIN LATERAL (SELECT days FROM"
                " telemetry.contract_retention r WHERE r.contract_id = c.id AND r.project_id IS NULL"
                " ORDER BY valid_from DESC LIMIT 1) r ON true WHERE c.name = $1",
                &params, DB_NO_DEADLINE, &result, err))
        return false;
    bool known = PQntuples(result) == 1, has_days = known && !PQgetisnull(result, 0, 1);
    *ret_target = (struct target){known ? pg_i32(result, 0, 0) : 0, has_days ? pg_i32(result, 0, 1) : 0};
    PQclear(result);
    if (!known)
        return err_set(err, "the database knows no contract %.*s; vox-sink retention plan lists them",
                       (int)MIN(name.len, (size_t)80), name.ptr);
    if (!has_days)
        return err_set(err, "%.*s has no retention yet; a running vox-sink serve writes it down",
                       STR_FMT(name));
    return ret_target->days >= 0 ||
           err_set(err, "events of %.*s bring dates of their own, which no policy changes", STR_FMT(name));
}

static void put_page(struct pg_params *params, int32_t project_id, const struct target *target,
                     const struct place *after)
{
    *params = (struct pg_params){0};
    pg_param_i32(params, project_id);
    pg_param_i32(params, target->contract_id);
    pg_param_i32(params, target->days);
    pg_param_time(params, after->received_at);
    pg_param_uuid(params, &after->event_id);
    pg_param_i32(params, RETENTION_STEP);
}

// One transaction. `*ret_looked_at` 0: there is no further row.
static bool move_page(struct db *db, int32_t project_id, const struct target *target, struct place *place,
                      struct retention_moved *moved, int64_t *ret_looked_at, struct err *err)
{
    struct pg_params params;
    PGresult *result;
    put_page(&params, project_id, target, place);
    if (!pg_run(db, make_sql, &params, DB_NO_DEADLINE, NULL, err) ||
        !pg_run(db, move_sql, &params, DB_NO_DEADLINE, &result, err))
        return false;
    *ret_looked_at = pg_i64(result, 0, 0);
    moved->looked_at += pg_i64(result, 0, 0);
    moved->moved += pg_i64(result, 0, 1);
    moved->deleted += pg_i64(result, 0, 2);
    bool good = true;
    if (*ret_looked_at) {
        place->received_at = pg_time(result, 0, 4);
        good = pg_bytes(result, 0, 5, place->event_id.bytes, sizeof(place->event_id.bytes)) ||
               err_set(err, "a stored event has no id");
    }
    PQclear(result);
    return good;
}

static bool move_project(struct db *db, int32_t project_id, const struct target *target,
                         struct retention_moved *moved, struct err *err)
{
    struct place place = {.received_at = 0};
    for (;;) {
        struct retention_moved so_far = *moved;
        int64_t looked_at = 0;
        if (!pg_begin(db, DB_NO_DEADLINE, err))
            return false;
        if (!move_page(db, project_id, target, &place, &so_far, &looked_at, err) ||
            !pg_commit(db, DB_NO_DEADLINE, err)) {
            pg_rollback(db, DB_NO_DEADLINE);
            return false;
        }
        *moved = so_far;
        if (looked_at == 0)
            return true;
    }
}

bool store_retention_reassign(struct db *db, struct str contract, struct retention_moved *ret_moved,
                              struct err *err)
{
    const struct pg_params none = {0};
    struct target target;
    PGresult *projects;
    *ret_moved = (struct retention_moved){0};
    if (!find_contract(db, contract, &target, err) ||
        !pg_run(db, "SELECT id FROM telemetry.projects ORDER BY id", &none, DB_NO_DEADLINE, &projects, err))
        return false;
    bool good = true;
    for (int row = 0; row < PQntuples(projects) && good; row++)
        good = move_project(db, pg_i32(projects, row, 0), &target, ret_moved, err);
    PQclear(projects);
    return good || err_prefix(err, "moving rows of %.*s", STR_FMT(contract));
}
