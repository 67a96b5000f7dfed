// SPDX-License-Identifier: Apache-2.0
// index.yaml as libcyaml fills it; for index.c only.
#ifndef VOX_CONTRACTS_INDEX_SOURCE_H
#define VOX_CONTRACTS_INDEX_SOURCE_H

#include "lib/contracts/index.h"
#include "lib/contracts/yaml.h"

struct subject_source {
    char *session_id;
    char *trace_id;
    char *repository_id;
};

struct metric_source {
    char *value;
    char *metric_type;
};

struct metric_by_source {
    char *pointer;
    struct metric_source *types;
    unsigned types_count;
};

struct guard_source {
    char **on;
    unsigned on_count;
    char **off;
    unsigned off_count;
};

struct contract_source {
    char *id;
    int64_t version;
    char *schema;
    char *formats;
    struct rule_source recognise;
    char *metric_type;
    struct metric_by_source *metric_type_by;
    char *class_;
    char *transmission;
    char *owner;
    char *enforced_by;
    char *session_convention;
    bool probe;
    struct subject_source subject;
    struct guard_source guard;
    char **embedded_json;
    unsigned embedded_json_count;
};

struct reserved_source {
    char *pattern;
    char **classes;
    unsigned classes_count;
    char *owner;
    char *note;
};

struct index_source {
    struct contract_source *contracts;
    unsigned contracts_count;
    struct reserved_source *reserved;
    unsigned reserved_count;
};

extern const cyaml_schema_value_t index_value; // a struct index_source, by pointer

#endif
