// SPDX-License-Identifier: Apache-2.0
// guard.yaml: the rules, read and checked.
#include "lib/contracts/guard.h"
#include "lib/contracts/yaml.h"

#define PREFIX_MIN_LEN 3 // shorter ones would stop words of any language
#define MIN_MAX        200

struct rule_row {
    char *name;
    char *what;
    char *matcher;
    char **prefixes;
    unsigned prefixes_count;
    char *follows;
    int64_t *min;
    char *help;
};

struct guard_source {
    struct rule_row *rules;
    unsigned rules_count;
};

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define TEXT(key, flags) \
    CYAML_FIELD_STRING_PTR(#key, CYAML_FLAG_POINTER | (flags), struct rule_row, key, 1, YAML_TEXT_MAX)

static const cyaml_schema_value_t text_value = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, YAML_TEXT_MAX)};
static const cyaml_schema_field_t rule_fields[] = {
    TEXT(name, 0),
    TEXT(what, 0),
    TEXT(matcher, 0),
    CYAML_FIELD_SEQUENCE("prefixes", OPTIONAL, struct rule_row, prefixes, &text_value, 1, 64),
    TEXT(follows, CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_INT_PTR("min", OPTIONAL, struct rule_row, min),
    TEXT(help, 0),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t rule_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rule_row, rule_fields)};
static const cyaml_schema_field_t root_fields[] = {CYAML_FIELD_SEQUENCE("rules", CYAML_FLAG_POINTER,
                                                                        struct guard_source, rules,
                                                                        &rule_value, 1, GUARD_RULES_MAX),
                                                   CYAML_FIELD_END};
static const cyaml_schema_value_t root_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct guard_source, root_fields)};

struct reader {
    struct yaml_file file;
    struct arena *arena;
};

static bool fault(const struct reader *reader, size_t row, const char *key, struct err *err,
                  const char *sentence, const char *value)
{
    return yaml_fault(&reader->file, "rules", row, key, err, "%s: %s", value, sentence);
}

static bool keep(struct reader *reader, const char *text, struct str *ret_text, struct err *err)
{
    *ret_text = arena_dup(reader->arena, str_from(text));
    return ret_text->ptr ? true : err_set(err, "%s: out of memory", reader->file.path);
}

// "Rule posix-path: The value holds …": what the client is told names the rule, so that it can be found in
// the file, and turned off by that name.
static bool keep_told(struct reader *reader, struct guard_rule *rule, struct err *err)
{
    struct buf told;
    buf_init(&told, (size_t)4 * YAML_TEXT_MAX);
    buf_putf(&told, "Rule %s: %s", rule->public.name.ptr, rule->public.help.ptr);
    rule->told = buf_ok(&told) ? arena_dup(reader->arena, buf_str(&told)) : STR_NULL;
    buf_release(&told);
    return rule->told.ptr ? true : err_set(err, "%s: out of memory", reader->file.path);
}

static bool read_prefixes(struct reader *reader, const struct rule_row *row, size_t place,
                          struct guard_rule *rule, struct err *err)
{
    bool wanted = guard_matcher_has_prefixes(rule->matcher);
    if (wanted != (row->prefixes_count > 0))
        return fault(reader, place, "matcher", err,
                     wanted ? "this matcher needs prefixes" : "this matcher takes no prefixes", row->name);
    struct str *prefixes = arena_zalloc(reader->arena, row->prefixes_count * sizeof(*prefixes));
    if (!prefixes)
        return err_set(err, "%s: out of memory", reader->file.path);
    for (size_t i = 0; i < row->prefixes_count; i++) {
        if (strlen(row->prefixes[i]) < PREFIX_MIN_LEN)
            return fault(reader, place, "prefixes", err, "a prefix is shorter than three bytes", row->name);
        if (!keep(reader, row->prefixes[i], &prefixes[i], err))
            return false;
    }
    rule->prefixes = prefixes;
    rule->prefix_count = row->prefixes_count;
    return true;
}

static bool read_follows(const struct reader *reader, const struct rule_row *row, size_t place,
                         struct guard_rule *rule, struct err *err)
{
    if (!guard_matcher_has_follows(rule->matcher)) {
        if (row->follows || row->min)
            return fault(reader, place, "matcher", err,
                         "follows and min go with matchers prefix and word_prefix only", row->name);
        return true;
    }
    if (!row->follows || !guard_follows_from(str_from(row->follows), &rule->follows))
        return fault(reader, place, "follows", err,
                     "follows is none of alnum, upper, word, base64, base64url, token", row->name);
    if (!row->min || *row->min < 1 || *row->min > MIN_MAX)
        return fault(reader, place, "min", err, "min is not from 1 to 200", row->name);
    rule->min = (size_t)*row->min;
    return true;
}

static bool read_rule(struct reader *reader, const struct rule_row *row, size_t place, struct guard *guard,
                      struct err *err)
{
    struct guard_rule *rule = &guard->rules[place];
    if (strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789-") != strlen(row->name))
        return fault(reader, place, "name", err, "a rule's name is of a-z, 0-9 and -", row->name);
    if (strcmp(row->name, GUARD_ALL) == 0)
        return fault(reader, place, "name", err, "this name stands for every rule", row->name);
    guard->count = place;
    if (guard_find(guard, str_from(row->name)) != GUARD_NONE)
        return fault(reader, place, "name", err, "a second rule of this name", row->name);
    if (!guard_matcher_from(str_from(row->matcher), &rule->matcher))
        return fault(reader, place, "matcher", err, "there is no such matcher", row->matcher);
    return keep(reader, row->name, &rule->public.name, err) &&
           keep(reader, row->what, &rule->public.what, err) &&
           keep(reader, row->matcher, &rule->public.matcher, err) &&
           keep(reader, row->help, &rule->public.help, err) && keep_told(reader, rule, err) &&
           read_prefixes(reader, row, place, rule, err) && read_follows(reader, row, place, rule, err);
}

static bool read_rules(struct reader *reader, struct guard **ret_guard, struct err *err)
{
    const struct guard_source *source = reader->file.data;
    struct guard *guard = arena_zalloc(reader->arena, sizeof(*guard));
    if (guard)
        guard->rules = arena_zalloc(reader->arena, source->rules_count * sizeof(*guard->rules));
    if (!guard || !guard->rules)
        return err_set(err, "%s: out of memory", reader->file.path);
    for (size_t i = 0; i < source->rules_count; i++)
        if (!read_rule(reader, &source->rules[i], i, guard, err))
            return false;
    guard->count = source->rules_count;
    sha256(buf_str(&reader->file.text), guard->sha256);
    guard_prepare(guard);
    *ret_guard = guard;
    return true;
}

bool guard_load(const char *path, struct arena *arena, struct guard **ret_guard, struct err *err)
{
    struct reader reader = {.arena = arena};
    if (!yaml_open(path, &reader.file, err))
        return false;
    bool ok = yaml_load(&reader.file, &root_value, err) && read_rules(&reader, ret_guard, err);
    yaml_close(&reader.file);
    return ok;
}
