// SPDX-License-Identifier: Apache-2.0
// The YAML file of the configuration, one flat mapping, and the place of the contracts.
#include "server/config/options.h"

#include "lib/contracts/locate.h"
#include "lib/contracts/yaml.h"

#include <limits.h>
#include <sys/stat.h>

static bool is_private(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) == 0;
}

// One entry `key: value` of the mapping.
static bool take_entry(const struct yaml_file *file, const yaml_node_t *key, const yaml_node_t *value,
                       struct arena *arena, struct option_given *rows, struct err *err)
{
    if (!key || !value || key->type != YAML_SCALAR_NODE)
        return err_set(err, "%s: a name of an option must be plain text", file->path);
    size_t line = key->start_mark.line + 1;
    struct str name = str_slice(key->data.scalar.value, key->data.scalar.length);
    bool is_path;
    enum option_row row = option_find(name, &is_path);
    if (row == OPTION_COUNT)
        return err_set(err, "%s:%zu: there is no option \"%.*s\"; vox-sink config show lists them",
                       file->path, line, (int)MIN(name.len, (size_t)60), name.ptr);
    const struct option *option = &option_table[row];
    if (value->type != YAML_SCALAR_NODE)
        return err_set(err, "%s:%zu: %s takes one value, not a list or a mapping", file->path, line,
                       option->name);
    struct str text = str_slice(value->data.scalar.value, value->data.scalar.length);
    bool plain = value->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (text.len == 0 || (plain && (str_eq(text, STR("~")) || str_eq(text, STR("null")))))
        return true;
    if (memchr(text.ptr, '\0', text.len))
        return err_set(err, "%s:%zu: %s holds a control character", file->path, line, option->name);
    if (option->type == OPTION_TYPE_SECRET && !is_path && !is_private(file->path))
        return err_set(err,
                       "%s:%zu: %s may hold a password, and others can read this file; chmod 600 it or use "
                       "%s_file",
                       file->path, line, option->name, option->name);
    struct option_given *given = &rows[row];
    if (is_path ? given->path : given->value)
        return err_set(err, "%s:%zu: %.*s is given twice", file->path, line, STR_FMT(name));
    char origin[PATH_MAX + 32];
    int length = snprintf(origin, sizeof(origin), "%s:%zu", file->path, line);
    const char *kept = arena_dup(arena, text).ptr;
    const char *from = arena_dup(arena, str_slice(origin, MIN((size_t)length, sizeof(origin) - 1))).ptr;
    if (!kept || !from)
        return err_set(err, "%s: out of memory", file->path);
    *(is_path ? &given->path : &given->value) = kept;
    *(is_path ? &given->path_origin : &given->value_origin) = from;
    return true;
}

bool config_file_read(const char *path, struct arena *arena, struct option_given *rows, struct err *err)
{
    struct yaml_file file;
    if (!yaml_open(path, &file, err))
        return false;
    bool ok = true;
    yaml_node_t *root = yaml_document_get_root_node(&file.document);
    if (root && root->type == YAML_MAPPING_NODE) {
        const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
        for (; ok && pair < root->data.mapping.pairs.top; pair++)
            ok = take_entry(&file, yaml_document_get_node(&file.document, pair->key),
                            yaml_document_get_node(&file.document, pair->value), arena, rows, err);
    } else if (root) {
        ok = err_set(err, "%s:1: the file must be lines of the form `option: value`", path);
    }
    yaml_close(&file);
    return ok;
}

const char *config_contracts_dir(struct arena *arena)
{
    char dir[PATH_MAX];
    contract_locate(dir);
    return arena_dup(arena, str_from(dir)).ptr;
}
