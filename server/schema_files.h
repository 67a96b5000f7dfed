// SPDX-License-Identifier: Apache-2.0
// JSON Schemas from files, for `vox-sink contracts validate`: the schema itself and those that it refers to.
//
//     struct schema_files files;
//     schema_files_init(&files, JSV_2020_12);
//     ok = schema_files_add_path(&files, "schemas/", &err) && schema_files_compile(&files, "a.json", …);
//     schema_files_release(&files);
//
// A document answers to its $id and to the file: URI of its path, so that relative references between files
// lead where they seem to. Nothing is fetched.
// Errors: "<path>[:<line>]: …" wherever a file is to blame. One thread at a time.
#ifndef VOX_SERVER_SCHEMA_FILES_H
#define VOX_SERVER_SCHEMA_FILES_H

#include "lib/base/err.h"
#include "lib/schema/schema.h"

struct schema_file; // a document that was read

struct schema_files {
    enum jsv_dialect dialect; // of documents without $schema
    struct jsv_registry *registry;
    struct schema_file **files;
    size_t count;
};

MUST_CHECK bool schema_files_init(struct schema_files *files, enum jsv_dialect dialect, struct err *err);
void schema_files_release(struct schema_files *files);
// A file; or a folder, of which every *.json directly in it that has an $id is taken, in order of names. A
// file that is there already is not taken twice.
MUST_CHECK bool schema_files_add_path(struct schema_files *files, const char *path, struct err *err);
MUST_CHECK bool schema_files_compile(struct schema_files *files, const char *path,
                                     const struct jsv_options *options, struct jsv_program **ret_program,
                                     struct err *err);

#endif
