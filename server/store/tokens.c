// SPDX-License-Identifier: Apache-2.0
// Tokens made, changed, rotated and revoked.
#include "server/store/tokens.h"
#include "server/store/pg.h"
#include "server/store/token_keys.h"

#define TOKENS_USEC (30 * USEC_PER_SEC)

// Seven parameters: what a token may, and what becomes of what it sends.
static void put_terms(struct pg_params *params, const struct token_row *row)
{
    pg_param_text(params, row->contracts);
    pg_param_i64(params, row->rate_milli);
    pg_param_i64(params, row->burst);
    pg_param_i64(params, row->quota_events);
    pg_param_i64(params, row->quota_bytes);
    pg_param_text(params, row->signature);
    pg_param_text(params, row->on_invalid);
}

static bool insert_token(struct db *db, const struct token_row *row, struct err *err)
{
    struct pg_params project = {0}, params = {0};
    int64_t deadline = pg_deadline_in(TOKENS_USEC);
    bool taken;
    pg_param_text(&project, row->project);
    // The first half spares the id that a conflict would burn; the second is for two at once.
    if (!pg_run_unique(db,
                       "INSERT INTO telemetry.projects (name) SELECT $1::text WHERE NOT EXISTS"
                       " (SELECT FROM telemetry.projects WHERE name = $1) ON CONFLICT DO NOTHING",
                       &project, deadline, &taken, err))
        return false;
    pg_param_text(&params, row->project);
    pg_param_text(&params, row->key_id);
    pg_param_bytes(&params, row->hash, sizeof(row->hash));
    pg_param_text(&params, row->scopes);
    pg_param_text(&params, row->label);
    pg_param_time(&params, row->expires_at);
    put_terms(&params, row);
    if (!pg_run_unique(
            db,
            "INSERT INTO telemetry.tokens (project_id, key_id, secret_hash, scopes, label, expires_at, "
            "contracts,"
            " rate_per_second, burst, quota_per_day, quota_bytes_per_day, signature, on_invalid)"
            " SELECT id, $2, $3, $4, $5, $6, string_to_array($7, ','), nullif($8, 0) / 1000.0::float8,"
            " nullif($9, 0), nullif($10, 0), nullif($11, 0), coalesce($12, 'off'), coalesce($13, 'reject')"
            " FROM telemetry.projects WHERE name = $1",
            &params, deadline, &taken, err))
        return false;
    return !taken || err_set(err, "there is a token with this key id already; create another");
}

bool store_token_create(struct db *db, const struct token_row *row, const struct token_key_row *key,
                        struct err *err)
{
    int64_t deadline = pg_deadline_in(TOKENS_USEC);
    if (!pg_begin(db, deadline, err))
        return false;
    if (insert_token(db, row, err) && (!key || token_key_insert(db, row->key_id, key, deadline, err)))
        return pg_commit(db, deadline, err);
    pg_rollback(db, deadline);
    return false;
}

// Runs a statement that changes one row or none.
static bool change_one(struct db *db, const char *sql, const struct pg_params *params, bool *ret_found,
                       struct err *err)
{
    PGresult *result;
    if (!pg_run(db, sql, params, pg_deadline_in(TOKENS_USEC), &result, err))
        return false;
    *ret_found = strcmp(PQcmdTuples(result), "0") != 0;
    PQclear(result);
    return true;
}

bool store_token_revoke(struct db *db, struct str key_id, bool *ret_found, struct err *err)
{
    struct pg_params params = {0};
    pg_param_text(&params, key_id);
    return change_one(
        db, "UPDATE telemetry.tokens SET revoked_at = coalesce(revoked_at, now()) WHERE key_id = $1", &params,
        ret_found, err);
}

static bool no_token(struct str key_id, struct err *err)
{
    return err_set(err, "no token has the key id %.*s; vox-sink token list shows them", STR_FMT(key_id));
}

static bool update_token(struct db *db, const struct token_row *row, unsigned fields, struct err *err)
{
    struct pg_params params = {0};
    bool found;
    pg_param_text(&params, row->key_id);
    pg_param_i32(&params, (int32_t)fields);
    pg_param_text(&params, row->label);
    put_terms(&params, row);
    pg_param_time(&params, row->expires_at);
    if (!change_one(
            db,
            "UPDATE telemetry.tokens SET label = CASE WHEN $2 & 1 > 0 THEN $3 ELSE label END,"
            " contracts = CASE WHEN $2 & 2 > 0 THEN string_to_array($4, ',') ELSE contracts END,"
            " rate_per_second = CASE WHEN $2 & 4 > 0 THEN nullif($5, 0) / 1000.0::float8 ELSE "
            "rate_per_second END,"
            " burst = CASE WHEN $2 & 8 > 0 THEN nullif($6, 0) ELSE burst END,"
            " quota_per_day = CASE WHEN $2 & 16 > 0 THEN nullif($7, 0) ELSE quota_per_day END,"
            " quota_bytes_per_day = CASE WHEN $2 & 32 > 0 THEN nullif($8, 0) ELSE quota_bytes_per_day END,"
            " signature = CASE WHEN $2 & 64 > 0 THEN $9 ELSE signature END,"
            " on_invalid = CASE WHEN $2 & 128 > 0 THEN $10 ELSE on_invalid END,"
            " expires_at = CASE WHEN $2 & 256 > 0 THEN $11 ELSE expires_at END,"
            " meant_to_expire_at = CASE WHEN $2 & 256 > 0 THEN NULL ELSE meant_to_expire_at END"
            " WHERE key_id = $1",
            &params, &found, err))
        return false;
    return found || no_token(row->key_id, err);
}

static bool set_token(struct db *db, const struct token_row *row, unsigned fields,
                      const struct token_key_row *key, bool *ret_added, int64_t deadline, struct err *err)
{
    int64_t active;
    if (!update_token(db, row, fields, err))
        return false;
    if (!key)
        return true;
    if (!token_key_count(db, row->key_id, deadline, &active, err))
        return false;
    *ret_added = active == 0;
    return active > 0 || token_key_insert(db, row->key_id, key, deadline, err);
}

bool store_token_set(struct db *db, const struct token_row *row, unsigned fields,
                     const struct token_key_row *key, bool *ret_added, struct err *err)
{
    int64_t deadline = pg_deadline_in(TOKENS_USEC);
    *ret_added = false;
    if (!pg_begin(db, deadline, err))
        return false;
    if (set_token(db, row, fields, key, ret_added, deadline, err))
        return pg_commit(db, deadline, err);
    pg_rollback(db, deadline);
    return false;
}

static bool copy_token(struct db *db, struct str old, const struct token_row *fresh, struct err *err)
{
    struct pg_params params = {0};
    bool found;
    pg_param_text(&params, old);
    pg_param_text(&params, fresh->key_id);
    pg_param_bytes(&params, fresh->hash, sizeof(fresh->hash));
    if (!change_one(
            db,
            "INSERT INTO telemetry.tokens (project_id, key_id, secret_hash, scopes, label, contracts, "
            "rate_per_second,"
            " burst, quota_per_day, quota_bytes_per_day, signature, on_invalid, expires_at)"
            " SELECT project_id, $2, $3, scopes, label, contracts, rate_per_second, burst, quota_per_day,"
            " quota_bytes_per_day, signature, on_invalid, now() + (CASE WHEN meant_to_expire_at IS NULL"
            " THEN expires_at ELSE nullif(meant_to_expire_at, 'infinity') END - created_at)"
            " FROM telemetry.tokens WHERE key_id = $1 AND revoked_at IS NULL"
            " AND (expires_at IS NULL OR expires_at > now()) FOR UPDATE",
            &params, &found, err))
        return false;
    return found ||
           err_set(err, "no token that is still good has the key id %.*s; vox-sink token list shows them",
                   STR_FMT(old));
}

static bool end_token(struct db *db, struct str old, int64_t overlap_us, struct err *err)
{
    struct pg_params params = {0};
    bool found;
    pg_param_text(&params, old);
    pg_param_i64(&params, overlap_us);
    return change_one(db,
                      "UPDATE telemetry.tokens SET"
                      " meant_to_expire_at = coalesce(meant_to_expire_at, expires_at, 'infinity'),"
                      " expires_at = least(expires_at, now() + $2 * interval '1 microsecond')"
                      " WHERE key_id = $1",
                      &params, &found, err);
}

bool store_token_rotate(struct db *db, struct str old, const struct token_row *fresh, int64_t overlap_us,
                        const struct token_key_row *keys, size_t key_count, struct err *err)
{
    int64_t deadline = pg_deadline_in(TOKENS_USEC);
    if (!pg_begin(db, deadline, err))
        return false;
    bool ok = copy_token(db, old, fresh, err) && end_token(db, old, overlap_us, err);
    for (size_t i = 0; ok && i < key_count; i++)
        ok = token_key_insert(db, fresh->key_id, &keys[i], deadline, err);
    if (ok)
        return pg_commit(db, deadline, err);
    pg_rollback(db, deadline);
    return false;
}
