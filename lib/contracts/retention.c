// SPDX-License-Identifier: Apache-2.0
// Retention rows: read, checked, overridden, and children given their parent's days.
#include "lib/contracts/retention.h"

#include "lib/contracts/pointer.h"
#include "lib/contracts/yaml.h"

struct retention_row {
    char *contract;
    char *kind;
    int64_t *days;
    char *parent;
    char *expires_at;
    char *rationale;
};

struct retention_source {
    struct retention_row *rows;
    unsigned rows_count;
};

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(key, member, flags) \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), struct retention_row, member, 1, YAML_TEXT_MAX)
#define ROWS(value) \
    CYAML_FIELD_SEQUENCE("retention", CYAML_FLAG_POINTER, struct retention_source, rows, value, 0, 512)

static const cyaml_schema_field_t policy_fields[] = {
    TEXT("contract", contract, 0),
    TEXT("kind", kind, 0),
    CYAML_FIELD_INT_PTR("days", OPTIONAL, struct retention_row, days),
    TEXT("parent", parent, CYAML_FLAG_OPTIONAL),
    TEXT("expires_at", expires_at, CYAML_FLAG_OPTIONAL),
    TEXT("rationale", rationale, 0),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t policy_row = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct retention_row, policy_fields)};
static const cyaml_schema_field_t policy_root[] = {ROWS(&policy_row), CYAML_FIELD_END};
static const cyaml_schema_value_t policy_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct retention_source, policy_root)};

static const cyaml_schema_field_t override_fields[] = {
    TEXT("contract", contract, 0),
    TEXT("kind", kind, 0),
    CYAML_FIELD_INT_PTR("days", OPTIONAL, struct retention_row, days),
    TEXT("rationale", rationale, CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t override_row = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct retention_row, override_fields)};
static const cyaml_schema_field_t override_root[] = {ROWS(&override_row), CYAML_FIELD_END};
static const cyaml_schema_value_t override_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct retention_source, override_root)};

static const char *const kinds[] = {
    [RETENTION_DAYS] = "days",
    [RETENTION_WITH_PARENT] = "with_parent",
    [RETENTION_EXPIRES_LT_NOW] = "expires_lt_now",
    [RETENTION_KEEP_FOREVER] = "keep_forever",
    [RETENTION_MANUAL] = "manual",
};

const char *retention_kind_name(enum retention_kind kind)
{
    if ((size_t)kind >= ARRAY_LEN(kinds))
        BUG("a retention kind that does not exist");
    return kinds[kind];
}

static bool kind_from(const char *name, enum retention_kind *ret_kind)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(name, kinds[i]) == 0) {
            *ret_kind = (enum retention_kind)i;
            return true;
        }
    return false;
}

// One file being read over one index; the arrays go with its rows.
struct reader {
    struct yaml_file file;
    struct arena *arena;
    struct index *index;
    bool seen[CONTRACTS_MAX];    // the file has a row for it
    size_t place[CONTRACTS_MAX]; // which one
};

static bool fault(const struct reader *reader, size_t row, const char *key, struct err *err, const char *what,
                  const char *contract)
{
    return yaml_fault(&reader->file, "retention", row, key, err, "%s: %s", contract, what);
}

static struct index_row *find_row(struct index *index, struct str name)
{
    for (size_t i = 0; i < index->count; i++)
        if (str_eq(index->rows[i].contract.name, name))
            return &index->rows[i];
    return NULL;
}

// What stands beside `kind` is what that kind needs, and nothing else.
static bool check_members(const struct reader *reader, const struct retention_row *row, size_t place,
                          const struct retention *retention, struct err *err)
{
    enum retention_kind kind = retention->kind;
    if (!row->days != (kind != RETENTION_DAYS))
        return fault(reader, place, row->days ? "days" : "kind", err,
                     row->days ? "days go with kind days only" : "kind days needs days", row->contract);
    if (row->days && (*row->days < 1 || *row->days > RETENTION_DAYS_MAX))
        return fault(reader, place, "days", err, "days are not from 1 to 36500", row->contract);
    if (!retention->parent.ptr && kind == RETENTION_WITH_PARENT)
        return fault(reader, place, "kind", err, "kind with_parent needs a parent, and the policy names none",
                     row->contract);
    if (!retention->expires_at.ptr && kind == RETENTION_EXPIRES_LT_NOW)
        return fault(reader, place, "kind", err,
                     "kind expires_lt_now needs an expires_at, and the policy names none", row->contract);
    if (row->parent && kind != RETENTION_WITH_PARENT)
        return fault(reader, place, "parent", err, "a parent goes with kind with_parent only", row->contract);
    if (row->expires_at && kind != RETENTION_EXPIRES_LT_NOW)
        return fault(reader, place, "expires_at", err, "expires_at goes with kind expires_lt_now only",
                     row->contract);
    if (row->expires_at && !pointer_well_formed(str_from(row->expires_at)))
        return fault(reader, place, "expires_at", err, "expires_at is no JSON Pointer below the root",
                     row->contract);
    return true;
}

static bool keep(struct reader *reader, const char *text, struct str *text_kept, struct err *err)
{
    if (!text)
        return true;
    *text_kept = arena_dup(reader->arena, str_from(text));
    return text_kept->ptr ? true : err_set(err, "%s: out of memory", reader->file.path);
}

static bool read_row(struct reader *reader, const struct retention_row *row, size_t place, struct err *err)
{
    struct index_row *target = find_row(reader->index, str_from(row->contract));
    if (!target)
        return fault(reader, place, "contract", err, "the index has no such contract", row->contract);
    size_t index = (size_t)(target - reader->index->rows);
    if (reader->seen[index])
        return fault(reader, place, "contract", err, "a second row for this contract", row->contract);
    reader->seen[index] = true;
    reader->place[index] = place;

    struct retention retention = target->contract.retention;
    retention.days = 0;
    if (!kind_from(row->kind, &retention.kind))
        return yaml_fault(&reader->file, "retention", place, "kind", err,
                          "%s: kind '%s' is none of days, with_parent, expires_lt_now, keep_forever, manual",
                          row->contract, row->kind);
    if (!keep(reader, row->parent, &retention.parent, err) ||
        !keep(reader, row->expires_at, &retention.expires_at, err) ||
        !keep(reader, row->rationale, &retention.rationale, err) ||
        !check_members(reader, row, place, &retention, err))
        return false;
    if (row->days)
        retention.days = (int32_t)*row->days;
    target->contract.retention = retention;
    return true;
}

// Parents are resolved last, so that children follow an operator's days for their parent.
static bool resolve_parents(struct reader *reader, struct err *err)
{
    for (size_t i = 0; i < reader->index->count; i++) {
        struct contract *contract = &reader->index->rows[i].contract;
        struct retention *retention = &contract->retention;
        if (retention->kind != RETENTION_EXPIRES_LT_NOW)
            retention->expires_at = STR_NULL;
        if (retention->kind != RETENTION_WITH_PARENT) {
            retention->parent = STR_NULL;
            continue;
        }
        const struct index_row *parent = find_row(reader->index, retention->parent);
        if (!parent)
            return fault(reader, reader->place[i], "parent", err, "the index has no such parent",
                         contract->name.ptr);
        if (parent->contract.retention.kind != RETENTION_DAYS)
            return yaml_fault(&reader->file, "retention", reader->place[i], "parent", err,
                              "%s: its parent %s is of kind %s; a parent is of kind days", contract->name.ptr,
                              parent->contract.name.ptr,
                              retention_kind_name(parent->contract.retention.kind));
        retention->days = parent->contract.retention.days;
    }
    return true;
}

static bool read_file(struct reader *reader, const cyaml_schema_value_t *schema, struct err *err)
{
    if (!yaml_load(&reader->file, schema, err))
        return false;
    const struct retention_source *source = reader->file.data;
    for (size_t i = 0; i < source->rows_count; i++)
        if (!read_row(reader, &source->rows[i], i, err))
            return false;
    return true;
}

static bool check_complete(const struct reader *reader, struct err *err)
{
    for (size_t i = 0; i < reader->index->count; i++)
        if (!reader->seen[i])
            return err_set(err, "%s:1: %s of the index has no row here; every contract needs one",
                           reader->file.path, reader->index->rows[i].contract.name.ptr);
    return true;
}

static bool load_overrides(const char *path, struct arena *arena, struct index *index, struct err *err)
{
    struct reader reader = {.arena = arena, .index = index};
    if (!yaml_open(path, &reader.file, err))
        return false;
    bool ok = read_file(&reader, &override_value, err);
    yaml_close(&reader.file);
    return ok;
}

bool retention_load(const char *path, const char *overrides_path, struct arena *arena, struct index *index,
                    struct err *err)
{
    struct reader reader = {.arena = arena, .index = index};
    if (!yaml_open(path, &reader.file, err))
        return false;
    bool ok = read_file(&reader, &policy_value, err) && check_complete(&reader, err) &&
              (!overrides_path || load_overrides(overrides_path, arena, index, err)) &&
              resolve_parents(&reader, err);
    yaml_close(&reader.file);
    return ok;
}
