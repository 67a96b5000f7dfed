// SPDX-License-Identifier: Apache-2.0
// Which entries does git track? Read from the index file itself: running git in a folder that somebody else
// may have made would run what its configuration names.
//
// Format: gitformat-index(5), versions 2 to 4, SHA-1 and SHA-256, with a shared index. Names are kept as
// keyed 64-bit hashes: a collision, which nobody can aim at, would only hold an entry back.
#include "lib/base/file.h"
#include "lib/spool/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>

#define TRACKED_MAX    (4u * 1024 * 1024)
#define CONFIG_BYTES   (1024 * 1024)
#define OWN_PATH_BYTES 16384
#define STAT_BYTES     40

struct tracked {
    uint8_t key[crypto_shorthash_KEYBYTES];
    uint64_t *hashes; // sorted once all are there
    size_t count, cap;
    bool all; // a folder above is one entry of a sparse index
};

struct index_file {
    FILE *file;
    unsigned version;
    size_t hash_len;
    uint64_t at; // bytes of the current entry read so far
    char path[OWN_PATH_BYTES];
    size_t path_len;
    const char *prefix; // "<the folder below the work tree>/"; empty where it is the work tree itself
    size_t prefix_len;
    struct tracked *tracked;
};

static uint64_t hash_name(const struct tracked *tracked, const char *name, size_t len)
{
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)name, len, tracked->key);
    return hash;
}

static bool read_exact(struct index_file *in, void *ptr, size_t len)
{
    in->at += len;
    return fread(ptr, 1, len, in->file) == len;
}

static bool read_be32(struct index_file *in, uint32_t *ret)
{
    uint8_t b[4];
    if (!read_exact(in, b, sizeof(b)))
        return false;
    *ret = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    return true;
}

// Version 4: how many bytes of the previous path go, in git's offset encoding.
static bool read_strip(struct index_file *in, size_t *ret)
{
    uint8_t byte;
    size_t value;
    if (!read_exact(in, &byte, 1))
        return false;
    value = byte & 0x7f;
    while (byte & 0x80) {
        if (value > OWN_PATH_BYTES || !read_exact(in, &byte, 1))
            return false;
        value = ((value + 1) << 7) | (byte & 0x7f);
    }
    *ret = value;
    return true;
}

static bool read_path(struct index_file *in)
{
    size_t strip = in->path_len;
    if (in->version >= 4 && !read_strip(in, &strip))
        return false;
    if (strip > in->path_len)
        return false;
    in->path_len -= strip;
    for (;;) {
        int c = getc(in->file);
        in->at++;
        if (c == EOF || in->path_len + 1 >= sizeof(in->path))
            return false;
        in->path[in->path_len] = (char)c;
        if (c == '\0')
            return true;
        in->path_len++;
    }
}

static bool add_path(struct index_file *in)
{
    struct tracked *tracked = in->tracked;
    if (in->path_len && in->path[in->path_len - 1] == '/' && in->path_len <= in->prefix_len &&
        memcmp(in->path, in->prefix, in->path_len) == 0)
        tracked->all = true;
    if (in->path_len <= in->prefix_len || memcmp(in->path, in->prefix, in->prefix_len) != 0)
        return true;
    if (tracked->count == tracked->cap) {
        size_t cap = MAX(tracked->cap * 2, (size_t)64);
        uint64_t *longer = cap <= TRACKED_MAX ? realloc(tracked->hashes, cap * sizeof(*longer)) : NULL;
        if (!longer)
            return false;
        tracked->hashes = longer;
        tracked->cap = cap;
    }
    tracked->hashes[tracked->count++] =
        hash_name(tracked, in->path + in->prefix_len, in->path_len - in->prefix_len);
    return true;
}

static bool read_entry(struct index_file *in)
{
    uint8_t skipped[STAT_BYTES + SHA256_LEN], flags[2], more[2];
    in->at = 0;
    if (!read_exact(in, skipped, STAT_BYTES + in->hash_len) || !read_exact(in, flags, sizeof(flags)))
        return false;
    if (in->version >= 3 && (flags[0] & 0x40) && !read_exact(in, more, sizeof(more)))
        return false;
    if (!read_path(in) || !add_path(in))
        return false;
    // Older versions pad to a multiple of eight; one NUL has been read already.
    size_t padding = in->version < 4 ? (8 - in->at % 8) % 8 : 0;
    return !padding || read_exact(in, skipped, padding);
}

// The name of the shared index if this one is split: extension "link".
static bool read_link(struct index_file *in, char ret_base[static SHA256_HEX_LEN + 1])
{
    uint32_t name, size;
    uint8_t id[SHA256_LEN];
    ret_base[0] = '\0';
    // What follows the extensions is the file's own hash: too short for, or not like, one more of them.
    while (read_be32(in, &name) && read_be32(in, &size)) {
        if (name == 0x6c696e6b) { // "link"
            if (size < in->hash_len || !read_exact(in, id, in->hash_len))
                return false;
            if (!sodium_is_zero(id, in->hash_len))
                sodium_bin2hex(ret_base, SHA256_HEX_LEN + 1, id, in->hash_len);
            return true;
        }
        if (fseeko(in->file, (off_t)size, SEEK_CUR) != 0)
            return true;
    }
    return !ferror(in->file);
}

static bool read_index(struct index_file *in, char ret_base[static SHA256_HEX_LEN + 1])
{
    uint32_t magic, version, count;
    in->path_len = 0;
    if (!read_be32(in, &magic) || !read_be32(in, &version) || !read_be32(in, &count) || magic != 0x44495243 ||
        version < 2 || version > 4)
        return false;
    in->version = version;
    while (count--)
        if (!read_entry(in))
            return false;
    return read_link(in, ret_base);
}

// False: the file is there and cannot be understood. A missing one tracks nothing.
static bool read_index_file(struct index_file *in, const char *git_dir, const char *name,
                            char ret_base[static SHA256_HEX_LEN + 1])
{
    char path[SPOOL_PATH_MAX + 128];
    ret_base[0] = '\0';
    snprintf(path, sizeof(path), "%s/%s", git_dir, name);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    in->file = fdopen(fd, "r");
    if (!in->file) {
        close(fd);
        return false;
    }
    bool ok = read_index(in, ret_base);
    fclose(in->file);
    return ok;
}

// A small text file of git's, without its last newline; false if there is none.
static bool read_text(const char *folder, const char *name, size_t ceiling, struct buf *ret_text)
{
    char path[SPOOL_PATH_MAX + 128];
    struct err ignored;
    snprintf(path, sizeof(path), "%s%s%s", folder, *name ? "/" : "", name);
    buf_init(ret_text, ceiling);
    return file_read_at(AT_FDCWD, path, ret_text, &ignored) && buf_put_char(ret_text, '\0');
}

static bool join(char ret_path[static SPOOL_PATH_MAX], const char *folder, const char *path)
{
    int len = path[0] == '/' ? snprintf(ret_path, SPOOL_PATH_MAX, "%s", path)
                             : snprintf(ret_path, SPOOL_PATH_MAX, "%s/%s", folder, path);
    return len > 0 && len < SPOOL_PATH_MAX;
}

// .git is a folder, or in work trees and submodules a file "gitdir: <path>".
static bool find_git_dir(const char *work_tree, char ret_dir[static SPOOL_PATH_MAX])
{
    struct stat st;
    struct buf text;
    if (!join(ret_dir, work_tree, ".git") || stat(ret_dir, &st) != 0)
        return false;
    if (S_ISDIR(st.st_mode))
        return true;
    bool ok = read_text(ret_dir, "", SPOOL_PATH_MAX, &text);
    if (ok) {
        struct str line = str_trim(str_slice(text.ptr, text.len - 1));
        ok = str_starts(line, STR("gitdir: "));
        text.ptr[line.ptr - text.ptr + (ptrdiff_t)line.len] = '\0';
        ok = ok && join(ret_dir, work_tree, line.ptr + strlen("gitdir: "));
    }
    buf_release(&text);
    return ok;
}

static bool uses_sha256(const char *git_dir)
{
    struct buf text;
    char common[SPOOL_PATH_MAX];
    bool found = false;
    memcpy(common, git_dir, strlen(git_dir) + 1);
    if (read_text(git_dir, "commondir", SPOOL_PATH_MAX, &text)) {
        text.ptr[strcspn(text.ptr, "\n")] = '\0';
        if (!join(common, git_dir, text.ptr))
            memcpy(common, git_dir, strlen(git_dir) + 1);
    }
    buf_release(&text);
    if (read_text(common, "config", CONFIG_BYTES, &text)) {
        struct str rest = str_slice(text.ptr, text.len - 1);
        while (rest.ptr) {
            struct str value = str_trim(str_cut(&rest, '\n'));
            struct str name = str_trim(str_cut(&value, '='));
            found = found || (str_eq_nocase(name, STR("objectformat")) &&
                              str_eq_nocase(str_trim(value), STR("sha256")));
        }
    }
    buf_release(&text);
    return found;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool read_repository(const char *work_tree, const char *below, struct tracked *tracked)
{
    char git_dir[SPOOL_PATH_MAX], prefix[SPOOL_PATH_MAX + 16], base[SHA256_HEX_LEN + 1], name[96];
    struct index_file *in = calloc(1, sizeof(*in));
    if (!in || !find_git_dir(work_tree, git_dir)) {
        free(in);
        return false;
    }
    snprintf(prefix, sizeof(prefix), "%s%s", below, *below ? "/" : "");
    in->prefix = prefix;
    in->prefix_len = strlen(prefix);
    in->tracked = tracked;
    in->hash_len = uses_sha256(git_dir) ? 32 : 20;
    bool ok = read_index_file(in, git_dir, "index", base);
    if (ok && base[0]) {
        snprintf(name, sizeof(name), "sharedindex.%s", base);
        ok = read_index_file(in, git_dir, name, base);
    }
    free(in);
    if (ok && tracked->count)
        qsort(tracked->hashes, tracked->count, sizeof(*tracked->hashes), by_value);
    return ok;
}

// The nearest folder above (or at) `path` with a .git in it; what is below it is cut off at `*ret_below`.
static bool find_work_tree(char *path, const char **ret_below)
{
    char probe[SPOOL_PATH_MAX + 8];
    struct stat st;
    size_t len = strlen(path);
    for (size_t at = len;; at--) {
        if (at != len && path[at] != '/' && at)
            continue;
        snprintf(probe, sizeof(probe), "%.*s/.git", (int)at, path);
        if (lstat(probe, &st) == 0) {
            *ret_below = at == len ? path + len : path + at + 1;
            path[at] = '\0';
            return true;
        }
        if (!at)
            return false;
    }
}

bool spool_tracked_load(struct spool *spool, enum spool_folder which, struct err *why)
{
    if (spool->tracked[which])
        return true;
    char link[64], path[SPOOL_PATH_MAX];
    const char *below;
    int folder = spool->folder[which];
    BUG_ON(folder < 0);
    // By the descriptor, so that it is the folder that is read from and its name holds no links. From the
    // folder itself: a clone may bring it as a submodule, whose entries only its own index names.
    snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    if (len <= 0)
        return err_set_errno(why, "cannot be told from files that git tracks: %s is not readable", link);
    path[len] = '\0';
    struct tracked *tracked = calloc(1, sizeof(*tracked));
    if (!tracked)
        return err_set(why, "cannot be read: out of memory");
    crypto_shorthash_keygen(tracked->key);
    if (find_work_tree(path, &below) && !read_repository(path[0] ? path : "/", below, tracked)) {
        spool_tracked_free(tracked);
        return err_set(why, "cannot be told from files that git tracks: the repository's index is not "
                            "understood");
    }
    spool->tracked[which] = tracked;
    return true;
}

bool spool_tracked_has(const struct spool *spool, enum spool_folder which, const char *name)
{
    const struct tracked *tracked = spool->tracked[which];
    uint64_t hash = hash_name(tracked, name, strlen(name));
    return tracked->all || (tracked->count && bsearch(&hash, tracked->hashes, tracked->count,
                                                      sizeof(*tracked->hashes), by_value));
}

void spool_tracked_free(struct tracked *tracked)
{
    if (tracked)
        free(tracked->hashes);
    free(tracked);
}
