// SPDX-License-Identifier: Apache-2.0
// `vox-sink token create|list|revoke`.
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/wire/token.h"
#include "server/command.h"
#include "server/config/args.h"
#include "server/config/table.h"
#include "server/gate/gate.h"
#include "server/store/admin.h"

#include <sodium.h>

#define LABEL_MAX    200
#define LIST_CEILING ((size_t)64 * 1024 * 1024)

enum { CREATE_PROJECT, CREATE_SCOPE, CREATE_LABEL, CREATE_EXPIRES, CREATE_JSON };

// Everything but key id and hash.
static bool row_from_flags(const struct flag *flags, struct token_row *row, struct err *err)
{
    unsigned scopes;
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
    row->label = str_from(flags[CREATE_LABEL].value);
    if (row->label.len > LABEL_MAX)
        return err_set(err, "--label is longer than %d bytes", LABEL_MAX);
    for (size_t i = 0; i < row->label.len; i++)
        if ((unsigned char)row->label.ptr[i] < 0x20 || row->label.ptr[i] == 0x7f)
            return err_set(err, "--label holds a line break or another control character");
    if (row->label.len == 0)
        row->label = STR_NULL;
    return !flags[CREATE_EXPIRES].given ||
           args_expiry(flags[CREATE_EXPIRES].value, clock_wall_us(clock_system()), &row->expires_at, err);
}

static void put_row(struct json_writer *w, const struct token_row *row)
{
    char expires[RFC3339_LEN + 1];
    json_str(w, "key_id", row->key_id);
    json_str(w, "project", row->project);
    struct str scopes = row->scopes;
    json_key(w, "scopes");
    json_begin_array(w);
    while (scopes.ptr)
        json_value_str(w, str_cut(&scopes, ','));
    json_end_array(w);
    json_str(w, "label", row->label);
    if (row->expires_at != INT64_MAX)
        rfc3339_format(row->expires_at, expires);
    json_str(w, "expires_at", row->expires_at == INT64_MAX ? STR_NULL : str_from(expires));
}

static int print_token(const char *token, const struct token_row *row, bool json)
{
    if (json) {
        struct buf buf;
        struct json_writer w;
        buf_init(&buf, 8192);
        json_writer_init(&w, &buf);
        json_begin_object(&w);
        json_str(&w, "token", str_from(token));
        put_row(&w, row);
        json_end_object(&w);
        return command_write(&buf);
    }
    puts(token);
    fflush(stdout);
    if (isatty(STDOUT_FILENO))
        fprintf(stderr, "This is the only time the token is shown. vox-sink token revoke %.*s ends it.\n",
                STR_FMT(row->key_id));
    return EXIT_OK;
}

static int create(const struct command *command, const struct flag *flags)
{
    struct token_row row = {0};
    struct err err;
    struct str secret;
    int code;
    if (!row_from_flags(flags, &row, &err))
        return command_error(EXIT_USAGE, "%s; see vox-sink %s --help", err.text, command->name);
    struct db *db = command_database(command, true, &code);
    if (!db)
        return code;
    char token[TOKEN_TEXT_LEN + 1];
    token_generate(token);
    BUG_ON(!token_parse(str_from(token), &row.key_id, &secret));
    token_hash(row.key_id, secret, row.hash);
    if (store_token_create(db, &row, &err))
        code = print_token(token, &row, flags[CREATE_JSON].given);
    else
        code = command_error(EXIT_FAILED, "%s", err.text);
    sodium_memzero(token, sizeof(token));
    db_close(db);
    return code;
}

static int token_create(int argc, char **argv)
{
    struct flag flags[] = {
        [CREATE_PROJECT] = {"project", "NAME",
                            "project it belongs to; made, with class S1, where there is none"},
        [CREATE_SCOPE] = {"scope", "SCOPES", "one or more of ingest, read, admin, separated by commas"},
        [CREATE_LABEL] = {"label", "TEXT", "what people call it"},
        [CREATE_EXPIRES] = {"expires", "WHEN", "90d or 12h from now, or 2027-01-31T00:00:00Z [never]"},
        [CREATE_JSON] = {"json", NULL, "one JSON object for machines"}};
    struct command command = {
        .uses_database = true,
        .name = "token create",
        .about = "Makes a token and prints it, alone, on standard output. Only its hash is kept:\n"
                 "it cannot be shown again.",
        .flags = flags,
        .flag_count = ARRAY_LEN(flags)};
    int code;
    if (!command_begin(&command, argc, argv, &code))
        return code;
    code = create(&command, flags);
    command_end(&command);
    return code;
}

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
    buf_init(&buf, LIST_CEILING);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_key(&w, "tokens");
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++) {
        char created[RFC3339_LEN + 1];
        rfc3339_format(rows[i].created_at, created);
        json_begin_object(&w);
        put_row(&w, &rows[i]);
        json_str(&w, "created_at", str_from(created));
        json_str(&w, "state", str_from(state_of(&rows[i], now_us)));
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return command_write(&buf);
}

static int list_table(const struct token_row *rows, size_t count, int64_t now_us)
{
    static const char *const titles[] = {"KEY ID",  "PROJECT", "SCOPES", "STATE",
                                         "CREATED", "EXPIRES", "LABEL"};
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
        table_cell_time(&table, rows[i].created_at);
        table_cell_time(&table, rows[i].expires_at);
        table_cell(&table, rows[i].label);
    }
    bool ok = table_print(&table, stdout);
    table_release(&table);
    return ok ? EXIT_OK : command_error(EXIT_FAILED, "out of memory");
}

static int token_list(int argc, char **argv)
{
    struct flag flags[] = {{"json", NULL, "one JSON object for machines"}};
    struct command command = {.uses_database = true,
                              .name = "token list",
                              .about =
                                  "Lists all tokens, revoked and expired ones too, by their public key id.",
                              .flags = flags,
                              .flag_count = ARRAY_LEN(flags)};
    int code;
    if (!command_begin(&command, argc, argv, &code))
        return code;
    struct db *db = command_database(&command, true, &code);
    if (db) {
        struct arena arena;
        struct token_row *rows;
        size_t count;
        struct err err;
        int64_t now_us = clock_wall_us(clock_system());
        arena_init(&arena, (size_t)64 * 1024, LIST_CEILING);
        if (!store_token_list(db, &arena, &rows, &count, &err))
            code = command_error(EXIT_FAILED, "%s", err.text);
        else
            code = flags[0].given ? list_json(rows, count, now_us) : list_table(rows, count, now_us);
        arena_release(&arena);
        db_close(db);
    }
    command_end(&command);
    return code;
}

static int revoke_named(const struct command *command)
{
    struct str key_id = str_from(command->word[0]), ignored;
    bool found;
    struct err err;
    int code;
    // A whole token is what people have at hand; its key id is all that is needed.
    if (str_starts(key_id, STR("vts_")) && !token_parse(key_id, &key_id, &ignored))
        return command_error(EXIT_USAGE,
                             "this looks like a token, but it is damaged; vox-sink token list shows key "
                             "ids");
    struct db *db = command_database(command, true, &code);
    if (!db)
        return code;
    bool ok = store_token_revoke(db, key_id, &found, &err);
    db_close(db);
    if (!ok)
        return command_error(EXIT_FAILED, "%s", err.text);
    if (!found)
        return command_error(EXIT_FAILED, "no token has the key id %.40s; vox-sink token list shows them",
                             command->word[0]);
    printf("token %.*s revoked\n", STR_FMT(key_id));
    return EXIT_OK;
}

static int token_revoke(int argc, char **argv)
{
    struct command command = {.uses_database = true,
                              .name = "token revoke",
                              .words = "KEYID",
                              .min_words = 1,
                              .max_words = 1,
                              .about = "Ends a token for good. Running sinks follow within a second."};
    int code;
    if (!command_begin(&command, argc, argv, &code))
        return code;
    code = revoke_named(&command);
    command_end(&command);
    return code;
}

int cmd_token(int argc, char **argv)
{
    static const struct subcommand subs[] = {{"create", "make a token and print it, once", token_create},
                                             {"list", "list tokens", token_list},
                                             {"revoke", "end a token", token_revoke}};
    return command_dispatch("token", "Tokens: what a client sends to be let in.", subs, ARRAY_LEN(subs), argc,
                            argv);
}
