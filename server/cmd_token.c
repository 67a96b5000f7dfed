// SPDX-License-Identifier: Apache-2.0
// `vox-sink token`: create, list, and the way to what changes tokens.
#include "server/cmd_token.h"
#include "lib/base/clock.h"
#include "server/config/args.h"
#include "server/config/table.h"
#include "server/gate/gate.h"

#include <sodium.h>

enum { CREATE_PROJECT = SETTING_COUNT, CREATE_SCOPE, CREATE_JSON };

// Everything but key id and hash.
static bool row_from_flags(const struct flag *flags, struct token_row *row, struct err *err)
{
    unsigned scopes, fields;
    row->expires_at = INT64_MAX;
    if (!flags[CREATE_PROJECT].given || !flags[CREATE_SCOPE].given)
        return err_set(err, "a token needs --project NAME and --scope ingest[,read,admin]");
    if (!args_project_name(flags[CREATE_PROJECT].value, &row->project, err))
        return false;
    if (!scopes_parse(str_from(flags[CREATE_SCOPE].value), &scopes))
        return err_set(err,
                       "--scope takes ingest, read and admin, separated by commas; \"%.60s\" is not that",
                       flags[CREATE_SCOPE].value);
    row->scopes = str_from(scopes_name(scopes));
    return token_settings(flags, row, &fields, err);
}

static bool wants_key(const struct token_row *row)
{
    return row->signature.ptr && !str_eq(row->signature, STR("off"));
}

// The token is made, stored and shown; `master` where it signs.
static int create_with(const struct call *call, struct token_row *row, const struct master_key *master,
                       bool json)
{
    struct token_key_row key;
    struct token_secret *secret = NULL;
    struct str text;
    struct err err;
    int code;
    bool old = true; // the project
    char token[TOKEN_TEXT_LEN + 1];
    struct db *db = command_database(call, true, &code);
    if (!db)
        return code;
    token_generate(token);
    BUG_ON(!token_parse(str_from(token), &row->key_id, &text));
    token_hash(row->key_id, text, row->hash);
    if (master)
        secret = token_secret_new(master, row->key_id, &key);
    if (master && !secret)
        code = command_error(EXIT_FAILED, "no memory for the signing secret");
    else if (!store_project_exists(db, row->project, &old, &err) ||
             !store_token_create(db, row, secret ? &key : NULL, &err))
        code = command_error(EXIT_FAILED, "%s", err.text);
    else
        code = token_print(token, row, secret, json);
    if (!old && code == EXIT_OK) // a misspelt name is seen at once
        command_error(0, "the project %.*s is new; it takes events up to class S1", STR_FMT(row->project));
    sodium_memzero(token, sizeof(token));
    sodium_free(secret);
    db_close(db);
    return code;
}

static int create(struct call *call)
{
    const struct flag *flags = call->flags;
    struct token_row row = {0};
    struct master_key *master = NULL;
    struct err err;
    int code;
    if (!row_from_flags(flags, &row, &err))
        return command_error(EXIT_USAGE, "%s; see vox-sink %s --help", err.text, call->command->name);
    if (wants_key(&row)) {
        master = token_master_key(call, &code);
        if (!master)
            return code;
    }
    token_warn_contracts(call, row.contracts);
    token_warn_rate(call, row.rate_milli);
    code = create_with(call, &row, master, flags[CREATE_JSON].given);
    master_key_free(master);
    return code;
}

static const struct flag token_create_flags[] = {
    TOKEN_SETTING_FLAGS,
    [CREATE_PROJECT] = {"project", "NAME", "project it belongs to; made, with class S1, where there is none"},
    [CREATE_SCOPE] = {"scope", "SCOPES", "one or more of ingest, read, admin, separated by commas",
                      "ingest|read|admin"},
    [CREATE_JSON] = {"json", NULL, "one JSON object for machines, the signing secret in it"}};

static const struct command token_create = {
    .uses_database = true,
    .name = "token create",
    .about = "Makes a token and prints it, alone, on standard output. Only its hash is kept:\n"
             "it cannot be shown again. With signatures a signing secret is made too and shown\n"
             "once, on standard error or in the JSON.",
    COMMAND_FLAGS(token_create_flags),
    .run = create};

static const char *state_of(const struct token_row *row, int64_t now_us)
{
    if (row->revoked)
        return "revoked";
    return row->expires_at <= now_us ? "expired" : "active";
}

static int list_json(const struct token_row *rows, size_t count, int64_t now_us)
{
    struct buf buf;
    struct json_writer w;
    command_json_begin(&buf, &w, "tokens");
    for (size_t i = 0; i < count; i++) {
        char created[RFC3339_LEN + 1], used[RFC3339_LEN + 1];
        bool unused = rows[i].last_used_at == INT64_MAX;
        rfc3339_format(rows[i].created_at, created);
        if (!unused)
            rfc3339_format(rows[i].last_used_at, used);
        json_begin_object(&w);
        token_json(&w, &rows[i]);
        json_str(&w, "created_at", str_from(created));
        json_str(&w, "last_used_at", unused ? STR_NULL : str_from(used));
        json_str(&w, "state", str_from(state_of(&rows[i], now_us)));
        json_end_object(&w);
    }
    return command_json_end(&buf, &w);
}

static int list_table(const struct token_row *rows, size_t count, int64_t now_us)
{
    static const char *const titles[] = {"KEY ID",    "PROJECT", "SCOPES",    "STATE",
                                         "LAST USED", "EXPIRES", "SIGNATURE", "LABEL"};
    struct table table;
    if (count == 0) {
        puts("no tokens yet; vox-sink token create --project NAME --scope ingest makes one");
        return EXIT_OK;
    }
    table_init(&table, titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < count; i++) {
        table_cell(&table, rows[i].key_id);
        table_cell(&table, rows[i].project);
        table_cell(&table, rows[i].scopes);
        table_cell(&table, str_from(state_of(&rows[i], now_us)));
        table_cell_time(&table, rows[i].last_used_at);
        table_cell_time(&table, rows[i].expires_at);
        table_cell(&table, rows[i].signature);
        table_cell(&table, rows[i].label);
    }
    return command_table(&table);
}

static int list(const struct call *call, struct db *db, struct arena *arena)
{
    struct token_row *rows;
    size_t count;
    struct err err;
    int64_t now_us = clock_wall_us(clock_system());
    if (!store_token_list(db, arena, &rows, &count, &err))
        return command_error(EXIT_FAILED, "%s", err.text);
    return call->flags[0].given ? list_json(rows, count, now_us) : list_table(rows, count, now_us);
}

static const struct flag token_list_flags[] = {FLAG_FOR_JSON};

static const struct command token_list = {
    .uses_database = true,
    .name = "token list",
    .about = "Lists all tokens, revoked and expired ones too, by their public key id.\n"
             "Sinks write down when a token was last used about once a minute.",
    COMMAND_FLAGS(token_list_flags),
    .run_database = list};

static const struct subcommand subs[] = {
    {"create", "make a token and print it, once", .command = &token_create},
    {"list", "list tokens", .command = &token_list},
    {"set", "change what a token may do", .command = &token_set},
    {"rotate", "replace a token, with some overlap", .command = &token_rotate},
    {"revoke", "end a token", .command = &token_revoke},
    {"key", "keys that a token's requests are signed with", .family = &token_key}};

const struct family cmd_token = {.name = "token",
                                 .about = "Tokens: what a client sends to be let in.",
                                 .subs = subs,
                                 .count = ARRAY_LEN(subs)};
