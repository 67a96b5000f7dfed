// SPDX-License-Identifier: Apache-2.0
// The walk.
#include "client/walk.h"
#include "client/text.h"

struct walk {
    const struct options *options;
    const struct walk_step *step;
    void *context;
    struct spool *spool;
    uint64_t done, left_out;
};

void walk_say(const struct options *options, const char *done, uint64_t count)
{
    char text[TEXT_SHORT];
    text_count(count, text);
    if (!options->quiet)
        printf("%s %s %s.\n", text, count == 1 ? "entry" : "entries", done);
}

static void say_left_out(const char *folder, const char *name, const char *why)
{
    fflush(stdout);
    fprintf(stderr, "vox-telemetry: %s/", folder);
    text_put_safe(stderr, str_from(name), SPOOL_NAME_MAX);
    fprintf(stderr, " %s: left as it is.\n", why);
}

static const char *folder_word(enum spool_folder folder)
{
    static const char *const words[] = {
        [SPOOL_PENDING] = "pending", [SPOOL_BAD] = "bad", [SPOOL_REJECTED] = "rejected"};
    return words[folder];
}

// False where going on makes no sense.
static bool do_one(struct walk *walk, enum spool_folder folder, const char *name, bool *ret_found,
                   struct err *err)
{
    struct err why;
    switch (walk->step->one(walk->spool, folder, name, walk->context, &why)) {
    case SPOOL_AGAIN_DONE:
        walk->done++;
        break;
    case SPOOL_AGAIN_GONE:
        return true;
    case SPOOL_AGAIN_SKIPPED:
        walk->left_out++;
        say_left_out(folder_word(folder), name, why.text);
        break;
    default:
        return err_set(err, "an entry of %s/ %s", folder_word(folder), why.text);
    }
    *ret_found = true;
    return true;
}

static bool do_folder(struct walk *walk, enum spool_folder folder, struct err *err)
{
    const char *name;
    bool ok, found;
    struct spool_iter *iter = spool_iter_new(walk->spool, folder);
    if (!iter)
        return err_set(err, "out of memory");
    while ((ok = spool_iter_next(iter, &name, err)) && name)
        if (!(ok = do_one(walk, folder, name, &found, err)))
            break;
    spool_iter_free(iter);
    return ok;
}

// Under this very name.
static bool do_name(struct walk *walk, unsigned folders, const char *name, bool *ret_found, struct err *err)
{
    for (size_t i = 0; i < SPOOL_FOLDERS; i++)
        if ((folders & 1u << i) && !do_one(walk, (enum spool_folder)i, name, ret_found, err))
            return false;
    return true;
}

static bool do_id_in(struct walk *walk, enum spool_folder folder, const struct uuid *id, bool *ret_found,
                     struct err *err)
{
    const char *name;
    bool ok;
    struct uuid its;
    struct spool_reader reader;
    struct spool_iter *iter = spool_iter_new(walk->spool, folder);
    if (!iter)
        return err_set(err, "out of memory");
    spool_reader_init(&reader);
    while ((ok = spool_iter_next(iter, &name, err)) && name)
        if (spool_id_of(walk->spool, folder, name, &reader, &its) &&
            memcmp(its.bytes, id->bytes, sizeof(its.bytes)) == 0 &&
            !(ok = do_one(walk, folder, name, ret_found, err)))
            break;
    spool_reader_release(&reader);
    spool_iter_free(iter);
    return ok;
}

static bool exists(struct walk *walk, unsigned folders, const char *name, bool *ret_exists, struct err *err)
{
    int64_t time_us;
    *ret_exists = false;
    for (size_t i = 0; i < SPOOL_FOLDERS && !*ret_exists; i++) {
        enum spool_again there = SPOOL_AGAIN_GONE;
        if (folders & 1u << i)
            there = spool_age_of(walk->spool, (enum spool_folder)i, name, &time_us, err);
        if (there == SPOOL_AGAIN_FAILED)
            return err_prefix(err, "an entry");
        *ret_exists = there != SPOOL_AGAIN_GONE;
    }
    return true;
}

static void leave_out(struct walk *walk, const char *why, const char *operand)
{
    fflush(stdout);
    fprintf(stderr, "vox-telemetry: %s: ", why);
    text_put_safe(stderr, str_from(operand), SPOOL_NAME_MAX);
    fputc('\n', stderr);
    walk->left_out++;
}

// A file that bears an id as its whole name has another id: the file of the id itself is "<id>.json".
static bool do_uuid(struct walk *walk, unsigned folders, const char *operand, const struct uuid *id,
                    struct err *err)
{
    char canonical[UUID_TEXT_LEN + 1], names[3][UUID_TEXT_LEN + sizeof(".json")];
    const char *only = NULL;
    unsigned count = 0;
    bool there, found = false;
    uuid_format(id, canonical);
    snprintf(names[0], sizeof(names[0]), "%s.json", canonical);
    snprintf(names[1], sizeof(names[1]), "%s.json", operand);
    snprintf(names[2], sizeof(names[2]), "%s", operand);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (i == 1 && strcmp(names[1], names[0]) == 0)
            continue;
        if (!exists(walk, folders, names[i], &there, err))
            return false;
        count += there;
        only = there ? names[i] : only;
    }
    if (count > 1) {
        leave_out(walk, "names more than one file; give the name of one, with .json", operand);
        return true;
    }
    if (only && !do_name(walk, folders, only, &found, err))
        return false;
    for (size_t i = 0; !found && i < SPOOL_FOLDERS; i++)
        if ((folders & 1u << i) && !do_id_in(walk, (enum spool_folder)i, id, &found, err))
            return false;
    if (!found)
        leave_out(walk, "no such entry", operand);
    return true;
}

// A file name, "<id>" of "<id>.json", or the id of a name that is none: by a look at every entry.
static bool do_operand(struct walk *walk, unsigned folders, const char *operand, struct err *err)
{
    char name[SPOOL_NAME_MAX + 1];
    struct str text = str_from(operand);
    struct uuid id;
    bool found = false;
    if (uuid_parse(text, &id))
        return do_uuid(walk, folders, operand, &id, err);
    bool plain = text.len && text.len <= SPOOL_NAME_MAX && !strchr(operand, '/') && operand[0] != '.';
    if (plain && !do_name(walk, folders, operand, &found, err))
        return false;
    int len = snprintf(name, sizeof(name), "%s.json", operand);
    if (plain && !found && len < (int)sizeof(name) && !do_name(walk, folders, name, &found, err))
        return false;
    if (!found)
        leave_out(walk, "no such entry", operand);
    return true;
}

static bool do_all(struct walk *walk, unsigned folders, struct err *err)
{
    const struct options *options = walk->options;
    for (size_t i = 0; i < options->operand_count; i++)
        if (!do_operand(walk, folders, options->operands[i], err))
            return false;
    for (size_t i = 0; !options->operand_count && i < SPOOL_FOLDERS; i++)
        if ((folders & 1u << i) && !do_folder(walk, (enum spool_folder)i, err))
            return false;
    return true;
}

enum client_exit walk_folders(const struct options *options, unsigned folders, const struct walk_step *step,
                              void *context)
{
    struct walk walk = {.options = options, .step = step, .context = context};
    struct spool_place place;
    struct err err;
    bool taken;
    if (!open_spool(options, false, &place, &walk.spool, &err))
        return complain(EXIT_IS_CONFIG, &err);
    bool ok = spool_lock(walk.spool, &taken, &err);
    if (ok && !taken) {
        spool_close(walk.spool);
        err_set(&err, "an upload is at work on this spool; try again when it is done");
        return complain(EXIT_IS_TRY_AGAIN, &err);
    }
    ok = ok && do_all(&walk, folders, &err);
    spool_close(walk.spool);
    walk_say(options, step->done, walk.done);
    if (!ok)
        return complain(EXIT_IS_IO, &err);
    return walk.left_out ? EXIT_IS_SOME : EXIT_IS_OK;
}
