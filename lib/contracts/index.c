// SPDX-License-Identifier: Apache-2.0
// index.yaml: what the table of index_source.c let through, checked by hand for its meaning.
#include "lib/contracts/index.h"

#include "lib/contracts/index_source.h"
#include "lib/contracts/pointer.h"

// One file being read.
struct reader {
    struct yaml_file file;
    struct arena *arena;
    const struct guard *guard;
    struct index index;
};

static bool out_of_memory(const struct reader *reader, struct err *err)
{
    return err_set(err, "%s: out of memory", reader->file.path);
}

// A copy; absent stays absent.
static bool keep(struct reader *reader, const char *text, struct str *ret_text, struct err *err)
{
    struct str copy = STR_NULL;
    if (text) {
        copy = arena_dup(reader->arena, str_from(text));
        if (!copy.ptr)
            return out_of_memory(reader, err);
    }
    *ret_text = copy;
    return true;
}

static bool one_of(const char *text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0)
            return true;
    return false;
}

static bool is_id(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

// A name in the folder of the index: the index cannot reach out of it.
static bool is_plain_file_name(const char *text)
{
    return text[0] != '.' && !strchr(text, '/');
}

static const char *const transmissions[] = {"local_only", "explicit_operator_export",
                                            "approved_usage_upload"};

static bool check_words(struct reader *reader, const struct contract_source *source, size_t row,
                        struct err *err)
{
    const struct yaml_file *file = &reader->file;
    if (!is_id(source->id))
        return yaml_fault(file, "contracts", row, "id", err, "id '%s' has other characters than a-z 0-9 -",
                          source->id);
    if (source->version < 1 || source->version > VERSION_MAX)
        return yaml_fault(file, "contracts", row, "version", err, "version %lld is not from 1 to %d",
                          (long long)source->version, VERSION_MAX);
    if (!is_plain_file_name(source->schema))
        return yaml_fault(file, "contracts", row, "schema", err,
                          "schema '%s' is not a file name in this folder", source->schema);
    if (source->formats && strcmp(source->formats, "assert") != 0 && strcmp(source->formats, "annotate") != 0)
        return yaml_fault(file, "contracts", row, "formats", err,
                          "formats '%s' is neither assert nor annotate", source->formats);
    if (!one_of(source->transmission, transmissions, ARRAY_LEN(transmissions)))
        return yaml_fault(file, "contracts", row, "transmission", err,
                          "transmission '%s' is none of local_only, explicit_operator_export, "
                          "approved_usage_upload",
                          source->transmission);
    if (strcmp(source->enforced_by, "schema") != 0)
        return yaml_fault(file, "contracts", row, "enforced_by", err,
                          "enforced_by '%s' is unknown; what is known is schema", source->enforced_by);
    return true;
}

static bool read_class(struct reader *reader, const char *list, size_t row, const char *key, const char *text,
                       enum contract_class *ret_class, struct err *err)
{
    if (!contract_class_from(str_from(text), ret_class))
        return yaml_fault(&reader->file, list, row, key, err, "class '%s' is none of S0, S1, S2", text);
    if (*ret_class == CLASS_S3)
        return yaml_fault(&reader->file, list, row, key, err,
                          "class S3 is content, which telemetry never carries; the contract cannot be taken");
    return true;
}

static bool read_subject(struct reader *reader, const char *pointer, size_t row, struct str *ret_pointer,
                         struct err *err)
{
    if (pointer && !pointer_well_formed(str_from(pointer)))
        return yaml_fault(&reader->file, "contracts", row, "subject", err,
                          "'%s' is no JSON Pointer below the root", pointer);
    return keep(reader, pointer, ret_pointer, err);
}

static bool metric_fault(struct reader *reader, size_t row, struct err *err, const char *sentence)
{
    return yaml_fault(&reader->file, "contracts", row, "metric_type_by", err, "%s", sentence);
}

// A metric type that the event tells by the value of one of its members.
static bool read_metrics(struct reader *reader, const struct contract_source *source, size_t row,
                         struct contract *contract, struct err *err)
{
    const struct metric_by_source *by = source->metric_type_by;
    if (!by)
        return true;
    if (source->metric_type)
        return metric_fault(reader, row, err, "a contract has metric_type or metric_type_by, not both");
    if (!pointer_well_formed(str_from(by->pointer)))
        return metric_fault(reader, row, err, "the pointer of metric_type_by is no JSON Pointer");
    struct contract_metric *metrics = arena_zalloc(reader->arena, by->types_count * sizeof(*metrics));
    if (!metrics)
        return out_of_memory(reader, err);
    for (size_t i = 0; i < by->types_count; i++) {
        if (!keep(reader, by->types[i].value, &metrics[i].value, err) ||
            !keep(reader, by->types[i].metric_type, &metrics[i].metric_type, err))
            return false;
        for (size_t k = 0; k < i; k++)
            if (str_eq(metrics[k].value, metrics[i].value))
                return metric_fault(reader, row, err, "metric_type_by lists a value twice");
    }
    contract->metrics = metrics;
    contract->metric_count = by->types_count;
    return keep(reader, by->pointer, &contract->metric_by, err);
}

// The rules that a list of a row names, as bits; `all` is told apart, because a rule's own name goes before
// it.
static bool read_guard_rules(struct reader *reader, char *const *names, unsigned count, size_t row,
                             uint64_t *ret_rules, bool *ret_all, struct err *err)
{
    uint64_t rules = 0;
    bool all = false;
    for (unsigned i = 0; i < count; i++) {
        uint32_t rule = guard_find(reader->guard, str_from(names[i]));
        if (strcmp(names[i], GUARD_ALL) == 0)
            all = true;
        else if (rule == GUARD_NONE)
            return yaml_fault(&reader->file, "contracts", row, "guard", err, "guard.yaml has no rule '%s'",
                              names[i]);
        else
            rules |= UINT64_C(1) << rule;
    }
    *ret_rules = rules;
    *ret_all = all;
    return true;
}

// Which rules of the content guard hold: all for S0 and S1, none for S2, and what the row turns on and off.
static bool read_guard(struct reader *reader, const struct contract_source *source, size_t row,
                       struct contract *contract, struct err *err)
{
    const struct guard_source *guard = &source->guard;
    uint64_t every = UINT64_MAX >> (GUARD_RULES_MAX - reader->guard->count), on, off;
    uint64_t rules = contract->class_ <= CLASS_S1 ? every : 0;
    bool all_on, all_off;
    if (!read_guard_rules(reader, guard->on, guard->on_count, row, &on, &all_on, err) ||
        !read_guard_rules(reader, guard->off, guard->off_count, row, &off, &all_off, err))
        return false;
    if (on & off || (all_on && all_off))
        return yaml_fault(&reader->file, "contracts", row, "guard", err, "a rule is both on and off");
    if (guard->off_count && !rules && !all_on)
        return yaml_fault(&reader->file, "contracts", row, "guard", err,
                          "for S2 no rule holds unless it is turned on; there is nothing to turn off");
    if (all_on || all_off)
        rules = all_on ? every : 0;
    contract->guarded = (rules | on) & ~off;
    return true;
}

static bool read_embedded(struct reader *reader, const struct contract_source *source, size_t row,
                          struct contract *contract, struct err *err)
{
    struct str *pointers = arena_zalloc(reader->arena, source->embedded_json_count * sizeof(*pointers));
    if (!pointers)
        return out_of_memory(reader, err);
    for (size_t i = 0; i < source->embedded_json_count; i++) {
        if (!pointer_well_formed(str_from(source->embedded_json[i])))
            return yaml_fault(&reader->file, "contracts", row, "embedded_json", err,
                              "'%s' is no JSON Pointer below the root", source->embedded_json[i]);
        if (!keep(reader, source->embedded_json[i], &pointers[i], err))
            return false;
    }
    contract->embedded = pointers;
    contract->embedded_count = source->embedded_json_count;
    return true;
}

static bool read_contract(struct reader *reader, const struct contract_source *source, size_t row,
                          struct index_row *ret_row, struct err *err)
{
    struct contract contract = {.version = (unsigned)source->version};
    struct err cause;
    if (!check_words(reader, source, row, err) ||
        !read_class(reader, "contracts", row, "class", source->class_, &contract.class_, err))
        return false;
    if (!rule_make(&source->recognise, reader->arena, &ret_row->rule, &cause))
        return yaml_fault(&reader->file, "contracts", row, "recognise", err, "%s", cause.text);
    if (source->metric_type && source->metric_type[0] == '/' &&
        !pointer_well_formed(str_from(source->metric_type)))
        return yaml_fault(&reader->file, "contracts", row, "metric_type", err, "'%s' is no JSON Pointer",
                          source->metric_type);
    char name[YAML_TEXT_MAX + 16];
    snprintf(name, sizeof(name), "%s.v%u", source->id, contract.version);
    contract.assert_formats = source->formats && strcmp(source->formats, "assert") == 0;
    contract.is_probe = source->probe;
    contract.recognised_by = ret_row->rule.text;
    bool ok = keep(reader, name, &contract.name, err) && keep(reader, source->id, &contract.id, err) &&
              keep(reader, source->owner, &contract.owner, err) &&
              keep(reader, source->enforced_by, &contract.enforced_by, err) &&
              keep(reader, source->transmission, &contract.transmission, err) &&
              keep(reader, source->metric_type, &contract.metric_type, err) &&
              read_metrics(reader, source, row, &contract, err) &&
              read_guard(reader, source, row, &contract, err) &&
              read_embedded(reader, source, row, &contract, err) &&
              keep(reader, source->session_convention, &contract.session_convention, err) &&
              keep(reader, source->schema, &contract.schema_file, err) &&
              read_subject(reader, source->subject.session_id, row, &contract.session_id, err) &&
              read_subject(reader, source->subject.trace_id, row, &contract.trace_id, err) &&
              read_subject(reader, source->subject.repository_id, row, &contract.repository_id, err);
    ret_row->contract = contract;
    ret_row->place = row;
    ret_row->schema_line = yaml_line(&reader->file, "contracts", row, "schema");
    return ok;
}

// "usage-event-*" or a whole id.
static bool is_pattern(const char *text)
{
    size_t len = strlen(text);
    size_t plain = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return plain > 0 && (plain == len || (plain + 1 == len && text[plain] == '*'));
}

static bool pattern_matches(struct str pattern, struct str id)
{
    if (str_ends(pattern, STR("*")))
        return str_starts(id, str_slice(pattern.ptr, pattern.len - 1));
    return str_eq(pattern, id);
}

static bool read_reserved(struct reader *reader, const struct reserved_source *source, size_t row,
                          struct contract_reserved *ret_reserved, struct err *err)
{
    struct contract_reserved reserved = {.classes = 0};
    if (!is_pattern(source->pattern))
        return yaml_fault(&reader->file, "reserved", row, "pattern", err,
                          "pattern '%s' is not an id, or the beginning of one with * behind it",
                          source->pattern);
    for (size_t i = 0; i < source->classes_count; i++) {
        enum contract_class class_;
        if (!read_class(reader, "reserved", row, "classes", source->classes[i], &class_, err))
            return false;
        reserved.classes |= 1U << class_;
    }
    if (!keep(reader, source->pattern, &reserved.pattern, err) ||
        !keep(reader, source->owner, &reserved.owner, err) ||
        !keep(reader, source->note, &reserved.note, err))
        return false;
    *ret_reserved = reserved;
    return true;
}

static int compare_rows(const void *a, const void *b)
{
    const struct index_row *x = a, *y = b;
    int order = str_cmp(x->contract.id, y->contract.id);
    if (!order)
        order = (x->contract.version > y->contract.version) - (x->contract.version < y->contract.version);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

// Names are unique, reservations are kept, and no two families claim the same bodies.
static bool check_rows(struct reader *reader, struct err *err)
{
    const struct index *index = &reader->index;
    const struct yaml_file *file = &reader->file;
    for (size_t i = 0; i < index->count; i++) {
        const struct index_row *row = &index->rows[i];
        if (i && str_eq(row->contract.name, row[-1].contract.name))
            return yaml_fault(file, "contracts", row->place, "id", err, "%s is there already, in line %u",
                              row->contract.name.ptr, yaml_line(file, "contracts", row[-1].place, "id"));
        for (size_t k = 0; k < index->reserved_count; k++)
            if (pattern_matches(index->reserved[k].pattern, row->contract.id) &&
                !(index->reserved[k].classes >> row->contract.class_ & 1))
                return yaml_fault(file, "contracts", row->place, "class", err,
                                  "class %s is not one of those that the reserved pattern %s allows",
                                  contract_class_name(row->contract.class_), index->reserved[k].pattern.ptr);
        for (size_t k = 0; k < i; k++)
            if (str_eq(index->rows[k].rule.text, row->rule.text) &&
                !str_eq(index->rows[k].contract.id, row->contract.id))
                return yaml_fault(
                    file, "contracts", row->place, "recognise", err,
                    "%s and %s are recognised by the same rule (%s); give one a condition of its own",
                    row->contract.name.ptr, index->rows[k].contract.name.ptr, row->rule.text.ptr);
    }
    return true;
}

static bool read_rows(struct reader *reader, struct err *err)
{
    const struct index_source *source = reader->file.data;
    struct index *index = &reader->index;
    index->count = source->contracts_count;
    index->reserved_count = source->reserved_count;
    index->rows = arena_zalloc(reader->arena, index->count * sizeof(*index->rows));
    index->reserved = arena_zalloc(reader->arena, index->reserved_count * sizeof(*index->reserved));
    if (!index->rows || !index->reserved)
        return out_of_memory(reader, err);
    for (size_t i = 0; i < index->count; i++)
        if (!read_contract(reader, &source->contracts[i], i, &index->rows[i], err))
            return false;
    for (size_t i = 0; i < index->reserved_count; i++)
        if (!read_reserved(reader, &source->reserved[i], i, &index->reserved[i], err))
            return false;
    qsort(index->rows, index->count, sizeof(*index->rows), compare_rows);
    return check_rows(reader, err);
}

bool index_load(const char *path, const struct guard *guard, struct arena *arena, struct index *ret_index,
                struct err *err)
{
    struct reader reader = {.arena = arena, .guard = guard};
    if (!yaml_open(path, &reader.file, err))
        return false;
    bool ok = yaml_load(&reader.file, &index_value, err) && read_rows(&reader, err);
    yaml_close(&reader.file);
    if (ok)
        *ret_index = reader.index;
    return ok;
}
