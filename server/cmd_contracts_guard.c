// SPDX-License-Identifier: Apache-2.0
// `vox-sink contracts guard`: the rules of the content guard, and for which contracts one is off, or on.
#include "server/cmd_contracts.h"

#include "lib/base/json.h"
#include "server/config/table.h"

enum list { LIST_OFF, LIST_ON };

// Whether its row says otherwise than its class: off for an S0 or S1, on for an S2.
static bool is_listed(enum list list, const struct contract *contract, size_t rule)
{
    bool on = contract->guarded >> rule & 1, by_default = contract->class_ <= CLASS_S1;
    return on != by_default && on == (list == LIST_ON);
}

static void put_names(struct json_writer *w, enum list list, const struct contract_set *set, size_t rule)
{
    json_key(w, list == LIST_ON ? "on" : "off");
    json_begin_array(w);
    for (size_t i = 0; i < contract_set_count(set); i++)
        if (is_listed(list, contract_set_at(set, i), rule))
            json_value_str(w, contract_set_at(set, i)->name);
    json_end_array(w);
}

// Nothing, the one contract, or how many.
static void put_cell(struct table *table, enum list list, const struct contract_set *set, size_t rule)
{
    size_t count = 0;
    const struct contract *last = NULL;
    for (size_t i = 0; i < contract_set_count(set); i++)
        if (is_listed(list, contract_set_at(set, i), rule)) {
            last = contract_set_at(set, i);
            count++;
        }
    if (count > 1)
        table_cellf(table, "%zu contracts", count);
    else
        table_cell(table, last ? last->name : STR_NULL);
}

static int list_json(const struct call *call UNUSED, const struct contract_set *set)
{
    struct buf buf;
    struct json_writer w;
    command_json_begin(&buf, &w, "rules");
    for (size_t i = 0; i < contract_set_guard_count(set); i++) {
        const struct contract_guard_rule *rule = contract_set_guard_at(set, i);
        json_begin_object(&w);
        json_str(&w, "name", rule->name);
        json_str(&w, "what", rule->what);
        json_str(&w, "matcher", rule->matcher);
        json_str(&w, "help", rule->help);
        put_names(&w, LIST_OFF, set, i);
        put_names(&w, LIST_ON, set, i);
        json_end_object(&w);
    }
    return command_json_end(&buf, &w);
}

static int list_table(const struct call *call UNUSED, const struct contract_set *set)
{
    static const char *const titles[] = {"RULE", "REFUSES", "OFF FOR", "ON FOR"};
    struct table table;
    table_init(&table, titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < contract_set_guard_count(set); i++) {
        const struct contract_guard_rule *rule = contract_set_guard_at(set, i);
        table_cell(&table, rule->name);
        table_cell(&table, rule->what);
        put_cell(&table, LIST_OFF, set, i);
        put_cell(&table, LIST_ON, set, i);
    }
    return command_table(&table);
}

static int guard(struct call *call)
{
    return contracts_run(call, call->flags[0].given ? list_json : list_table);
}

static const struct flag contracts_guard_flags[] = {FLAG_FOR_JSON};

const struct command contracts_guard = {
    .name = "contracts guard",
    .about = "Lists the rules of the content guard: what no string of an event of class S0\n"
             "or S1 may hold, and for which contracts their row of index.yaml turns one off,\n"
             "or on for an S2. They stand in guard.yaml of the contracts folder.",
    COMMAND_FLAGS(contracts_guard_flags),
    .run = guard};
