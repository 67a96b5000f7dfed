// SPDX-License-Identifier: Apache-2.0
// `vox-sink token key add|list|retire`.
#include "server/cmd_token.h"

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "server/config/args.h"
#include "server/config/table.h"

#include <fcntl.h>
#include <sodium.h>

#define LIST_CEILING ((size_t)64 * 1024 * 1024)
#define FILE_MAX     4096

enum { ADD_PUBLIC, ADD_JSON };

// ---- add

static int print_added(const struct token_key_row *row, const char *secret, bool json)
{
    if (!json) {
        if (secret)
            puts(secret);
        fflush(stdout);
        if (!secret || isatty(STDOUT_FILENO))
            fprintf(secret ? stderr : stdout, "key %.*s added to token %.*s\n", STR_FMT(row->kid),
                    STR_FMT(row->token));
        return EXIT_OK;
    }
    struct buf buf;
    struct json_writer w;
    char room[512];
    buf_init_fixed(&buf, room, sizeof(room));
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "key_id", row->token);
    json_str(&w, "signing_kid", row->kid);
    if (secret)
        json_str(&w, "signing_secret", str_from(secret));
    json_end_object(&w);
    return token_write_wiped(&buf);
}

static int add_row(const struct call *call, const struct token_key_row *row, const char *secret, bool json)
{
    struct err err;
    int code;
    struct db *db = command_database(call, true, &code);
    if (!db)
        return code;
    bool ok = store_token_key_add(db, row, &err);
    db_close(db);
    return ok ? print_added(row, secret, json) : command_error(EXIT_FAILED, "%s", err.text);
}

static int add_secret(const struct call *call, struct str key_id, bool json)
{
    struct token_key_row row;
    int code;
    struct master_key *master = token_master_key(call, &code);
    if (!master)
        return code;
    struct token_secret *secret = token_secret_new(master, key_id, &row);
    master_key_free(master);
    if (!secret)
        return command_error(EXIT_FAILED, "no memory for the signing secret");
    code = add_row(call, &row, secret->text, json);
    sodium_free(secret);
    return code;
}

// The text is the key, or names a file that holds it.
static bool read_public(const char *text, struct signing_key *key, struct err *err)
{
    struct buf buf;
    if (signing_public_parse(str_from(text), key))
        return true;
    buf_init(&buf, FILE_MAX);
    bool ok = file_read_at(AT_FDCWD, text, &buf, err);
    if (ok && !signing_public_parse(buf_str(&buf), key))
        ok = err_set(err,
                     "%.200s holds no Ed25519 public key: whpk_ and base64, base64 alone, or PEM as"
                     " openssl pkey -pubout makes it",
                     text);
    buf_release(&buf);
    return ok;
}

static int add(struct call *call)
{
    const struct flag *flags = call->flags;
    struct str key_id;
    struct signing_key key;
    struct err err;
    char kid[SIGNING_KID_LEN];
    if (!token_word(call, &key_id))
        return EXIT_USAGE;
    if (!flags[ADD_PUBLIC].given)
        return add_secret(call, key_id, flags[ADD_JSON].given);
    if (!read_public(flags[ADD_PUBLIC].value, &key, &err))
        return command_error(EXIT_USAGE, "--public: %s", err.text);
    signing_kid_generate(kid);
    struct token_key_row row = {.token = key_id, .kid = str_slice(kid, sizeof(kid)), .is_public = true};
    memcpy(row.public_key, key.bytes, SIGNING_PUBLIC_LEN);
    return add_row(call, &row, NULL, flags[ADD_JSON].given);
}

static const struct flag key_add_flags[] = {
    [ADD_PUBLIC] = {"public", "FILE|BASE64", "an Ed25519 public key, in place of a fresh secret"},
    [ADD_JSON] = FLAG_FOR_JSON};

static const struct command key_add = {
    .uses_database = true,
    .name = "token key add",
    .words = "KEYID",
    .min_words = 1,
    .max_words = 1,
    .about = "Gives a token a signing key beside the one it has, two at most: the way to\n"
             "rotate them is add, let clients change over, retire. Prints the fresh secret,\n"
             "alone, on standard output, once. KEYID is the token's.",
    COMMAND_FLAGS(key_add_flags),
    .run = add};

// ---- list

static const char *kind_of(const struct token_key_row *row)
{
    return row->is_public ? "ed25519" : "hmac";
}

static int list_json(const struct token_key_row *rows, size_t count, int64_t now_us)
{
    struct buf buf;
    struct json_writer w;
    command_json_begin(&buf, &w, "keys");
    for (size_t i = 0; i < count; i++) {
        char created[RFC3339_LEN + 1], ends[RFC3339_LEN + 1];
        bool endless = rows[i].not_after == INT64_MAX;
        rfc3339_format(rows[i].created_at, created);
        if (!endless)
            rfc3339_format(rows[i].not_after, ends);
        json_begin_object(&w);
        json_str(&w, "kid", rows[i].kid);
        json_str(&w, "key_id", rows[i].token);
        json_str(&w, "kind", str_from(kind_of(&rows[i])));
        json_str(&w, "created_at", str_from(created));
        json_str(&w, "not_after", endless ? STR_NULL : str_from(ends));
        json_str(&w, "state", rows[i].not_after > now_us ? STR("active") : STR("retired"));
        json_end_object(&w);
    }
    return command_json_end(&buf, &w);
}

static int list_table(const struct token_key_row *rows, size_t count, int64_t now_us)
{
    static const char *const titles[] = {"KID", "TOKEN", "KIND", "STATE", "CREATED", "ENDS"};
    struct table table;
    if (count == 0) {
        puts("no signing keys yet; vox-sink token key add KEYID makes one");
        return EXIT_OK;
    }
    table_init(&table, titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < count; i++) {
        table_cell(&table, rows[i].kid);
        table_cell(&table, rows[i].token);
        table_cell(&table, str_from(kind_of(&rows[i])));
        table_cell(&table, rows[i].not_after > now_us ? STR("active") : STR("retired"));
        table_cell_time(&table, rows[i].created_at);
        table_cell_time(&table, rows[i].not_after);
    }
    return command_table(&table);
}

static int list(struct call *call)
{
    bool json = call->flags[0].given;
    struct token_key_row *rows;
    size_t count, kept = 0;
    struct arena arena;
    struct str key_id = STR_NULL;
    struct err err;
    int code;
    if (call->word_count && !token_word(call, &key_id))
        return EXIT_USAGE;
    struct db *db = command_database(call, true, &code);
    if (!db)
        return code;
    arena_init(&arena, (size_t)64 * 1024, LIST_CEILING);
    if (!store_token_key_list(db, false, &arena, &rows, &count, &err)) {
        code = command_error(EXIT_FAILED, "%s", err.text);
    } else {
        for (size_t i = 0; i < count; i++)
            if (!key_id.ptr || str_eq(rows[i].token, key_id))
                rows[kept++] = rows[i];
        int64_t now_us = clock_wall_us(clock_system());
        code = json ? list_json(rows, kept, now_us) : list_table(rows, kept, now_us);
    }
    arena_release(&arena);
    db_close(db);
    return code;
}

static const struct flag key_list_flags[] = {FLAG_FOR_JSON};

static const struct command key_list = {.uses_database = true,
                                        .name = "token key list",
                                        .words = "[KEYID]",
                                        .max_words = 1,
                                        .about =
                                            "Lists signing keys, of one token or of all; never a secret.",
                                        COMMAND_FLAGS(key_list_flags),
                                        .run = list};

// ---- retire

static int retire(struct call *call)
{
    const struct flag *after = &call->flags[0];
    struct str kid = str_from(call->word[0]);
    int64_t after_us;
    struct err err;
    int code;
    if (!signing_kid_is(kid))
        return command_error(EXIT_USAGE,
                             "a kid is 10 letters and digits; vox-sink token key list shows them");
    if (!args_duration("after", after->given ? after->value : "0", &after_us, &err))
        return command_error(EXIT_USAGE, "%s; see vox-sink %s --help", err.text, call->command->name);
    struct db *db = command_database(call, true, &code);
    if (!db)
        return code;
    bool ok = store_token_key_retire(db, kid, after_us, &err);
    db_close(db);
    if (!ok)
        return command_error(EXIT_FAILED, "%s", err.text);
    printf("key %.*s %s\n", STR_FMT(kid), after_us ? "will be retired" : "retired");
    return EXIT_OK;
}

static const struct flag key_retire_flags[] = {{"after", "TIME", "not now but in 7d or 12h"}};

static const struct command key_retire = {
    .uses_database = true,
    .name = "token key retire",
    .words = "KID",
    .min_words = 1,
    .max_words = 1,
    .about = "Ends a signing key for good. Running sinks follow within a second.",
    COMMAND_FLAGS(key_retire_flags),
    .run = retire};

static const struct subcommand subs[] = {{"add", "give a token another key", .command = &key_add},
                                         {"list", "list keys", .command = &key_list},
                                         {"retire", "end a key", .command = &key_retire}};

const struct family token_key = {.name = "token key",
                                 .about = "Signing keys: what a token's requests are signed with.",
                                 .subs = subs,
                                 .count = ARRAY_LEN(subs)};
