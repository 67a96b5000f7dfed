// SPDX-License-Identifier: Apache-2.0
// The schema files of an index: read, checked for their identity, and compiled together.
#include "lib/base/file.h"
#include "lib/contracts/line.h"
#include "lib/contracts/set.h"

#include <fcntl.h>

#define URN "urn:vox:contract:"

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
    struct buf text; // one file at a time
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

static bool is_dialect(const json_t *name)
{
    for (size_t i = 0; json_is_string(name) && i < ARRAY_LEN(dialects); i++)
        if (strcmp(json_string_value(name), dialects[i]) == 0)
            return true;
    return false;
}

static bool read_text(struct loader *loader, struct contract *contract, struct err *err)
{
    buf_clear(&loader->text);
    if (!file_read_at(loader->dir_fd, contract->schema_file.ptr, &loader->text, err))
        return err_prefix(err, "%s/%s", loader->dir, contract->schema_file.ptr);
    contract->schema_text = arena_dup(loader->arena, buf_str(&loader->text));
    if (!contract->schema_text.ptr)
        return schema_fault(loader, contract, "out of memory, or the set is larger than 64 MiB", err);
    sha256(contract->schema_text, contract->schema_sha256);
    return true;
}

// The document says what it is, so that a file that was copied and not adapted is told.
static bool check_identity(const struct loader *loader, const struct contract *contract, const json_t *schema,
                           const char *uri, struct err *err)
{
    if (!json_is_object(schema))
        return schema_fault_at(loader, contract, STR(""), "the schema is not a JSON object", err);
    if (!is_dialect(json_object_get(schema, "$schema")))
        return schema_fault_at(loader, contract, STR("/$schema"), "/$schema is neither draft-07 nor 2020-12",
                               err);
    const char *id = json_string_value(json_object_get(schema, "$id"));
    if (!id || strcmp(id, uri) != 0)
        return err_set(err, "%s/%s:%u: /$id is not %s", loader->dir, contract->schema_file.ptr,
                       line_of_pointer(contract->schema_text, STR("/$id")), uri);
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

// The names under `properties`, wherever it stands: counted, and copied if there is room for them.
static size_t collect_names(struct arena *arena, const json_t *schema, bool names, struct str *room,
                            size_t count)
{
    // jansson's iterators want an object that they may change; they do not.
    json_t *object = (json_t *)schema;
    for (size_t i = 0; i < json_array_size(schema); i++)
        count = collect_names(arena, json_array_get(schema, i), false, room, count);
    for (void *member = json_object_iter(object); member; member = json_object_iter_next(object, member)) {
        const char *name = json_object_iter_key(member);
        if (names) {
            if (room)
                room[count] = arena_dup(arena, str_from(name));
            count++;
        }
        count = collect_names(arena, json_object_iter_value(member),
                              !names && strcmp(name, "properties") == 0, room, count);
    }
    return count;
}

static bool keep_names(struct loader *loader, struct contract *contract, const json_t *schema,
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

static bool add_document(struct loader *loader, struct contract *contract, struct err *err)
{
    char uri[sizeof(URN) + 1024];
    json_error_t where;
    struct err cause;
    if (!read_text(loader, contract, err))
        return false;
    json_t *schema =
        json_loadb(contract->schema_text.ptr, contract->schema_text.len, JSON_REJECT_DUPLICATES, &where);
    if (!schema)
        return err_set(err, "%s/%s:%d: not JSON: %s", loader->dir, contract->schema_file.ptr,
                       MAX(where.line, 1), where.text);
    snprintf(uri, sizeof(uri), URN "%s", contract->name.ptr);
    bool ok = check_identity(loader, contract, schema, uri, err);
    ok = ok && keep_names(loader, contract, schema, err);
    if (ok && !jsv_registry_add(loader->registry, uri, schema, JSV_2020_12, &cause))
        ok = engine_fault(loader, contract, &cause, err);
    json_decref(schema);
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
        if (!add_document(loader, &index->rows[i].contract, err))
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
    bool ok = loader.registry ? load_all(&loader, index, err) : err_set(err, "%s: out of memory", dir);
    if (loader.registry)
        jsv_registry_free(loader.registry);
    buf_release(&loader.text);
    close(loader.dir_fd);
    return ok;
}
