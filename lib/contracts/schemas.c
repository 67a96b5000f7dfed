// SPDX-License-Identifier: Apache-2.0
// The schema files of an index: read, checked for their identity, and compiled together.
#include "lib/base/file.h"
#include "lib/contracts/line.h"
#include "lib/contracts/set.h"

#include <fcntl.h>

#define URN             "urn:vox:contract:"
#define SCHEMA_TREE_MAX ((size_t)64 * SCHEMA_FILE_MAX)

static const char *const dialects[] = {
    "http://json-schema.org/draft-07/schema#",
    "http://json-schema.org/draft-07/schema",
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2020-12/schema#",
};

struct loader {
    const char *dir;
    int dir_fd;
    struct arena *arena;
    const struct index *index;
    struct jsv_registry *registry;
    struct buf text;       // one file at a time
    struct json_doc *docs; // by row; the registry refers to them
    size_t doc_count;
};

static bool schema_fault(const struct loader *loader, const struct contract *contract, const char *sentence,
                         struct err *err)
{
    return err_set(err, "%s/%s: %s", loader->dir, contract->schema_file.ptr, sentence);
}

// A fault at a place of the document, with its line.
static bool schema_fault_at(const struct loader *loader, const struct contract *contract, struct str pointer,
                            const char *sentence, struct err *err)
{
    return err_set(err, "%s/%s:%u: %s", loader->dir, contract->schema_file.ptr,
                   line_of_pointer(contract->schema_text, pointer), sentence);
}

// What the engine says begins with "Schema <URI>#<pointer>: ": the file is the one that it names, which may
// be another one than `contract`, where that refers to it.
static bool engine_fault(const struct loader *loader, const struct contract *contract,
                         const struct err *cause, struct err *err)
{
    struct str rest = str_from(cause->text);
    if (!str_starts(rest, STR("Schema " URN)))
        return schema_fault(loader, contract, cause->text, err);
    rest = str_skip(rest, strlen("Schema " URN));
    const char *end = strstr(rest.ptr, ": ");
    struct str place = end ? str_slice(rest.ptr, (size_t)(end - rest.ptr)) : rest;
    struct str name = str_cut(&place, '#');
    for (size_t i = 0; i < loader->index->count; i++)
        if (str_eq(loader->index->rows[i].contract.name, name))
            contract = &loader->index->rows[i].contract;
    return schema_fault_at(loader, contract, place.ptr ? place : STR(""), cause->text, err);
}

static bool is_dialect(const struct json *name)
{
    for (size_t i = 0; i < ARRAY_LEN(dialects); i++)
        if (str_eq(json_text(name), str_from(dialects[i])))
            return true;
    return false;
}

// A file that cannot be read is a fault of the row that names it.
static bool read_text(struct loader *loader, struct index_row *row, struct err *err)
{
    struct contract *contract = &row->contract;
    buf_clear(&loader->text);
    if (!file_read_at(loader->dir_fd, contract->schema_file.ptr, &loader->text, err))
        return err_prefix(err, "%s/index.yaml:%u", loader->dir, row->schema_line);
    contract->schema_text = arena_dup(loader->arena, buf_str(&loader->text));
    if (!contract->schema_text.ptr)
        return schema_fault(loader, contract, "out of memory, or the set is larger than 64 MiB", err);
    sha256(contract->schema_text, contract->schema_sha256);
    return true;
}

// The document says what it is, so that a file that was copied and not adapted is told.
static bool check_identity(const struct loader *loader, const struct contract *contract,
                           const struct json *schema, const char *uri, struct err *err)
{
    if (!json_is_object(schema))
        return schema_fault_at(loader, contract, STR(""), "the schema is not a JSON object", err);
    if (!is_dialect(json_get(schema, STR("$schema"))))
        return schema_fault_at(loader, contract, STR("/$schema"), "/$schema is neither draft-07 nor 2020-12",
                               err);
    if (!str_eq(json_text(json_get(schema, STR("$id"))), str_from(uri)))
        return err_set(err, "%s/%s:%u: /$id is not %s", loader->dir, contract->schema_file.ptr,
                       line_of_pointer(contract->schema_text, STR("/$id")), uri);
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

// The names under `properties`, wherever it stands: counted, and copied if there is room for them.
static size_t collect_names(struct arena *arena, const struct json *schema, bool names, struct str *room,
                            size_t count)
{
    for (uint32_t i = 0; i < json_count(schema); i++) {
        struct str name = json_is_object(schema) ? json_name(schema, i) : STR_NULL;
        if (names && name.ptr) {
            if (room)
                room[count] = arena_dup(arena, name);
            count++;
        }
        bool below = !(names && name.ptr) && str_eq(name, STR("properties"));
        count = collect_names(arena, json_at(schema, i), below, room, count);
    }
    return count;
}

static bool keep_names(struct loader *loader, struct contract *contract, const struct json *schema,
                       struct err *err)
{
    size_t count = collect_names(loader->arena, schema, false, NULL, 0);
    struct str *names = arena_zalloc(loader->arena, count * sizeof(*names));
    if (!names)
        return schema_fault(loader, contract, "out of memory, or the set is larger than 64 MiB", err);
    collect_names(loader->arena, schema, false, names, 0);
    for (size_t i = 0; i < count; i++)
        if (!names[i].ptr)
            return schema_fault(loader, contract, "out of memory, or the set is larger than 64 MiB", err);
    qsort(names, count, sizeof(*names), compare_names);
    contract->stated = names;
    contract->stated_count = count;
    return true;
}

static bool add_document(struct loader *loader, struct index_row *row, struct err *err)
{
    struct contract *contract = &row->contract;
    char uri[sizeof(URN) + 1024];
    size_t offset;
    struct err cause;
    if (!read_text(loader, row, err))
        return false;
    struct json_doc *doc = &loader->docs[loader->doc_count++];
    json_doc_init(doc, NULL, SCHEMA_TREE_MAX);
    enum json_fault fault = json_doc_parse(doc, contract->schema_text, &offset);
    if (fault) {
        unsigned line = 1;
        for (size_t i = 0; i < offset; i++)
            line += contract->schema_text.ptr[i] == '\n';
        return err_set(err, "%s/%s:%u: not JSON: %s", loader->dir, contract->schema_file.ptr, line,
                       json_fault_text(fault));
    }
    const struct json *schema = doc->root;
    snprintf(uri, sizeof(uri), URN "%s", contract->name.ptr);
    bool ok = check_identity(loader, contract, schema, uri, err);
    ok = ok && keep_names(loader, contract, schema, err);
    if (ok && !jsv_registry_add(loader->registry, uri, schema, JSV_2020_12, &cause))
        ok = engine_fault(loader, contract, &cause, err);
    return ok;
}

static bool compile(struct loader *loader, struct contract *contract, struct err *err)
{
    char uri[sizeof(URN) + 1024];
    struct err cause;
    struct jsv_options options = {.assert_formats = contract->assert_formats};
    snprintf(uri, sizeof(uri), URN "%s", contract->name.ptr);
    if (!jsv_compile(loader->registry, uri, &options, &contract->program, &cause))
        return engine_fault(loader, contract, &cause, err);
    return true;
}

// All documents are known before the first is compiled, so that one may refer to another.
static bool load_all(struct loader *loader, struct index *index, struct err *err)
{
    for (size_t i = 0; i < index->count; i++)
        if (!add_document(loader, &index->rows[i], err))
            return false;
    for (size_t i = 0; i < index->count; i++)
        if (!compile(loader, &index->rows[i].contract, err))
            return false;
    return true;
}

bool schemas_load(const char *dir, struct arena *arena, struct index *index, struct err *err)
{
    struct loader loader = {.dir = dir, .arena = arena, .index = index};
    loader.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (loader.dir_fd < 0)
        return err_set_errno(err, "cannot open %s", dir);
    buf_init(&loader.text, SCHEMA_FILE_MAX);
    loader.registry = jsv_registry_new();
    loader.docs = calloc(index->count + 1, sizeof(*loader.docs));
    bool ok = loader.registry && loader.docs ? load_all(&loader, index, err)
                                             : err_set(err, "%s: out of memory", dir);
    if (loader.registry)
        jsv_registry_free(loader.registry);
    for (size_t i = 0; i < loader.doc_count; i++)
        json_doc_release(&loader.docs[i]);
    free(loader.docs);
    buf_release(&loader.text);
    close(loader.dir_fd);
    return ok;
}
