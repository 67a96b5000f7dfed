// SPDX-License-Identifier: Apache-2.0
// `vox-sink contracts check|list|show`; guard and validate have files of their own. They need files only, no
// database.
#include "server/cmd_contracts.h"
#include "lib/base/json.h"
#include "lib/contracts/check.h"
#include "lib/contracts/contracts.h"
#include "server/command.h"
#include "server/config/table.h"

#define OUTPUT_CEILING ((size_t)64 * 1024 * 1024)

static void say_fault(void *context, struct str file, struct str message)
{
    (void)context;
    printf("%.*s: %.*s\n", STR_FMT(file), STR_FMT(message));
}

static int check(struct call *call)
{
    struct contract_check_tally tally = {0};
    const char *dir = call->word_count ? call->word[0] : call->config.contracts_dir;
    if (!contract_check(dir, call->config.contracts_overrides, say_fault, NULL, &tally))
        return command_error(EXIT_UNHEALTHY, "%s: %zu %s found", dir, tally.faults,
                             tally.faults == 1 ? "fault" : "faults");
    printf("%s is good: %zu contracts, %zu valid and %zu invalid samples\n", dir, tally.contracts,
           tally.valid, tally.invalid);
    return EXIT_OK;
}

static const struct command contracts_check = {
    .name = "contracts check",
    .words = "[DIR]",
    .max_words = 1,
    .about = "Checks a contracts folder (default: the one that the sink serves): the index, the\n"
             "schemas, retention, and that every sample is judged as it should be. What is wrong\n"
             "is told on standard output, one line each, with file and line; a fault of index,\n"
             "guard, retention or a schema hides what comes behind it until it is mended. Exits\n"
             "with 0 if the folder is good, else with 4.",
    .run = check};

// "365 days", "with completion-run.v1, 365 days", "until /Suppression/expires_at", "for ever".
static void retention_text(const struct retention *retention, char *ret_text, size_t size)
{
    switch (retention->kind) {
    case RETENTION_DAYS:
        snprintf(ret_text, size, "%d %s", retention->days, retention->days == 1 ? "day" : "days");
        return;
    case RETENTION_WITH_PARENT:
        snprintf(ret_text, size, "%d %s, as %.*s", retention->days, retention->days == 1 ? "day" : "days",
                 STR_FMT(retention->parent));
        return;
    case RETENTION_EXPIRES_LT_NOW:
        snprintf(ret_text, size, "until %.*s", STR_FMT(retention->expires_at));
        return;
    case RETENTION_KEEP_FOREVER:
        snprintf(ret_text, size, "for ever");
        return;
    case RETENTION_MANUAL:
        snprintf(ret_text, size, "until removed");
        return;
    }
    BUG("unknown kind of retention");
}

static void put_retention(struct json_writer *w, const struct retention *retention)
{
    json_key(w, "retention");
    json_begin_object(w);
    json_str(w, "kind", str_from(retention_kind_name(retention->kind)));
    if (retention->kind == RETENTION_DAYS || retention->kind == RETENTION_WITH_PARENT)
        json_i64(w, "days", retention->days);
    if (retention->parent.ptr)
        json_str(w, "parent", retention->parent);
    if (retention->expires_at.ptr)
        json_str(w, "expires_at", retention->expires_at);
    json_str(w, "rationale", retention->rationale);
    json_end_object(w);
}

static void put_metric_types(struct json_writer *w, const struct contract *contract)
{
    json_str(w, "metric_type", contract->metric_type);
    if (!contract->metric_count)
        return;
    json_key(w, "metric_type_by");
    json_begin_object(w);
    json_str(w, "pointer", contract->metric_by);
    json_key(w, "types");
    json_begin_array(w);
    for (size_t i = 0; i < contract->metric_count; i++) {
        json_begin_object(w);
        json_str(w, "value", contract->metrics[i].value);
        json_str(w, "metric_type", contract->metrics[i].metric_type);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
}

// The rules of the content guard that hold for it, by name.
static void put_guard(struct json_writer *w, const struct contract_set *set, const struct contract *contract)
{
    json_key(w, "guard");
    json_begin_array(w);
    for (size_t i = 0; i < contract_set_guard_count(set); i++)
        if (contract->guarded >> i & 1)
            json_value_str(w, contract_set_guard_at(set, i)->name);
    json_end_array(w);
    json_key(w, "embedded_json");
    json_begin_array(w);
    for (size_t i = 0; i < contract->embedded_count; i++)
        json_value_str(w, contract->embedded[i]);
    json_end_array(w);
}

static void put_contract(struct json_writer *w, const struct contract_set *set,
                         const struct contract *contract, bool with_schema)
{
    char hash[SHA256_HEX_LEN + 1];
    sha256_hex(contract->schema_sha256, hash);
    json_begin_object(w);
    json_str(w, "name", contract->name);
    json_str(w, "class", str_from(contract_class_name(contract->class_)));
    json_str(w, "owner", contract->owner);
    json_str(w, "enforced_by", contract->enforced_by);
    json_str(w, "transmission", contract->transmission);
    put_metric_types(w, contract);
    json_str(w, "session_convention", contract->session_convention);
    json_key(w, "subject");
    json_begin_object(w);
    json_str(w, "session_id", contract->session_id);
    json_str(w, "trace_id", contract->trace_id);
    json_str(w, "repository_id", contract->repository_id);
    json_end_object(w);
    put_retention(w, &contract->retention);
    put_guard(w, set, contract);
    json_str(w, "schema_file", contract->schema_file);
    json_str(w, "schema_sha256", str_from(hash));
    if (with_schema) {
        json_key(w, "schema");
        json_value_raw(w, str_trim(contract->schema_text));
    }
    json_end_object(w);
}

static int list_json(const struct call *call UNUSED, const struct contract_set *set)
{
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, OUTPUT_CEILING);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "hash", str_from(contract_set_hash(set)));
    json_key(&w, "contracts");
    json_begin_array(&w);
    for (size_t i = 0; i < contract_set_count(set); i++)
        put_contract(&w, set, contract_set_at(set, i), false);
    json_end_array(&w);
    json_end_object(&w);
    return command_write(&buf);
}

static int list_table(const struct call *call UNUSED, const struct contract_set *set)
{
    static const char *const titles[] = {"CONTRACT", "CLASS", "KEPT", "TRANSMISSION", "OWNER"};
    struct table table;
    if (contract_set_count(set) == 0) {
        puts("the folder lists no contracts, so every event would be refused");
        return EXIT_OK;
    }
    table_init(&table, titles, ARRAY_LEN(titles));
    table.optional = 2;
    for (size_t i = 0; i < contract_set_count(set); i++) {
        const struct contract *contract = contract_set_at(set, i);
        char kept[192];
        retention_text(&contract->retention, kept, sizeof(kept));
        table_cell(&table, contract->name);
        table_cell(&table, str_from(contract_class_name(contract->class_)));
        table_cell(&table, str_from(kept));
        table_cell(&table, contract->transmission);
        table_cell(&table, contract->owner);
    }
    return command_table(&table);
}

int contracts_run(const struct call *call,
                  int (*run)(const struct call *call, const struct contract_set *set))
{
    struct contract_set *set;
    struct err err;
    if (!contract_set_load(call->config.contracts_dir, call->config.contracts_overrides, &set, &err))
        return command_error(EXIT_CONFIG, "%s", err.text);
    int code = run(call, set);
    contract_set_unref(set);
    return code;
}

static int list(struct call *call)
{
    return contracts_run(call, call->flags[0].given ? list_json : list_table);
}

static const struct flag contracts_list_flags[] = {FLAG_FOR_JSON};

static const struct command contracts_list = {
    .name = "contracts list",
    .about = "Lists the contracts: what events the sink takes and how long they stay.",
    COMMAND_FLAGS(contracts_list_flags),
    .run = list};

static void show_line(const char *name, struct str value)
{
    if (value.len)
        printf("%-19s %.*s\n", name, STR_FMT(value));
}

static void show_text(const struct contract *contract)
{
    char kept[192], hash[SHA256_HEX_LEN + 1];
    retention_text(&contract->retention, kept, sizeof(kept));
    sha256_hex(contract->schema_sha256, hash);
    show_line("contract", contract->name);
    show_line("class", str_from(contract_class_name(contract->class_)));
    show_line("kept", str_from(kept));
    show_line("because", contract->retention.rationale);
    show_line("transmission", contract->transmission);
    show_line("owner", contract->owner);
    show_line("enforced by", contract->enforced_by);
    show_line("metric type", contract->metric_type);
    for (size_t i = 0; i < contract->metric_count; i++)
        show_line(i ? "" : "metric types", contract->metrics[i].metric_type);
    show_line("session", contract->session_convention);
    show_line("session id at", contract->session_id);
    show_line("trace id at", contract->trace_id);
    show_line("repository id at", contract->repository_id);
    if (contract->guarded)
        printf("%-19s %d rules; vox-sink contracts guard lists them\n", "guarded by",
               __builtin_popcountll(contract->guarded));
    show_line("schema", contract->schema_file);
    show_line("schema SHA-256", str_from(hash));
}

enum { SHOW_SCHEMA, SHOW_JSON };

static int show(const struct call *call, const struct contract_set *set)
{
    const struct flag *flags = call->flags;
    const struct contract *contract = contract_set_find(set, str_from(call->word[0]));
    if (!contract)
        return command_error(EXIT_FAILED, "there is no contract %.80s; vox-sink contracts list shows them",
                             call->word[0]);
    if (flags[SHOW_SCHEMA].given) {
        printf("%.*s", STR_FMT(contract->schema_text));
        return EXIT_OK;
    }
    if (!flags[SHOW_JSON].given) {
        show_text(contract);
        return EXIT_OK;
    }
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, OUTPUT_CEILING);
    json_writer_init(&w, &buf);
    put_contract(&w, set, contract, true);
    return command_write(&buf);
}

static int show_named(struct call *call)
{
    return contracts_run(call, show);
}

static const struct flag contracts_show_flags[] = {
    [SHOW_SCHEMA] = {"schema", NULL, "print its JSON Schema instead, as it stands in the file"},
    [SHOW_JSON] = {"json", NULL, "one JSON object for machines, with the schema"}};

static const struct command contracts_show = {
    .name = "contracts show",
    .words = "NAME",
    .min_words = 1,
    .max_words = 1,
    .about = "Shows one contract: model-call.v1, or model-call for its newest version.",
    COMMAND_FLAGS(contracts_show_flags),
    .run = show_named};

static const struct subcommand subs[] = {
    {"check", "check a contracts folder and its samples", .command = &contracts_check},
    {"list", "list the contracts", .command = &contracts_list},
    {"show", "show one contract", .command = &contracts_show},
    {"guard", "list the rules of the content guard", .command = &contracts_guard},
    {"validate", "judge documents by any JSON Schema", .command = &contracts_validate}};

const struct family cmd_contracts = {.name = "contracts",
                                     .about =
                                         "Contracts: what events the sink takes. They are files, not rows.",
                                     .subs = subs,
                                     .count = ARRAY_LEN(subs)};
