// SPDX-License-Identifier: Apache-2.0
// Reading schemas into a registry, and finding the line that the engine complains about.
#include "server/schema_files.h"

#include "lib/base/file.h"
#include "lib/base/json.h"
#include "lib/contracts/line.h"
#include "lib/json/parse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#define FILES_MAX  4096
#define FILE_BYTES ((size_t)16 * 1024 * 1024)

struct schema_file {
    char *path; // as the caller named it
    char *uri;
    struct buf text;
    struct json_doc doc; // refers to `text`
    dev_t device;
    ino_t inode;
};

bool schema_files_init(struct schema_files *files, enum jsv_dialect dialect, struct err *err)
{
    *files = (struct schema_files){.dialect = dialect, .registry = jsv_registry_new()};
    return files->registry ? true : err_set(err, "out of memory");
}

static void file_free(struct schema_file *file)
{
    if (!file)
        return;
    json_doc_release(&file->doc);
    buf_release(&file->text);
    free(file->path);
    free(file->uri);
    free(file);
}

void schema_files_release(struct schema_files *files)
{
    if (files->registry)
        jsv_registry_free(files->registry);
    for (size_t i = 0; i < files->count; i++)
        file_free(files->files[i]);
    free(files->files);
    *files = (struct schema_files){.registry = NULL};
}

// "file:///…" of the path, every byte that a URI's path may not hold as %XX; NULL when memory is out.
static char *file_uri(const char *path)
{
    char *absolute = realpath(path, NULL);
    struct buf uri;
    if (!absolute)
        return NULL;
    buf_init(&uri, (size_t)4 * PATH_MAX);
    buf_put_cstr(&uri, "file://");
    for (const char *c = absolute; *c; c++) {
        if (char_is_alpha(*c) || char_is_digit(*c) || strchr("/-._~", *c))
            buf_put_char(&uri, *c);
        else
            buf_putf(&uri, "%%%02X", (unsigned)(unsigned char)*c);
    }
    buf_put_char(&uri, '\0');
    free(absolute);
    return buf_detach(&uri, NULL);
}

// What the engine says begins with "Schema <URI>#<pointer>: ". If that is one of our documents, its path and
// line go in front.
static bool engine_fault(const struct schema_files *files, const struct err *cause, struct err *err)
{
    struct str rest = str_from(cause->text);
    const char *end = strstr(cause->text, ": ");
    if (end && str_starts(rest, STR("Schema "))) {
        struct str place =
            str_slice(cause->text + strlen("Schema "), (size_t)(end - cause->text) - strlen("Schema "));
        struct str uri = str_cut(&place, '#');
        for (size_t i = 0; i < files->count; i++) {
            const struct schema_file *file = files->files[i];
            struct str id = json_text(json_get(file->doc.root, STR("$id")));
            if (str_eq(uri, str_from(file->uri)) || (id.ptr && str_eq(uri, id)))
                return err_set(err, "%s:%u: %s", file->path,
                               line_of_pointer(buf_str(&file->text), place.ptr ? place : STR("")),
                               cause->text);
        }
    }
    return err_set(err, "%s", cause->text);
}

// The file's text and tree; NULL after saying what is wrong.
static struct schema_file *file_read(const char *path, struct err *err)
{
    size_t offset;
    struct stat info;
    struct schema_file *file = calloc(1, sizeof(*file));
    if (!file || !(file->path = strdup(path))) {
        free(file);
        err_set(err, "%s: out of memory", path);
        return NULL;
    }
    buf_init(&file->text, FILE_BYTES);
    json_doc_init(&file->doc, NULL, 64 * FILE_BYTES);
    file->doc.own.nul = true;
    if (!file_read_at(AT_FDCWD, path, &file->text, err))
        goto fail;
    if (stat(path, &info) != 0 || !(file->uri = file_uri(path))) {
        err_set_errno(err, "%s: cannot tell its place", path);
        goto fail;
    }
    file->device = info.st_dev;
    file->inode = info.st_ino;
    enum json_fault fault = json_doc_parse(&file->doc, buf_str(&file->text), &offset);
    if (!fault)
        return file;
    err_set(err, "%s:%u: not JSON: %s", path, line_of_offset(buf_str(&file->text), offset),
            json_fault_text(fault));
fail:
    file_free(file);
    return NULL;
}

static const struct schema_file *find_same(const struct schema_files *files, const struct schema_file *file)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->files[i]->device == file->device && files->files[i]->inode == file->inode)
            return files->files[i];
    return NULL;
}

// Takes the file over. `*ret_uri` is what it answers to.
static bool add_file(struct schema_files *files, struct schema_file *file, const char **ret_uri,
                     struct err *err)
{
    const struct schema_file *same = find_same(files, file);
    if (same) {
        *ret_uri = same->uri;
        file_free(file);
        return true;
    }
    struct schema_file **more = NULL;
    if (files->count < FILES_MAX)
        more = realloc(files->files, (files->count + 1) * sizeof(struct schema_file *));
    if (!more) {
        err_set(err, "%s: out of memory, or more than %d schemas", file->path, FILES_MAX);
        file_free(file);
        return false;
    }
    files->files = more;
    files->files[files->count++] = file;
    *ret_uri = file->uri;
    struct err cause;
    return jsv_registry_add(files->registry, file->uri, file->doc.root, files->dialect, &cause) ||
           engine_fault(files, &cause, err);
}

static int is_schema_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && str_ends(str_from(entry->d_name), STR(".json"));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool add_entry(struct schema_files *files, const char *dir, const char *name, struct err *err)
{
    char path[PATH_MAX];
    const char *uri;
    int len =
        snprintf(path, sizeof(path), "%s%s%s", dir, dir[0] && dir[strlen(dir) - 1] == '/' ? "" : "/", name);
    if (len < 0 || (size_t)len >= sizeof(path))
        return err_set(err, "%s: the path is too long", dir);
    struct schema_file *file = file_read(path, err);
    if (!file)
        return false;
    if (json_is_string(json_get(file->doc.root, STR("$id"))))
        return add_file(files, file, &uri, err);
    file_free(file); // nobody could refer to it
    return true;
}

bool schema_files_add_path(struct schema_files *files, const char *path, struct err *err)
{
    struct dirent **names = NULL;
    const char *uri;
    int count = scandir(path, &names, is_schema_name, by_name);
    if (count < 0 && errno == ENOTDIR) {
        struct schema_file *file = file_read(path, err);
        return file && add_file(files, file, &uri, err);
    }
    if (count < 0)
        return err_set_errno(err, "cannot open %s", path);
    bool ok = true;
    for (int i = 0; i < count; i++) {
        ok = ok && add_entry(files, path, names[i]->d_name, err);
        free(names[i]);
    }
    free(names);
    return ok;
}

bool schema_files_compile(struct schema_files *files, const char *path, const struct jsv_options *options,
                          struct jsv_program **ret_program, struct err *err)
{
    const char *uri;
    struct err cause;
    struct schema_file *file = file_read(path, err);
    return file && add_file(files, file, &uri, err) &&
           (jsv_compile(files->registry, uri, options, ret_program, &cause) ||
            engine_fault(files, &cause, err));
}
