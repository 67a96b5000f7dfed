// SPDX-License-Identifier: Apache-2.0
// The quarantine table, and the one transaction that leads out of it.
#include "server/store/quarantine.h"
#include "server/store/pg.h"

#define ROW_SQL                                                                                           \
    "SELECT q.event_id, q.project_id, p.name, p.max_class, q.received_at, q.code, q.contract, q.pointer," \
    " q.expires_on::text, octet_length(q.body)::int8, array_to_string(k.contracts, ',')"                  \
    " FROM telemetry.quarantine q JOIN telemetry.projects p ON p.id = q.project_id"                       \
    " LEFT JOIN telemetry.tokens k ON k.id = q.token_id WHERE q.expires_on > telemetry.today()"

static bool copy(struct arena *arena, struct str from, struct str *ret_to)
{
    *ret_to = from.ptr ? arena_dup(arena, from) : STR_NULL;
    return !from.ptr || ret_to->ptr;
}

static bool read_row(const PGresult *result, int i, struct arena *arena, struct quarantine_row *ret_row)
{
    *ret_row = (struct quarantine_row){
        .project_id = pg_i32(result, i, 1),
        .max_class = (int16_t)pg_i32(result, i, 3),
        .received_at = pg_time(result, i, 4),
        .bytes = pg_i64(result, i, 9),
    };
    return pg_bytes(result, i, 0, ret_row->event_id.bytes, sizeof(ret_row->event_id.bytes)) &&
           copy(arena, pg_text(result, i, 2), &ret_row->project) &&
           copy(arena, pg_text(result, i, 5), &ret_row->code) &&
           copy(arena, pg_text(result, i, 6), &ret_row->contract) &&
           copy(arena, pg_text(result, i, 7), &ret_row->pointer) &&
           copy(arena, pg_text(result, i, 8), &ret_row->expires_on) &&
           copy(arena, pg_text(result, i, 10), &ret_row->contracts);
}

static bool read_rows(struct db *db, const char *sql, const struct pg_params *params, struct arena *arena,
                      struct quarantine_row **ret_rows, size_t *ret_count, struct err *err)
{
    PGresult *result;
    if (!pg_run(db, sql, params, DB_NO_DEADLINE, &result, err))
        return false;
    size_t count = (size_t)PQntuples(result);
    struct quarantine_row *rows = arena_zalloc(arena, (count + 1) * sizeof(*rows));
    bool good = rows != NULL;
    for (size_t i = 0; i < count && good; i++)
        good = read_row(result, (int)i, arena, &rows[i]);
    PQclear(result);
    if (!good)
        return err_set(err, "no memory for the list");
    *ret_rows = rows;
    *ret_count = count;
    return true;
}

bool store_quarantine_list(struct db *db, struct str project, const struct quarantine_row *after,
                           unsigned limit, struct arena *arena, struct quarantine_row **ret_rows,
                           size_t *ret_count, struct err *err)
{
    static const struct uuid none;
    struct pg_params params = {0};
    pg_param_text(&params, project);
    pg_param_time(&params, after ? after->received_at : 0);
    pg_param_uuid(&params, after ? &after->event_id : &none);
    pg_param_i32(&params, after ? after->project_id : 0);
    pg_param_i32(&params, (int32_t)limit);
    return read_rows(db,
                     ROW_SQL " AND ($1::text IS NULL OR p.name = $1)"
                             " AND (q.received_at, q.event_id, q.project_id) > ($2, $3, $4)"
                             " ORDER BY q.received_at, q.event_id, q.project_id LIMIT $5",
                     &params, arena, ret_rows, ret_count, err);
}

bool store_quarantine_find(struct db *db, const struct uuid *id, struct arena *arena,
                           struct quarantine_row **ret_rows, size_t *ret_count, struct err *err)
{
    struct pg_params params = {0};
    pg_param_uuid(&params, id);
    return read_rows(db, ROW_SQL " AND q.event_id = $1 ORDER BY q.project_id", &params, arena, ret_rows,
                     ret_count, err);
}

// $1 project, $2 event id, $3 time of receipt: what names a row.
static void put_row(struct pg_params *params, const struct quarantine_row *row)
{
    *params = (struct pg_params){0};
    pg_param_i32(params, row->project_id);
    pg_param_uuid(params, &row->event_id);
    pg_param_time(params, row->received_at);
}

bool store_quarantine_body(struct db *db, struct quarantine_row *row, struct arena *arena, struct err *err)
{
    struct pg_params params;
    PGresult *result;
    put_row(&params, row);
    if (!pg_run(db,
                "SELECT convert_from(body, 'UTF8') FROM telemetry.quarantine"
                " WHERE project_id = $1 AND event_id = $2 AND received_at = $3",
                &params, DB_NO_DEADLINE, &result, err))
        return false;
    bool found = PQntuples(result) == 1;
    bool ok = found && copy(arena, pg_text(result, 0, 0), &row->body);
    PQclear(result);
    return ok || err_set(err, found ? "no memory for a body" : "it is not in quarantine any more");
}

bool store_quarantine_contract(struct db *db, struct str name, int32_t *ret_id, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_text(&params, name);
    if (!pg_run(db, "SELECT id FROM telemetry.contracts WHERE name = $1", &params, DB_NO_DEADLINE, &result,
                err))
        return false;
    *ret_id = PQntuples(result) ? pg_i32(result, 0, 0) : 0;
    PQclear(result);
    return true;
}

// $4 kind, $5 days, $6 day, $7 contract, $8 class, $9.. subjects; the day counts from the receipt.
#define DAY_SQL                                                \
    "telemetry.expiry_day($4::int2, $5::int4, $6::text::date," \
    " ($3::timestamptz AT TIME ZONE 'UTC')::date)"

static const char *const move_sql =
    "WITH taken AS (DELETE FROM telemetry.quarantine q WHERE q.project_id = $1 AND q.event_id = $2"
    "  AND q.received_at = $3 RETURNING q.*),"
    " keyed AS (UPDATE telemetry.event_keys k SET state = 0, contract_id = $7::int4, expires_on = " DAY_SQL
    "  FROM taken t WHERE k.project_id = t.project_id AND k.event_id = t.event_id AND k.state = 1"
    "  RETURNING k.project_id, k.event_id, k.sha256, k.expires_on)"
    " INSERT INTO telemetry.events (received_at, event_id, project_id, contract_id, token_id, expires_on,"
    "  due_on, class, sha256, session_id, trace_id, repository_id, payload)"
    " SELECT t.received_at, t.event_id, t.project_id, $7::int4, t.token_id, k.expires_on,"
    "  CASE $4::int2 WHEN 0 THEN k.expires_on WHEN 1 THEN $6::text::date END, $8::int2, k.sha256, $9, $10, "
    "$11,"
    "  convert_from(t.body, 'UTF8')::jsonb FROM taken t JOIN keyed k USING (project_id, event_id) RETURNING "
    "1";

// Weeks that lie behind us are not made: what would be gone by now stays in quarantine until its end there.
static const char *const make_sql =
    "SELECT CASE WHEN d.day > telemetry.today() THEN telemetry.make_partition('events', d.day) IS NOT NULL"
    " ELSE false END FROM (SELECT " DAY_SQL " AS day WHERE $1::int4 IS NOT NULL AND $2::uuid IS NOT NULL) d";

static void put_expiry(struct pg_params *params, const struct event *event, char day[static 16])
{
    int64_t year;
    unsigned month, day_of_month;
    pg_param_i32(params, (int32_t)event->expiry_kind);
    pg_param_i32(params, event->expiry_days);
    if (event->expiry_kind == EXPIRY_DATE) {
        civil_from_days(event->expiry_date, &year, &month, &day_of_month);
        snprintf(day, 16, "%04lld-%02u-%02u", (long long)year, month, day_of_month);
        pg_param_text(params, str_from(day));
    } else {
        pg_param_text(params, STR_NULL);
    }
}

static bool move(struct db *db, const struct quarantine_row *row, const struct event *event, bool *ret_moved,
                 struct err *err)
{
    struct pg_params params;
    PGresult *result;
    char day[16];
    put_row(&params, row);
    put_expiry(&params, event, day);
    if (!pg_run(db, make_sql, &params, DB_NO_DEADLINE, &result, err))
        return false;
    bool lasts = pg_bool(result, 0, 0);
    PQclear(result);
    *ret_moved = false;
    if (!lasts)
        return true;
    pg_param_i32(&params, event->contract_id);
    pg_param_i32(&params, event->class_);
    pg_param_text(&params, event->session_id);
    pg_param_text(&params, event->trace_id);
    pg_param_text(&params, event->repository_id);
    if (!pg_run(db, move_sql, &params, DB_NO_DEADLINE, &result, err))
        return false;
    *ret_moved = PQntuples(result) == 1;
    PQclear(result);
    return true;
}

bool store_quarantine_move(struct db *db, const struct quarantine_row *row, const struct event *event,
                           bool *ret_moved, struct err *err)
{
    if (!pg_begin(db, DB_NO_DEADLINE, err))
        return false;
    bool good = move(db, row, event, ret_moved, err);
    if (good && *ret_moved)
        return pg_commit(db, DB_NO_DEADLINE, err);
    pg_rollback(db, DB_NO_DEADLINE);
    return good;
}
