// SPDX-License-Identifier: Apache-2.0
// Reading and writing of the record.
#include "client/consent.h"
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/json.h"
#include "lib/json/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>

#define FOLDER       "vox-telemetry"
#define FILE_NAME    "consent.json"
#define RECORD_BYTES 4096

// Absolute, or NULL.
static const char *home_folder(void)
{
    const char *home = getenv("HOME");
    if (home && home[0] == '/')
        return home;
    const struct passwd *user = getpwuid(geteuid());
    return user && user->pw_dir && user->pw_dir[0] == '/' ? user->pw_dir : NULL;
}

// Both are real paths.
static bool is_within(const char *path, const char *folder)
{
    size_t len = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

// The real path of the folder, or of the nearest one above it that is there: it may be made later.
static bool real_above(const char *folder, char ret_path[static PATH_MAX])
{
    char part[PATH_MAX];
    snprintf(part, sizeof(part), "%s", folder);
    while (!realpath(part, ret_path)) {
        char *slash = strrchr(part, '/');
        if (!slash || slash == part)
            return false;
        *slash = '\0';
    }
    return true;
}

// A repository that holds `config` and not the home folder with it: a clone could have brought the record.
static bool is_in_repository(const char *config, const char *home)
{
    char path[PATH_MAX + sizeof("/.git")], real_home[PATH_MAX] = "";
    if (!real_above(config, path))
        return false;
    if (home && !realpath(home, real_home))
        real_home[0] = '\0';
    for (size_t len = strlen(path); len; len--) {
        if (path[len] != '/' && path[len] != '\0')
            continue;
        path[len] = '\0';
        if (real_home[0] && is_within(real_home, path))
            return false; // the home folder's own, and all above
        memcpy(path + len, "/.git", sizeof("/.git"));
        if (access(path, F_OK) == 0)
            return true;
        path[len] = '\0';
    }
    return false;
}

static bool find_path(struct consent *consent, struct err *err)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = home_folder();
    char usual[CONSENT_PATH_MAX];
    // A relative one is to be ignored, says the specification.
    bool given = config && config[0] == '/';
    if (!given && !home)
        return err_set(err, "no place for a consent record, which may say no: set HOME or XDG_CONFIG_HOME");
    int usual_len = snprintf(usual, sizeof(usual), "%s/.config", home ? home : "");
    if (given && is_in_repository(config, home) && strcmp(config, usual) != 0)
        return err_set(err, "XDG_CONFIG_HOME=%s is in a repository, where no consent belongs: set another",
                       config);
    int len =
        snprintf(consent->path, sizeof(consent->path), "%s/" FOLDER "/" FILE_NAME, given ? config : usual);
    return (usual_len < (int)sizeof(usual) && len < (int)sizeof(consent->path)) ||
           err_set(err, "the path of the consent record is too long");
}

static struct str member(const struct json *object, const char *name)
{
    const struct json *value = json_get(object, str_from(name));
    return json_text(value);
}

static bool read_record(const struct json *root, struct consent *consent)
{
    struct str state = member(root, "consent"), by = member(root, "by");
    consent->state = str_eq(state, STR("given"))     ? CONSENT_GIVEN
                     : str_eq(state, STR("revoked")) ? CONSENT_REVOKED
                                                     : CONSENT_NONE;
    snprintf(consent->by, sizeof(consent->by), "%.*s", STR_FMT(by));
    return consent->state != CONSENT_NONE && by.ptr && rfc3339_parse(member(root, "at"), &consent->at_us) &&
           (consent->state == CONSENT_REVOKED || rfc3339_parse(member(root, "from"), &consent->from_us));
}

static bool check_file(int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_set_errno(err, "cannot look at %s", path);
    if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return err_set(err, "%s is not a file that only you can write: remove it and say your consent anew",
                       path);
    return true;
}

// Who can write the folder can put a record into it, or take one out.
static bool check_folder(const char *path, struct err *err)
{
    char folder[CONSENT_PATH_MAX];
    struct stat st;
    snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
    if (stat(folder, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR || err_set_errno(err, "cannot look at %s", folder);
    if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
        return err_set(err,
                       "%s is not a folder that only you can write: chmod go-w it, and look at your consent "
                       "in it",
                       folder);
    return true;
}

bool consent_load(struct consent *ret_consent, struct err *err)
{
    struct buf text;
    struct json_doc doc;
    *ret_consent = (struct consent){.state = CONSENT_NONE};
    if (!find_path(ret_consent, err))
        return false;
    const char *path = ret_consent->path;
    if (!check_folder(path, err))
        return false;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || err_set_errno(err, "cannot open %s", path);
    bool ok = check_file(fd, path, err);
    close(fd);
    if (!ok)
        return false;
    buf_init(&text, RECORD_BYTES);
    json_doc_init(&doc, NULL, 256 * 1024);
    ok = file_read_at(AT_FDCWD, path, &text, err);
    if (ok && (json_doc_parse(&doc, buf_str(&text), NULL) || !read_record(doc.root, ret_consent)))
        ok = err_set(err, "%s is not understood: say vox-telemetry consent give or revoke anew", path);
    json_doc_release(&doc);
    buf_release(&text);
    return ok;
}

// The folders above the record, as mkdir -p makes them; returns the last.
static int make_folders(const char *path, struct err *err)
{
    char part[CONSENT_PATH_MAX];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST) {
            err_set_errno(err, "cannot create %s", part);
            return -1;
        }
    }
    int fd = open(part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        err_set_errno(err, "cannot open %s", part);
    return fd;
}

bool consent_may_give(const struct consent *consent, struct err *err)
{
    return check_folder(consent->path, err);
}

bool consent_store(struct consent *consent, int64_t now_us, struct err *err)
{
    struct buf text;
    struct json_writer w;
    char at[RFC3339_LEN + 1], from[RFC3339_LEN + 1];
    const struct passwd *user = getpwuid(geteuid());
    snprintf(consent->by, sizeof(consent->by), "%s", user ? user->pw_name : "");
    if (!user)
        snprintf(consent->by, sizeof(consent->by), "uid %u", (unsigned)geteuid());
    consent->at_us = now_us;
    rfc3339_format(now_us, at);
    rfc3339_format(consent->from_us, from);
    buf_init(&text, RECORD_BYTES);
    json_writer_init(&w, &text);
    json_begin_object(&w);
    json_str(&w, "consent", consent->state == CONSENT_GIVEN ? STR("given") : STR("revoked"));
    json_str(&w, "by", str_from(consent->by));
    json_str(&w, "at", str_from(at));
    if (consent->state == CONSENT_GIVEN)
        json_str(&w, "from", str_from(from));
    json_end_object(&w);
    buf_put_char(&text, '\n');
    int fd = make_folders(consent->path, err);
    bool ok = fd >= 0 && (buf_ok(&text) || err_set(err, "out of memory")) &&
              (file_write_atomic_at(fd, FILE_NAME, buf_str(&text), 0600, err) ||
               err_prefix(err, "%s", consent->path));
    if (fd >= 0)
        close(fd);
    buf_release(&text);
    return ok;
}

static bool is_one_of(const char *value, const char *const *words)
{
    for (; *words; words++)
        if (str_eq_nocase(str_from(value), str_from(*words)))
            return true;
    return false;
}

const char *consent_refusing_variable(void)
{
    static const char *const off[] = {"off", "0", "no", "false", "disabled", NULL};
    static const char *const no[] = {"", "0", "false", "no", NULL};
    const char *vox = getenv("VOX_TELEMETRY"), *track = getenv("DO_NOT_TRACK");
    if (vox && is_one_of(vox, off))
        return "VOX_TELEMETRY";
    return track && !is_one_of(track, no) ? "DO_NOT_TRACK" : NULL;
}

bool consent_gate(int64_t *ret_not_before_us, struct err *why)
{
    struct consent consent;
    const char *variable = consent_refusing_variable();
    if (variable)
        return err_set(why, "nothing is sent: %s=%s is set in your environment", variable, getenv(variable));
    if (!consent_load(&consent, why))
        return false;
    if (consent.state == CONSENT_REVOKED) {
        char at[RFC3339_LEN + 1];
        rfc3339_format(consent.at_us, at);
        return err_set(
            why, "nothing is sent: consent was revoked on %.10s; vox-telemetry consent give gives it", at);
    }
    *ret_not_before_us = consent.state == CONSENT_GIVEN ? consent.from_us : INT64_MIN;
    return true;
}
