// SPDX-License-Identifier: Apache-2.0
// The rule that finds the spool's root.
#include "lib/spool/spool.h"

#include <errno.h>
#include <fcntl.h>

#define BELOW "/.vox/telemetry-upload-queue"

static bool is_present(const char *text)
{
    return text && *text;
}

static bool has_marker(struct str folder)
{
    static const char *const markers[] = {".git", "Vox.toml"};
    char path[SPOOL_PATH_MAX];
    struct stat st;
    for (size_t i = 0; i < ARRAY_LEN(markers); i++) {
        int len = snprintf(path, sizeof(path), "%.*s/%s", STR_FMT(folder), markers[i]);
        if (len > 0 && (size_t)len < sizeof(path) && lstat(path, &st) == 0)
            return true;
    }
    return false;
}

// The nearest ancestor-or-self that is a repository; absent if none is.
static struct str find_repository(const char *cwd)
{
    struct str at = str_from(cwd);
    for (;;) {
        while (at.len && at.ptr[at.len - 1] == '/')
            at.len--;
        if (has_marker(at))
            return at;
        if (!at.len)
            return STR_NULL;
        while (at.len && at.ptr[at.len - 1] != '/')
            at.len--;
    }
}

static bool set_path(struct spool_place *place, struct str folder, const char *below, struct err *err)
{
    int len = snprintf(place->path, sizeof(place->path), "%.*s%s", STR_FMT(folder), below);
    if (len <= 0 || (size_t)len >= sizeof(place->path))
        return err_set(err, "the spool's path is longer than %d bytes", SPOOL_PATH_MAX - 1);
    return true;
}

// A path that somebody spelt out: its last part is ours, what leads there may hold links.
static bool set_spelt(struct spool_place *place, enum spool_source source, const char *path, struct err *err)
{
    struct str text = str_from(path);
    while (text.len > 1 && text.ptr[text.len - 1] == '/')
        text.len--;
    if (!set_path(place, text, "", err))
        return false;
    place->source = source;
    place->given = text.len;
    while (place->given && place->path[place->given - 1] != '/')
        place->given--;
    return true;
}

bool spool_locate_from(const struct spool_hints *hints, struct spool_place *ret_place, struct err *err)
{
    struct spool_place place = {0};
    bool ok;
    if (is_present(hints->option)) {
        ok = set_spelt(&place, SPOOL_FROM_OPTION, hints->option, err);
    } else if (is_present(hints->environment)) {
        ok = set_spelt(&place, SPOOL_FROM_ENVIRONMENT, hints->environment, err);
    } else {
        struct str repository = is_present(hints->cwd) ? find_repository(hints->cwd) : STR_NULL;
        struct str base = repository.ptr ? repository : str_from(hints->home);
        if (!base.ptr || (!repository.ptr && (!base.len || base.ptr[0] != '/')))
            return err_set(err, "no spool: this folder is in no repository and HOME is not set; use --spool");
        place.source = repository.ptr ? SPOOL_FROM_REPOSITORY : SPOOL_FROM_HOME;
        place.given = base.len;
        ok = set_path(&place, base, BELOW, err);
    }
    if (ok)
        *ret_place = place;
    return ok;
}

bool spool_locate(const char *option, struct spool_place *ret_place, struct err *err)
{
    char cwd[SPOOL_PATH_MAX];
    struct spool_hints hints = {
        .option = option,
        .environment = getenv("VOX_TELEMETRY_SPOOL_DIR"),
        .cwd = getcwd(cwd, sizeof(cwd)),
        .home = getenv("HOME"),
    };
    return spool_locate_from(&hints, ret_place, err);
}
