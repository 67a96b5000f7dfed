// SPDX-License-Identifier: Apache-2.0
// `vox-sink master-key create|rotate`.
#include "lib/base/file.h"
#include "server/token_flags.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>

// ---- create

// A file that is there is never touched: it may be what a database is sealed under.
static bool write_key(const char *path, struct err *err)
{
    char text[MASTER_KEY_TEXT_LEN + 2];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EEXIST ? err_set(err, "%s is there already, and is left as it is", path)
                               : err_set(err, "cannot make %s: %s", path, strerrordesc_np(errno));
    master_key_generate(text);
    text[MASTER_KEY_TEXT_LEN] = '\n';
    bool ok = fd_write_all(fd, text, MASTER_KEY_TEXT_LEN + 1) && fsync(fd) == 0;
    int why = errno;
    sodium_memzero(text, sizeof(text));
    ok = close(fd) == 0 && ok;
    if (ok)
        return true;
    unlink(path);
    return err_set(err, "cannot write %s: %s", path, strerrordesc_np(why));
}

static int make(struct call *call)
{
    struct err err;
    if (!write_key(call->word[0], &err))
        return command_error(EXIT_FAILED, "%s", err.text);
    printf("%s made\n", call->word[0]);
    return EXIT_OK;
}

static const struct command create = {
    .name = "master-key create",
    .words = "FILE",
    .min_words = 1,
    .max_words = 1,
    .about = "Makes a key to seal signing secrets under, in a new file that only its owner\n"
             "can read. Give the same file to every sink and to the token commands, as\n"
             "VOX_SINK_MASTER_KEY_FILE, and keep a copy where the database's is not.",
    .run = make};

// ---- rotate

enum { ROTATE_OLD, ROTATE_NEW, ROTATE_LOST };

struct change {
    struct master_key *from, *to; // `from` NULL: lost
};

// The daemon's user may own it, where root runs this.
static struct master_key *read_key(const struct config *config, const char *path, struct err *err)
{
    struct buf buf;
    char room[256];
    struct master_key *key = NULL;
    buf_init_fixed(&buf, room, sizeof(room));
    if (file_read_secret_of(path, config->owner, &buf, err))
        key = master_key_new(str_trim(buf_str(&buf)), err);
    sodium_memzero(room, sizeof(room));
    return key;
}

static bool reseal(void *context, struct token_key_row *row, struct arena *arena, struct err *err)
{
    const struct change *change = context;
    struct signing_key *key = sodium_malloc(sizeof(*key));
    uint8_t *sealed = arena_alloc(arena, SEALED_MAX);
    if (!key || !sealed || row->kid.len != SIGNING_KID_LEN || row->token.len != TOKEN_KEY_ID_LEN) {
        sodium_free(key);
        return err_set(err, "no memory to seal anew");
    }
    *key = (struct signing_key){.kind = SIGNING_HMAC};
    memcpy(key->kid, row->kid.ptr, SIGNING_KID_LEN);
    bool ok = seal_open(change->from, row->token, row->sealed, key);
    if (ok)
        row->sealed = str_slice(sealed, seal_secret(change->to, row->token, key, sealed));
    sodium_free(key);
    return ok || err_set(err, "the secret of key %.*s does not open with the old key; nothing was changed",
                         STR_FMT(row->kid));
}

static bool is_same(const struct master_key *a, const struct master_key *b)
{
    uint8_t one[MASTER_KEY_CHECK_LEN], other[MASTER_KEY_CHECK_LEN];
    master_key_check(a, one);
    master_key_check(b, other);
    return memcmp(one, other, sizeof(one)) == 0;
}

static int rotate_in(struct db *db, struct change *change)
{
    uint8_t from[MASTER_KEY_CHECK_LEN], to[MASTER_KEY_CHECK_LEN];
    size_t count;
    struct err err;
    master_key_check(change->to, to);
    if (change->from)
        master_key_check(change->from, from);
    if (!store_master_key_rotate(db, change->from ? from : NULL, to, reseal, change, &count, &err))
        return command_error(EXIT_FAILED, "%s", err.text);
    if (change->from)
        printf("%zu secrets sealed anew; give the new file to the token commands and to every sink, and "
               "restart them\n",
               count);
    else
        puts("all signing secrets have ended; vox-sink token key add makes new ones");
    return EXIT_OK;
}

static int rotate_with(struct call *call)
{
    const struct flag *flags = call->flags;
    struct change change = {0};
    struct err err = {""};
    int code;
    if (flags[ROTATE_OLD].given == flags[ROTATE_LOST].given || !flags[ROTATE_NEW].given)
        return command_error(EXIT_USAGE,
                             "give --new FILE, and either --old FILE or --lost; see vox-sink %s --help",
                             call->command->name);
    bool ok =
        flags[ROTATE_LOST].given || (change.from = read_key(&call->config, flags[ROTATE_OLD].value, &err));
    ok = ok && (change.to = read_key(&call->config, flags[ROTATE_NEW].value, &err));
    if (ok && change.from && is_same(change.from, change.to))
        ok = err_set(&err,
                     "--old and --new hold the same key; nothing was changed. vox-sink master-key create "
                     "makes a new one");
    struct db *db = ok ? command_database(call, true, &code) : NULL;
    if (!ok)
        code = command_error(EXIT_CONFIG, "%s", err.text);
    else if (db)
        code = rotate_in(db, &change);
    db_close(db);
    master_key_free(change.from);
    master_key_free(change.to);
    return code;
}

static const struct flag rotate_flags[] = {
    [ROTATE_OLD] = {"old", "FILE", "the key that secrets are sealed under"},
    [ROTATE_NEW] = {"new", "FILE", "the key to seal them under"},
    [ROTATE_LOST] = {"lost", NULL,
                     "the old key is lost: end all signing secrets, and begin with the new key"}};

static const struct command rotate = {
    .uses_database = true,
    .name = "master-key rotate",
    .about = "Seals every signing secret anew, in one transaction. Running sinks go on with\n"
             "the secrets they know; give them the new file and restart them one by one.\n"
             "Secrets that have ended are deleted.",
    COMMAND_FLAGS(rotate_flags),
    .run = rotate_with};

static const struct subcommand subs[] = {
    {"create", "make a key in a new file", .command = &create},
    {"rotate", "seal every secret under another key", .command = &rotate}};

const struct family cmd_master_key = {
    .name = "master-key",
    .about = "The master key: what signing secrets are sealed under in the database.",
    .subs = subs,
    .count = ARRAY_LEN(subs)};
