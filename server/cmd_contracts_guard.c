// SPDX-License-Identifier: Apache-2.0
// `vox-sink contracts guard`: the rules of the content guard, and for which contracts one is off.
#include "server/cmd_contracts.h"

#include "lib/base/json.h"
#include "lib/contracts/contracts.h"
#include "server/command.h"
#include "server/config/table.h"

#define OUTPUT_CEILING ((size_t)1024 * 1024)

static bool is_off(const struct contract *contract, size_t rule)
{
    return contract->class_ <= CLASS_S1 && !(contract->guarded >> rule & 1);
}

static int list_json(const struct contract_set *set)
{
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, OUTPUT_CEILING);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_key(&w, "rules");
    json_begin_array(&w);
    for (size_t i = 0; i < contract_set_guard_count(set); i++) {
        const struct contract_guard_rule *rule = contract_set_guard_at(set, i);
        json_begin_object(&w);
        json_str(&w, "name", rule->name);
        json_str(&w, "what", rule->what);
        json_str(&w, "matcher", rule->matcher);
        json_str(&w, "help", rule->help);
        json_key(&w, "off");
        json_begin_array(&w);
        for (size_t k = 0; k < contract_set_count(set); k++)
            if (is_off(contract_set_at(set, k), i))
                json_value_str(&w, contract_set_at(set, k)->name);
        json_end_array(&w);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return command_write(&buf);
}

static int list_table(const struct contract_set *set)
{
    static const char *const titles[] = {"RULE", "REFUSES", "OFF FOR"};
    struct table table;
    table_init(&table, titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < contract_set_guard_count(set); i++) {
        const struct contract_guard_rule *rule = contract_set_guard_at(set, i);
        size_t off = 0;
        const struct contract *last = NULL;
        for (size_t k = 0; k < contract_set_count(set); k++)
            if (is_off(contract_set_at(set, k), i)) {
                last = contract_set_at(set, k);
                off++;
            }
        table_cell(&table, rule->name);
        table_cell(&table, rule->what);
        if (off > 1)
            table_cellf(&table, "%zu contracts", off);
        else
            table_cell(&table, last ? last->name : STR_NULL);
    }
    bool ok = table_print(&table, stdout);
    table_release(&table);
    return ok ? EXIT_OK : command_error(EXIT_FAILED, "out of memory");
}

int contracts_guard(int argc, char **argv)
{
    struct flag flags[] = {{"json", NULL, "one JSON object for machines"}};
    struct command command = {
        .name = "contracts guard",
        .about = "Lists the rules of the content guard: what no string of an event of class S0\n"
                 "or S1 may hold. They stand in guard.yaml of the contracts folder.",
        .flags = flags,
        .flag_count = ARRAY_LEN(flags)};
    struct contract_set *set;
    struct err err;
    int code;
    if (!command_begin(&command, argc, argv, &code))
        return code;
    if (contract_set_load(command.config.contracts_dir, command.config.contracts_overrides, &set, &err)) {
        code = flags[0].given ? list_json(set) : list_table(set);
        contract_set_unref(set);
    } else {
        code = command_error(EXIT_CONFIG, "%s", err.text);
    }
    command_end(&command);
    return code;
}
