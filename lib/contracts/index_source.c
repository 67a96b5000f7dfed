// SPDX-License-Identifier: Apache-2.0
// The libcyaml table of index.yaml.
#include "lib/contracts/index_source.h"

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(key, type, member, flags) \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 1, YAML_TEXT_MAX)

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, YAML_TEXT_MAX)};

static const cyaml_schema_field_t condition_fields[] = {
    TEXT("pointer", struct rule_condition_source, pointer, 0),
    TEXT("equals", struct rule_condition_source, equals, CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_SEQUENCE("any_of", OPTIONAL, struct rule_condition_source, any_of, &text_value, 1, 64),
    CYAML_FIELD_INT_PTR("equals_integer", OPTIONAL, struct rule_condition_source, equals_integer),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t condition_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rule_condition_source, condition_fields)};

static const cyaml_schema_field_t rule_fields[] = {
    TEXT("variant", struct rule_source, variant, CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_SEQUENCE("members", OPTIONAL, struct rule_source, members, &text_value, 1, 64),
    CYAML_FIELD_SEQUENCE("where", OPTIONAL, struct rule_source, where, &condition_value, 1, 16),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t subject_fields[] = {
    TEXT("session_id", struct subject_source, session_id, CYAML_FLAG_OPTIONAL),
    TEXT("trace_id", struct subject_source, trace_id, CYAML_FLAG_OPTIONAL),
    TEXT("repository_id", struct subject_source, repository_id, CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t metric_fields[] = {
    TEXT("value", struct metric_source, value, 0),
    TEXT("metric_type", struct metric_source, metric_type, 0),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t metric_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct metric_source, metric_fields)};

static const cyaml_schema_field_t metric_by_fields[] = {
    TEXT("pointer", struct metric_by_source, pointer, 0),
    CYAML_FIELD_SEQUENCE("types", CYAML_FLAG_POINTER, struct metric_by_source, types, &metric_value, 1, 64),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t guard_fields[] = {
    CYAML_FIELD_SEQUENCE("on", OPTIONAL, struct guard_source, on, &text_value, 1, GUARD_RULES_MAX),
    CYAML_FIELD_SEQUENCE("off", OPTIONAL, struct guard_source, off, &text_value, 1, GUARD_RULES_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t contract_fields[] = {
    TEXT("id", struct contract_source, id, 0),
    CYAML_FIELD_INT("version", CYAML_FLAG_DEFAULT, struct contract_source, version),
    TEXT("schema", struct contract_source, schema, 0),
    TEXT("formats", struct contract_source, formats, CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_MAPPING("recognise", CYAML_FLAG_DEFAULT, struct contract_source, recognise, rule_fields),
    TEXT("metric_type", struct contract_source, metric_type, CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_MAPPING_PTR("metric_type_by", OPTIONAL, struct contract_source, metric_type_by,
                            metric_by_fields),
    TEXT("class", struct contract_source, class_, 0),
    TEXT("transmission", struct contract_source, transmission, 0),
    TEXT("owner", struct contract_source, owner, 0),
    TEXT("enforced_by", struct contract_source, enforced_by, 0),
    TEXT("session_convention", struct contract_source, session_convention, 0),
    CYAML_FIELD_BOOL("probe", CYAML_FLAG_OPTIONAL, struct contract_source, probe),
    CYAML_FIELD_MAPPING("subject", CYAML_FLAG_OPTIONAL, struct contract_source, subject, subject_fields),
    CYAML_FIELD_MAPPING("guard", CYAML_FLAG_OPTIONAL, struct contract_source, guard, guard_fields),
    CYAML_FIELD_SEQUENCE("embedded_json", OPTIONAL, struct contract_source, embedded_json, &text_value, 1,
                         16),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t contract_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct contract_source, contract_fields)};

static const cyaml_schema_field_t reserved_fields[] = {
    TEXT("pattern", struct reserved_source, pattern, 0),
    CYAML_FIELD_SEQUENCE("classes", CYAML_FLAG_POINTER, struct reserved_source, classes, &text_value, 1, 3),
    TEXT("owner", struct reserved_source, owner, 0),
    TEXT("note", struct reserved_source, note, 0),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t reserved_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct reserved_source, reserved_fields)};

static const cyaml_schema_field_t index_fields[] = {
    CYAML_FIELD_SEQUENCE("contracts", CYAML_FLAG_POINTER, struct index_source, contracts, &contract_value, 1,
                         CONTRACTS_MAX),
    CYAML_FIELD_SEQUENCE("reserved", OPTIONAL, struct index_source, reserved, &reserved_value, 0, 64),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t index_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct index_source, index_fields)};
