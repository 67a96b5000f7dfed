// SPDX-License-Identifier: Apache-2.0
// `vox-sink token set|rotate|revoke`.
#include "server/cmd_token.h"

#include "lib/base/clock.h"
#include "server/config/args.h"

#include <sodium.h>

#define LIST_CEILING    ((size_t)64 * 1024 * 1024)
#define OVERLAP_DEFAULT "7d"

// The token of a key id, its strings in `arena`; false after saying why not.
static bool find_token(struct db *db, struct arena *arena, struct str key_id, struct token_row *ret_row,
                       struct err *err)
{
    struct token_row *rows;
    size_t count;
    if (!store_token_list(db, arena, &rows, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (str_eq(rows[i].key_id, key_id)) {
            *ret_row = rows[i];
            return true;
        }
    return err_set(err, "no token has the key id %.*s; vox-sink token list shows them", STR_FMT(key_id));
}

// The token's active keys, moved to the front of `*ret_rows`.
static bool find_keys(struct db *db, struct arena *arena, struct str key_id, struct token_key_row **ret_rows,
                      size_t *ret_count, struct err *err)
{
    struct token_key_row *rows;
    size_t count, mine = 0;
    if (!store_token_key_list(db, true, arena, &rows, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (str_eq(rows[i].token, key_id))
            rows[mine++] = rows[i];
    *ret_rows = rows;
    *ret_count = mine;
    return true;
}

// ---- set

enum { SET_JSON = SETTING_COUNT };

static int print_set(const struct token_row *row, const struct token_secret *secret, bool json)
{
    if (!json) {
        printf("token %.*s changed\n", STR_FMT(row->key_id));
        fflush(stdout);
        if (secret)
            fprintf(stderr, "signing secret, shown only now: %s\n", secret->text);
        return EXIT_OK;
    }
    struct buf buf;
    struct json_writer w;
    char room[512];
    buf_init_fixed(&buf, room, sizeof(room));
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "key_id", row->key_id);
    if (secret) {
        json_str(&w, "signing_secret", str_from(secret->text));
        json_str(&w, "signing_kid", str_slice(secret->key.kid, SIGNING_KID_LEN));
    }
    json_end_object(&w);
    return token_write_wiped(&buf);
}

// Turning signatures on makes a first secret, unless the token has a key.
static int set_signed(const struct call *call, struct db *db, const struct token_row *row, unsigned fields,
                      bool json)
{
    struct token_key_row key;
    bool added;
    struct err err;
    int code;
    struct master_key *master = token_master_key(call, &code);
    if (!master)
        return code;
    struct token_secret *secret = token_secret_new(master, row->key_id, &key);
    if (!secret)
        code = command_error(EXIT_FAILED, "no memory for the signing secret");
    else if (store_token_set(db, row, fields, &key, &added, &err))
        code = print_set(row, added ? secret : NULL, json);
    else
        code = command_error(EXIT_FAILED, "%s", err.text);
    sodium_free(secret);
    master_key_free(master);
    return code;
}

static int set_with(const struct call *call, struct db *db, const struct token_row *row, unsigned fields,
                    bool json)
{
    struct token_key_row *keys;
    size_t key_count = 1;
    bool added, ok = true;
    struct arena arena;
    struct err err;
    arena_init(&arena, (size_t)64 * 1024, LIST_CEILING);
    if ((fields & TOKEN_SIGNATURE) && !str_eq(row->signature, STR("off")))
        ok = find_keys(db, &arena, row->key_id, &keys, &key_count, &err);
    arena_release(&arena);
    if (ok && key_count == 0)
        return set_signed(call, db, row, fields, json);
    if (ok && store_token_set(db, row, fields, NULL, &added, &err))
        return print_set(row, NULL, json);
    return command_error(EXIT_FAILED, "%s", err.text);
}

static int set(struct call *call)
{
    const struct flag *flags = call->flags;
    struct token_row row = {0};
    unsigned fields;
    struct err err;
    int code;
    if (!token_word(call, &row.key_id))
        return EXIT_USAGE;
    if (!token_settings(flags, &row, &fields, &err))
        return command_error(EXIT_USAGE, "%s; see vox-sink %s --help", err.text, call->command->name);
    if (fields == 0)
        return command_error(EXIT_USAGE, "nothing to change; see vox-sink %s --help", call->command->name);
    token_warn_contracts(call, row.contracts);
    token_warn_rate(call, row.rate_milli);
    struct db *db = command_database(call, true, &code);
    if (!db)
        return code;
    code = set_with(call, db, &row, fields, flags[SET_JSON].given);
    db_close(db);
    return code;
}

static const struct flag token_set_flags[] = {TOKEN_SETTING_FLAGS, [SET_JSON] = FLAG_FOR_JSON};

const struct command token_set = {
    .uses_database = true,
    .name = "token set",
    .words = "KEYID",
    .min_words = 1,
    .max_words = 1,
    .about = "Changes a token. Running sinks follow within a second. Where signatures are\n"
             "turned on and the token has no key, a signing secret is made and shown, once.",
    COMMAND_FLAGS(token_set_flags),
    .run = set};

// ---- rotate

enum { ROTATE_OVERLAP, ROTATE_JSON };

struct rotation {
    const struct call *call;
    struct db *db;
    struct arena arena;
    struct token_row old, fresh;
    struct token_key_row keys[TOKEN_KEYS_ACTIVE];
    char kids[TOKEN_KEYS_ACTIVE][SIGNING_KID_LEN];
    size_t key_count;
    struct token_secret *secret;
    int64_t overlap_us;
};

// A fresh secret where the old token has one, or signs without any key; public keys go over, as their owner
// keeps the other half.
static bool rotate_keys(struct rotation *r, int *ret_code)
{
    struct token_key_row *old;
    size_t count;
    struct err err;
    if (!find_keys(r->db, &r->arena, r->old.key_id, &old, &count, &err)) {
        *ret_code = command_error(EXIT_FAILED, "%s", err.text);
        return false;
    }
    bool secret = count == 0 && !str_eq(r->old.signature, STR("off"));
    for (size_t i = 0; i < count && r->key_count < TOKEN_KEYS_ACTIVE; i++) {
        if (!old[i].is_public) {
            secret = true;
            continue;
        }
        struct token_key_row *key = &r->keys[r->key_count];
        *key = old[i];
        signing_kid_generate(r->kids[r->key_count]);
        key->kid = str_slice(r->kids[r->key_count], SIGNING_KID_LEN);
        r->key_count++;
    }
    if (!secret)
        return true;
    struct master_key *master = token_master_key(r->call, ret_code);
    if (!master)
        return false;
    BUG_ON(r->key_count == TOKEN_KEYS_ACTIVE);
    r->secret = token_secret_new(master, r->fresh.key_id, &r->keys[r->key_count++]);
    master_key_free(master);
    if (!r->secret)
        *ret_code = command_error(EXIT_FAILED, "no memory for the signing secret");
    return r->secret;
}

static int rotate(struct rotation *r, struct str key_id, bool json)
{
    char token[TOKEN_TEXT_LEN + 1];
    struct str text;
    struct err err;
    int code;
    if (!find_token(r->db, &r->arena, key_id, &r->old, &err))
        return command_error(EXIT_FAILED, "%s", err.text);
    token_generate(token);
    r->fresh = r->old;
    BUG_ON(!token_parse(str_from(token), &r->fresh.key_id, &text));
    token_hash(r->fresh.key_id, text, r->fresh.hash);
    if (rotate_keys(r, &code)) {
        int64_t now = clock_wall_us(clock_system());
        if (r->old.expires_at != INT64_MAX)
            r->fresh.expires_at = now + (r->old.expires_at - r->old.created_at);
        if (store_token_rotate(r->db, key_id, &r->fresh, r->overlap_us, r->keys, r->key_count, &err))
            code = token_print(token, &r->fresh, r->secret, json);
        else
            code = command_error(EXIT_FAILED, "%s", err.text);
    }
    sodium_memzero(token, sizeof(token));
    sodium_free(r->secret);
    return code;
}

static int rotate_named(struct call *call)
{
    const struct flag *flags = call->flags;
    struct rotation r = {.call = call};
    struct str key_id;
    struct err err;
    int code;
    if (!token_word(call, &key_id))
        return EXIT_USAGE;
    if (!args_duration("overlap", flags[ROTATE_OVERLAP].given ? flags[ROTATE_OVERLAP].value : OVERLAP_DEFAULT,
                       &r.overlap_us, &err))
        return command_error(EXIT_USAGE, "%s; see vox-sink %s --help", err.text, call->command->name);
    r.db = command_database(call, true, &code);
    if (!r.db)
        return code;
    arena_init(&r.arena, (size_t)64 * 1024, LIST_CEILING);
    code = rotate(&r, key_id, flags[ROTATE_JSON].given);
    arena_release(&r.arena);
    db_close(r.db);
    return code;
}

static const struct flag token_rotate_flags[] = {
    [ROTATE_OVERLAP] = {"overlap", "TIME",
                        "how long the old token stays good, 7d or 12h or 0 [" OVERLAP_DEFAULT "]"},
    [ROTATE_JSON] = {"json", NULL, "one JSON object for machines, the signing secret in it"}};

const struct command token_rotate = {
    .uses_database = true,
    .name = "token rotate",
    .words = "KEYID",
    .min_words = 1,
    .max_words = 1,
    .about = "Makes a new token that may do what the old one may, for as long a time, and\n"
             "prints it once. The old one ends after the overlap. Where the old one has a\n"
             "signing secret the new one gets a fresh one; public keys go over.",
    COMMAND_FLAGS(token_rotate_flags),
    .run = rotate_named};

// ---- revoke

static int revoke_named(struct call *call)
{
    struct str key_id;
    bool found;
    struct err err;
    int code;
    if (!token_word(call, &key_id))
        return EXIT_USAGE;
    struct db *db = command_database(call, true, &code);
    if (!db)
        return code;
    bool ok = store_token_revoke(db, key_id, &found, &err);
    db_close(db);
    if (!ok)
        return command_error(EXIT_FAILED, "%s", err.text);
    if (!found)
        return command_error(EXIT_FAILED, "no token has the key id %.*s; vox-sink token list shows them",
                             STR_FMT(key_id));
    printf("token %.*s revoked\n", STR_FMT(key_id));
    return EXIT_OK;
}

const struct command token_revoke = {.uses_database = true,
                                     .name = "token revoke",
                                     .words = "KEYID",
                                     .min_words = 1,
                                     .max_words = 1,
                                     .about = "Ends a token for good. Running sinks follow within a second.",
                                     .run = revoke_named};
