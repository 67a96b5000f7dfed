// SPDX-License-Identifier: Apache-2.0
// Projects and tokens, one statement or transaction each.
#include "server/store/admin.h"
#include "server/store/pg.h"

#define ADMIN_USEC (30 * USEC_PER_SEC)

bool store_project_create(struct db *db, struct str name, int16_t max_class, struct err *err)
{
    struct pg_params params = {0};
    bool taken;
    pg_param_text(&params, name);
    pg_param_i32(&params, max_class);
    if (!pg_run_unique(db, "INSERT INTO telemetry.projects (name, max_class) VALUES ($1, $2)", &params,
                       pg_deadline_in(ADMIN_USEC), &taken, err))
        return false;
    return !taken || err_set(err, "there is a project \"%.*s\" already", STR_FMT(name));
}

bool store_project_set(struct db *db, struct str name, int16_t max_class, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_text(&params, name);
    pg_param_i32(&params, max_class);
    if (!pg_run(db, "UPDATE telemetry.projects SET max_class = $2 WHERE name = $1", &params,
                pg_deadline_in(ADMIN_USEC), &result, err))
        return false;
    bool found = strcmp(PQcmdTuples(result), "0") != 0;
    PQclear(result);
    return found || err_set(err, "there is no project \"%.*s\"", STR_FMT(name));
}

bool store_project_exists(struct db *db, struct str name, bool *ret_exists, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_text(&params, name);
    if (!pg_run(db, "SELECT 1 FROM telemetry.projects WHERE name = $1", &params, pg_deadline_in(ADMIN_USEC),
                &result, err))
        return false;
    *ret_exists = PQntuples(result) > 0;
    PQclear(result);
    return true;
}

bool store_project_list(struct db *db, struct arena *arena, struct project_row **ret_rows, size_t *ret_count,
                        struct err *err)
{
    const struct pg_params none = {0};
    PGresult *result;
    if (!pg_run(db,
                "SELECT p.id, p.name, p.max_class, p.created_at, (SELECT count(*) FROM telemetry.tokens t"
                " WHERE t.project_id = p.id AND t.revoked_at IS NULL"
                " AND (t.expires_at IS NULL OR t.expires_at > now()))"
                " FROM telemetry.projects p ORDER BY p.name COLLATE \"C\"",
                &none, pg_deadline_in(ADMIN_USEC), &result, err))
        return false;
    int count = PQntuples(result);
    struct project_row *rows = arena_zalloc(arena, (size_t)count * sizeof(*rows));
    bool good = rows != NULL;
    for (int i = 0; i < count && good; i++) {
        rows[i] = (struct project_row){
            .id = pg_i32(result, i, 0),
            .name = arena_dup(arena, pg_text(result, i, 1)),
            .max_class = (int16_t)pg_i32(result, i, 2),
            .created_at = pg_time(result, i, 3),
            .tokens = pg_i64(result, i, 4),
        };
        good = rows[i].name.ptr != NULL;
    }
    PQclear(result);
    if (!good)
        return err_set(err, "no memory for the list of projects");
    *ret_rows = rows;
    *ret_count = (size_t)count;
    return true;
}

static void put_list(struct buf *buf, const struct token_use *uses, size_t count, bool times)
{
    for (size_t i = 0; i < count; i++)
        buf_putf(buf, "%s%lld", i ? "," : "{",
                 times ? (long long)(uses[i].at / USEC_PER_SEC) : uses[i].token_id);
    buf_put_char(buf, '}');
}

bool store_token_note_use(struct db *db, const struct token_use *uses, size_t count, struct err *err)
{
    struct pg_params params = {0};
    struct buf ids, times;
    if (count == 0)
        return true;
    buf_init(&ids, SIZE_MAX);
    buf_init(&times, SIZE_MAX);
    put_list(&ids, uses, count, false);
    put_list(&times, uses, count, true);
    pg_param_text(&params, buf_str(&ids));
    pg_param_text(&params, buf_str(&times));
    bool ok = buf_ok(&ids) && buf_ok(&times)
                  ? pg_run(db, "SELECT telemetry.note_token_use($1::text::int4[], $2::text::int8[])", &params,
                           pg_deadline_in(ADMIN_USEC), NULL, err)
                  : err_set(err, "no memory for the use of tokens");
    buf_release(&ids);
    buf_release(&times);
    return ok;
}

static bool read_token(const PGresult *result, int i, struct arena *arena, struct token_row *ret_row)
{
    struct str label = pg_text(result, i, 7), contracts = pg_text(result, i, 18);
    *ret_row = (struct token_row){
        .id = pg_i32(result, i, 0),
        .project_id = pg_i32(result, i, 1),
        .project = arena_dup(arena, pg_text(result, i, 2)),
        .key_id = arena_dup(arena, pg_text(result, i, 3)),
        .scopes = arena_dup(arena, pg_text(result, i, 5)),
        .max_class = (int16_t)pg_i32(result, i, 6),
        .label = label.ptr ? arena_dup(arena, label) : STR_NULL,
        .created_at = pg_time(result, i, 8),
        .expires_at = pg_time(result, i, 9),
        .revoked = pg_bool(result, i, 10),
        .rate_milli = pg_i64(result, i, 11),
        .burst = pg_i32(result, i, 12),
        .quota_events = pg_i64(result, i, 13),
        .quota_bytes = pg_i64(result, i, 14),
        .used_events = pg_i64(result, i, 15),
        .used_bytes = pg_i64(result, i, 16),
        .last_used_at = pg_time(result, i, 17),
        .contracts = contracts.ptr ? arena_dup(arena, contracts) : STR_NULL,
        .signature = arena_dup(arena, pg_text(result, i, 19)),
        .on_invalid = arena_dup(arena, pg_text(result, i, 20)),
        .used_on = pg_i32(result, i, 21),
    };
    return pg_bytes(result, i, 4, ret_row->hash, sizeof(ret_row->hash)) && ret_row->project.ptr &&
           ret_row->key_id.ptr && ret_row->scopes.ptr && (!label.ptr || ret_row->label.ptr) &&
           (!contracts.ptr || ret_row->contracts.ptr) && ret_row->signature.ptr && ret_row->on_invalid.ptr;
}

bool store_token_list(struct db *db, struct arena *arena, struct token_row **ret_rows, size_t *ret_count,
                      struct err *err)
{
    const struct pg_params none = {0};
    PGresult *result;
    if (!pg_run(db,
                "SELECT t.id, t.project_id, p.name, t.key_id, t.secret_hash, t.scopes, p.max_class, t.label,"
                " t.created_at, t.expires_at, t.revoked_at IS NOT NULL,"
                " CASE WHEN t.rate_per_second > 0 THEN ceil(least(t.rate_per_second, 1e9) * 1000)::int8 END, "
                "t.burst, t.quota_per_day,"
                " t.quota_bytes_per_day, u.events, u.bytes, t.last_used_at,"
                " array_to_string(t.contracts, ','), t.signature, t.on_invalid,"
                " telemetry.today() - date '1970-01-01'"
                " FROM telemetry.tokens t JOIN telemetry.projects p ON p.id = t.project_id"
                " LEFT JOIN (SELECT token_id, sum(events)::int8 AS events, sum(bytes)::int8 AS bytes"
                "  FROM telemetry.token_usage WHERE day = telemetry.today() GROUP BY token_id) u"
                " ON u.token_id = t.id"
                " ORDER BY p.name COLLATE \"C\", t.id",
                &none, pg_deadline_in(ADMIN_USEC), &result, err))
        return false;
    int count = PQntuples(result);
    struct token_row *rows = arena_zalloc(arena, (size_t)count * sizeof(*rows));
    bool good = rows != NULL;
    for (int i = 0; i < count && good; i++)
        good = read_token(result, i, arena, &rows[i]);
    PQclear(result);
    if (!good)
        return err_set(err, "no memory for the list of tokens");
    *ret_rows = rows;
    *ret_count = (size_t)count;
    return true;
}
