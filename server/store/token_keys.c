// SPDX-License-Identifier: Apache-2.0
// Signing keys: added, ended, listed, and sealed anew under another master key.
#include "server/store/token_keys.h"
#include "server/store/pg.h"

#define KEYS_USEC (30 * USEC_PER_SEC)
// A retired key stands with retired_at, one that will be with not_after.
#define ACTIVE "k.retired_at IS NULL AND (k.not_after IS NULL OR k.not_after > now())"

// The first to seal decides which master key is the database's. Held shared, so that a rotation waits for us
// or we for it.
static bool agree_on_master_key(struct db *db, const uint8_t check[static TOKEN_KEY_CHECK_LEN],
                                int64_t deadline, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_bytes(&params, check, TOKEN_KEY_CHECK_LEN);
    if (!pg_run(db, "INSERT INTO telemetry.master_key (key_check) VALUES ($1) ON CONFLICT DO NOTHING",
                &params, deadline, NULL, err) ||
        !pg_run(db, "SELECT key_check = $1 FROM telemetry.master_key FOR SHARE", &params, deadline, &result,
                err))
        return false;
    bool same = PQntuples(result) == 1 && pg_bool(result, 0, 0);
    PQclear(result);
    return same ||
           err_set(err, "the secrets of this database are sealed under another master key than that of"
                        " VOX_SINK_MASTER_KEY_FILE; use the file that the sinks have");
}

// A look comes after the lock, in a statement of its own: one that waited would still see what was before.
static bool lock_token(struct db *db, const char *sql, struct str name, int64_t deadline, bool *ret_found,
                       struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_text(&params, name);
    if (!pg_run(db, sql, &params, deadline, &result, err))
        return false;
    *ret_found = PQntuples(result) == 1;
    PQclear(result);
    return true;
}

bool token_key_count(struct db *db, struct str key_id, int64_t deadline, int64_t *ret_active, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    bool found;
    if (!lock_token(db, "SELECT FROM telemetry.tokens WHERE key_id = $1 FOR UPDATE", key_id, deadline, &found,
                    err))
        return false;
    if (!found)
        return err_set(err, "no token has the key id %.*s; vox-sink token list shows them", STR_FMT(key_id));
    pg_param_text(&params, key_id);
    if (!pg_run(db,
                "SELECT count(*) FROM telemetry.token_keys k JOIN telemetry.tokens t ON t.id = k.token_id"
                " WHERE t.key_id = $1 AND " ACTIVE,
                &params, deadline, &result, err))
        return false;
    *ret_active = pg_i64(result, 0, 0);
    PQclear(result);
    return true;
}

bool token_key_insert(struct db *db, struct str key_id, const struct token_key_row *key, int64_t deadline,
                      struct err *err)
{
    struct pg_params params = {0};
    int64_t active;
    bool taken;
    if (!token_key_count(db, key_id, deadline, &active, err))
        return false;
    if (active >= TOKEN_KEYS_ACTIVE)
        return err_set(err,
                       "the token has %d active signing keys already; vox-sink token key retire ends one",
                       TOKEN_KEYS_ACTIVE);
    if (!key->is_public && !agree_on_master_key(db, key->key_check, deadline, err))
        return false;
    pg_param_text(&params, key_id);
    pg_param_text(&params, key->kid);
    pg_param_text(&params, key->is_public ? STR("ed25519") : STR("hmac"));
    pg_param_bytes(&params, key->is_public ? NULL : key->sealed.ptr, key->is_public ? 0 : key->sealed.len);
    pg_param_bytes(&params, key->is_public ? key->public_key : NULL,
                   key->is_public ? TOKEN_KEY_PUBLIC_LEN : 0);
    if (!pg_run_unique(db,
                       "INSERT INTO telemetry.token_keys (token_id, kid, kind, sealed, public_key)"
                       " SELECT id, $2, $3, $4, $5 FROM telemetry.tokens WHERE key_id = $1",
                       &params, deadline, &taken, err))
        return false;
    return !taken || err_set(err, "there is a key with this kid already; add another");
}

bool store_token_key_add(struct db *db, const struct token_key_row *key, struct err *err)
{
    int64_t deadline = pg_deadline_in(KEYS_USEC);
    if (!pg_begin(db, deadline, err))
        return false;
    if (token_key_insert(db, key->token, key, deadline, err))
        return pg_commit(db, deadline, err);
    pg_rollback(db, deadline);
    return false;
}

static bool is_last(struct db *db, struct str kid, int64_t deadline, bool *ret_last, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_text(&params, kid);
    if (!pg_run(db,
                "SELECT t.signature = 'required' AND t.revoked_at IS NULL AND NOT EXISTS (SELECT FROM"
                " telemetry.token_keys k WHERE k.token_id = t.id AND k.kid <> $1 AND " ACTIVE ")"
                " FROM telemetry.tokens t JOIN telemetry.token_keys o ON o.token_id = t.id WHERE o.kid = $1",
                &params, deadline, &result, err))
        return false;
    *ret_last = PQntuples(result) == 1 && pg_bool(result, 0, 0);
    PQclear(result);
    return true;
}

static bool retire(struct db *db, struct str kid, int64_t after_us, int64_t deadline, struct err *err)
{
    struct pg_params change = {0};
    bool found, last;
    if (!lock_token(db,
                    "SELECT FROM telemetry.tokens WHERE id ="
                    " (SELECT token_id FROM telemetry.token_keys WHERE kid = $1) FOR UPDATE",
                    kid, deadline, &found, err))
        return false;
    if (!found)
        return err_set(err, "there is no signing key %.*s; vox-sink token key list shows them", STR_FMT(kid));
    if (!is_last(db, kid, deadline, &last, err))
        return false;
    if (last)
        return err_set(
            err, "the token requires signatures and has no other key; add one with vox-sink token key add,"
                 " or vox-sink token set KEYID --signature off");
    pg_param_text(&change, kid);
    pg_param_i64(&change, after_us);
    return pg_run(
        db,
        "UPDATE telemetry.token_keys SET retired_at = CASE WHEN $2 = 0 THEN coalesce(retired_at, now()) ELSE"
        " retired_at END, not_after = CASE WHEN $2 > 0 THEN"
        " least(not_after, now() + $2 * interval '1 microsecond') ELSE not_after END WHERE kid = $1",
        &change, deadline, NULL, err);
}

bool store_token_key_retire(struct db *db, struct str kid, int64_t after_us, struct err *err)
{
    int64_t deadline = pg_deadline_in(KEYS_USEC);
    if (!pg_begin(db, deadline, err))
        return false;
    if (retire(db, kid, after_us, deadline, err))
        return pg_commit(db, deadline, err);
    pg_rollback(db, deadline);
    return false;
}

static bool read_key(const PGresult *result, int i, struct arena *arena, struct token_key_row *ret_row)
{
    struct str sealed = pg_text(result, i, 4);
    *ret_row = (struct token_key_row){
        .token_id = pg_i32(result, i, 0),
        .token = arena_dup(arena, pg_text(result, i, 1)),
        .kid = arena_dup(arena, pg_text(result, i, 2)),
        .is_public = pg_bool(result, i, 3),
        .sealed = sealed.ptr ? arena_dup(arena, sealed) : STR_NULL,
        .created_at = pg_time(result, i, 6),
        .not_after = pg_time(result, i, 7),
    };
    return ret_row->token.ptr && ret_row->kid.ptr &&
           (ret_row->is_public ? pg_bytes(result, i, 5, ret_row->public_key, TOKEN_KEY_PUBLIC_LEN)
                               : ret_row->sealed.ptr != NULL);
}

#define LIST_SQL                                                                                       \
    "SELECT k.token_id, t.key_id, k.kid, k.kind = 'ed25519', k.sealed, k.public_key, k.created_at,"    \
    " least(k.not_after, k.retired_at) FROM telemetry.token_keys k JOIN telemetry.tokens t ON t.id = " \
    "k.token_id"

static bool list(struct db *db, const char *sql, struct arena *arena, struct token_key_row **ret_rows,
                 size_t *ret_count, struct err *err)
{
    const struct pg_params none = {0};
    PGresult *result;
    if (!pg_run(db, sql, &none, pg_deadline_in(KEYS_USEC), &result, err))
        return false;
    int count = PQntuples(result);
    struct token_key_row *rows = arena_zalloc(arena, (size_t)count * sizeof(*rows));
    bool good = rows != NULL;
    for (int i = 0; i < count && good; i++)
        good = read_key(result, i, arena, &rows[i]);
    PQclear(result);
    if (!good)
        return err_set(err, "no memory for the list of signing keys");
    *ret_rows = rows;
    *ret_count = (size_t)count;
    return true;
}

bool store_token_key_list(struct db *db, bool active, struct arena *arena, struct token_key_row **ret_rows,
                          size_t *ret_count, struct err *err)
{
    return list(db,
                active ? LIST_SQL " WHERE " ACTIVE " ORDER BY k.token_id, k.id"
                       : LIST_SQL " ORDER BY k.token_id, k.id",
                arena, ret_rows, ret_count, err);
}

bool store_master_key_check(struct db *db, uint8_t ret_check[static TOKEN_KEY_CHECK_LEN], bool *ret_found,
                            struct err *err)
{
    const struct pg_params none = {0};
    PGresult *result;
    if (!pg_run(db, "SELECT key_check FROM telemetry.master_key", &none, pg_deadline_in(KEYS_USEC), &result,
                err))
        return false;
    *ret_found = PQntuples(result) == 1 && pg_bytes(result, 0, 0, ret_check, TOKEN_KEY_CHECK_LEN);
    PQclear(result);
    return true;
}

struct rotation {
    const uint8_t *old_check, *new_check;
    bool (*reseal)(void *context, struct token_key_row *row, struct arena *arena, struct err *err);
    void *context;
    size_t count;
};

static bool change_check(struct db *db, const struct rotation *r, int64_t deadline, struct err *err)
{
    struct pg_params params = {0};
    PGresult *result;
    pg_param_bytes(&params, r->new_check, TOKEN_KEY_CHECK_LEN);
    pg_param_bytes(&params, r->old_check, r->old_check ? TOKEN_KEY_CHECK_LEN : 0);
    if (!pg_run(db,
                "UPDATE telemetry.master_key SET key_check = $1, changed_at = now()"
                " WHERE $2 IS NULL OR key_check = $2",
                &params, deadline, &result, err))
        return false;
    bool changed = strcmp(PQcmdTuples(result), "1") == 0;
    PQclear(result);
    return changed || err_set(err, "%s; nothing was changed",
                              r->old_check ? "this database has no secrets sealed under the old key given"
                                           : "this database has no sealed secrets: any key will do");
}

static bool write_sealed(struct db *db, const struct token_key_row *row, int64_t deadline, struct err *err)
{
    struct pg_params params = {0};
    pg_param_text(&params, row->kid);
    pg_param_bytes(&params, row->sealed.ptr, row->sealed.len);
    return pg_run(db, "UPDATE telemetry.token_keys SET sealed = $2 WHERE kid = $1", &params, deadline, NULL,
                  err);
}

static bool rotate(struct db *db, struct rotation *r, struct arena *arena, int64_t deadline, struct err *err)
{
    struct token_key_row *rows;
    size_t count;
    // Whoever adds a key holds the row shared until its transaction ends: we see all of them.
    if (!change_check(db, r, deadline, err) ||
        !pg_run(db,
                r->old_check ? "DELETE FROM telemetry.token_keys k WHERE k.kind = 'hmac' AND NOT (" ACTIVE ")"
                             : "DELETE FROM telemetry.token_keys k WHERE k.kind = 'hmac'",
                NULL, deadline, NULL, err) ||
        !list(db, LIST_SQL " WHERE k.kind = 'hmac' ORDER BY k.id", arena, &rows, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!r->reseal(r->context, &rows[i], arena, err) || !write_sealed(db, &rows[i], deadline, err))
            return false;
    r->count = count;
    return true;
}

bool store_master_key_rotate(struct db *db, const uint8_t *old_check,
                             const uint8_t new_check[static TOKEN_KEY_CHECK_LEN],
                             bool (*reseal)(void *context, struct token_key_row *row, struct arena *arena,
                                            struct err *err),
                             void *context, size_t *ret_count, struct err *err)
{
    struct rotation rotation = {old_check, new_check, reseal, context, 0};
    int64_t deadline = pg_deadline_in(10 * KEYS_USEC);
    struct arena arena;
    if (!pg_begin(db, deadline, err))
        return false;
    arena_init(&arena, (size_t)64 * 1024, (size_t)256 * 1024 * 1024);
    bool ok = rotate(db, &rotation, &arena, deadline, err);
    arena_release(&arena);
    if (ok) {
        *ret_count = rotation.count;
        return pg_commit(db, deadline, err);
    }
    pg_rollback(db, deadline);
    return false;
}
