// SPDX-License-Identifier: Apache-2.0
// A YAML file of ours: rows under a key, loaded by libcyaml into structs, with the line of everything for
// errors.
//
// yaml_open() reads the file and checks its syntax, yaml_load() fills structs by a cyaml table, yaml_fault()
// says what is wrong with a value that the table let through, yaml_close() frees all of it, the structs too.
// Every error begins with "<path>:<line>: ". One thread at a time. Aliases are refused, files are at most 1
// MiB.
#ifndef VOX_CONTRACTS_YAML_H
#define VOX_CONTRACTS_YAML_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

#include <cyaml/cyaml.h>
#include <yaml.h>

#define YAML_FILE_MAX (1024 * 1024)
#define YAML_TEXT_MAX 1000 // one value

struct yaml_file {
    const char *path; // the caller's
    struct buf text;
    yaml_document_t document;
    const cyaml_schema_value_t *schema; // of `data`
    void *data;
};

// A file without any document opens, its root absent, but does not load.
MUST_CHECK bool yaml_open(const char *path, struct yaml_file *ret_file, struct err *err);
// `schema` is a CYAML_MAPPING by pointer; what it fills lives until yaml_close().
MUST_CHECK bool yaml_load(struct yaml_file *file, const cyaml_schema_value_t *schema, struct err *err);
void yaml_close(struct yaml_file *file);

// Where the `row`-th entry of the root's list `list` stands, or its member `key` if it has one (may be NULL).
unsigned yaml_line(const struct yaml_file *file, const char *list, size_t row, const char *key);
// Fills `*err` with "<path>:<line>: <sentence>" and returns false.
bool yaml_fault(const struct yaml_file *file, const char *list, size_t row, const char *key, struct err *err,
                const char *format, ...) PRINTF_LIKE(6, 7);

#endif
