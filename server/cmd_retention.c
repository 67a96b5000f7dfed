// SPDX-License-Identifier: Apache-2.0
// `vox-sink retention plan|apply`.
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "server/command.h"
#include "server/config/table.h"
#include "server/store/retention.h"

#define PLAN_CEILING   ((size_t)64 * 1024 * 1024)
#define APPLY_PATIENCE (600 * USEC_PER_SEC) // for locks; what is left is for the next run

static void days_text(const struct retention_contract *contract, char ret_text[static 32])
{
    if (!contract->has_days)
        snprintf(ret_text, 32, "none!");
    else if (contract->days > 0)
        snprintf(ret_text, 32, "%d %s", contract->days, contract->days == 1 ? "day" : "days");
    else
        snprintf(ret_text, 32, contract->days ? "its own date" : "no end");
}

// ---- plan

static void partitions_json(struct json_writer *w, const struct retention_plan *plan)
{
    json_key(w, "partitions");
    json_begin_array(w);
    for (size_t i = 0; i < plan->partition_count; i++) {
        const struct retention_partition *p = &plan->partitions[i];
        json_begin_object(w);
        json_str(w, "table", p->table);
        json_str(w, "name", p->name);
        json_str(w, "from", p->from);
        json_str(w, "to", p->to);
        json_i64(w, "rows", p->rows);
        json_bool(w, "rows_exact", p->exact);
        json_i64(w, "bytes", p->bytes);
        json_bool(w, "expired", p->expired);
        json_end_object(w);
    }
    json_end_array(w);
}

static void contracts_json(struct json_writer *w, const struct retention_plan *plan)
{
    json_key(w, "contracts");
    json_begin_array(w);
    for (size_t i = 0; i < plan->contract_count; i++) {
        const struct retention_contract *c = &plan->contracts[i];
        char kept[32];
        days_text(c, kept);
        json_begin_object(w);
        json_str(w, "contract", c->name);
        json_bool(w, "covered", c->has_days);
        json_str(w, "kept", str_from(kept));
        json_i64(w, "policies", c->policies);
        json_i64(w, "expired_rows", c->expired);
        json_i64(w, "due_rows", c->due);
        json_end_object(w);
    }
    json_end_array(w);
}

static void tables_json(struct json_writer *w, const struct retention_plan *plan)
{
    json_key(w, "tables");
    json_begin_array(w);
    for (size_t i = 0; i < plan->table_count; i++) {
        json_begin_object(w);
        json_str(w, "table", plan->tables[i].name);
        json_bool(w, "covered", plan->tables[i].rule);
        json_str(w, "rule", plan->tables[i].rule ? str_from(plan->tables[i].rule) : STR_NULL);
        json_end_object(w);
    }
    json_end_array(w);
}

static int plan_json(const struct retention_plan *plan)
{
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, PLAN_CEILING);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "today", plan->today);
    partitions_json(&w, plan);
    contracts_json(&w, plan);
    tables_json(&w, plan);
    json_end_object(&w);
    return command_write(&buf);
}

static bool print_partitions(const struct retention_plan *plan)
{
    static const char *const titles[] = {"PARTITION", "FROM", "TO", "ROWS", "BYTES", "NOW"};
    struct table table;
    table_init(&table, titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < plan->partition_count; i++) {
        const struct retention_partition *p = &plan->partitions[i];
        table_cell(&table, p->name);
        table_cell(&table, p->from);
        table_cell(&table, p->to);
        table_cellf(&table, "%s%lld", p->exact ? "" : "~", (long long)p->rows);
        table_cellf(&table, "%lld", (long long)p->bytes);
        table_cell(&table, p->expired ? STR("drop") : STR("keep"));
    }
    bool ok = table_print(&table, stdout);
    table_release(&table);
    return ok;
}

static bool print_contracts(const struct retention_plan *plan)
{
    static const char *const titles[] = {"CONTRACT", "KEPT", "POLICIES", "EXPIRED ROWS", "DUE ROWS"};
    struct table table;
    table_init(&table, titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < plan->contract_count; i++) {
        const struct retention_contract *c = &plan->contracts[i];
        char kept[32];
        days_text(c, kept);
        table_cell(&table, c->name);
        table_cell(&table, str_from(kept));
        table_cellf(&table, "%lld", (long long)c->policies);
        table_cellf(&table, "%lld", (long long)c->expired);
        table_cellf(&table, "%lld", (long long)c->due);
    }
    bool ok = table_print(&table, stdout);
    table_release(&table);
    return ok;
}

static bool print_tables(const struct retention_plan *plan)
{
    static const char *const titles[] = {"TABLE", "HOW ITS ROWS END"};
    struct table table;
    table_init(&table, titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < plan->table_count; i++) {
        table_cell(&table, plan->tables[i].name);
        table_cell(&table,
                   plan->tables[i].rule ? str_from(plan->tables[i].rule) : STR("unknown to this sink!"));
    }
    bool ok = table_print(&table, stdout);
    table_release(&table);
    return ok;
}

static int plan_text(const struct retention_plan *plan)
{
    printf("Today is %.*s, in UTC by the database's clock.\n\n", STR_FMT(plan->today));
    if (!print_partitions(plan) || puts("") < 0 || !print_contracts(plan) || puts("") < 0 ||
        !print_tables(plan))
        return command_error(EXIT_FAILED, "out of memory");
    return EXIT_OK;
}

static bool is_covered(const struct retention_plan *plan)
{
    for (size_t i = 0; i < plan->contract_count; i++)
        if (!plan->contracts[i].has_days)
            return false;
    for (size_t i = 0; i < plan->table_count; i++)
        if (!plan->tables[i].rule)
            return false;
    return true;
}

static int show_plan(const struct call *call, struct db *db, struct arena *arena)
{
    struct retention_plan plan;
    struct err err;
    if (!store_retention_plan(db, arena, &plan, &err))
        return command_error(EXIT_FAILED, "%s", err.text);
    int code = call->flags[0].given ? plan_json(&plan) : plan_text(&plan);
    return code == EXIT_OK && !is_covered(&plan) ? EXIT_UNHEALTHY : code;
}

static const struct flag retention_plan_flags[] = {FLAG_FOR_JSON};

static const struct command retention_plan = {
    .uses_database = true,
    .name = "retention plan",
    .about = "Shows every partition, contract and table with how long it is kept, and what apply would\n"
             "drop now. Numbers behind ~, of large partitions, are estimates. It changes nothing. Exit\n"
             "code 4 if a contract or a table has no rule.",
    COMMAND_FLAGS(retention_plan_flags),
    .run_database = show_plan};

// ---- apply

static int reassign(struct db *db, const char *contract)
{
    struct retention_moved moved;
    struct err err;
    bool ok = store_retention_reassign(db, str_from(contract), &moved, &err);
    if (ok || moved.looked_at)
        printf("%s: %lld rows looked at, %lld moved to another day, %lld deleted because theirs has come\n",
               contract, (long long)moved.looked_at, (long long)moved.moved, (long long)moved.deleted);
    return ok ? EXIT_OK : command_error(EXIT_FAILED, "%s", err.text);
}

static int apply(const struct call *call, struct db *db, struct arena *arena UNUSED)
{
    int code = call->flags[0].given ? reassign(db, call->flags[0].value) : EXIT_OK;
    if (code != EXIT_OK)
        return code;
    struct retention_done done;
    struct err err;
    int64_t deadline = clock_mono_us(clock_system()) + APPLY_PATIENCE;
    bool ok = store_retention_apply(db, deadline, &done, &err);
    printf("%lld expired partition%s dropped, %lld row%s deleted\n", (long long)done.partitions,
           done.partitions == 1 ? "" : "s", (long long)done.rows, done.rows == 1 ? "" : "s");
    return ok ? EXIT_OK : command_error(EXIT_FAILED, "%s; run it again", err.text);
}

static const struct flag retention_apply_flags[] = {
    {"reassign", "CONTRACT", "first give this contract's stored rows the day of the policy now in use"}};

static const struct command retention_apply = {
    .uses_database = true,
    .name = "retention apply",
    .about = "Drops what has expired, as a running vox-sink serve does by itself. Ingest goes on: locks\n"
             "are held for a moment and waited for no longer. May be stopped and run again.",
    COMMAND_FLAGS(retention_apply_flags),
    .run_database = apply};

static const struct subcommand subs[] = {
    {"plan", "show what is kept how long, and what would go", .command = &retention_plan},
    {"apply", "drop what has expired; move rows to a changed policy", .command = &retention_apply}};

const struct family cmd_retention = {.name = "retention",
                                     .about = "Retention: how long events are kept, and their end.",
                                     .subs = subs,
                                     .count = ARRAY_LEN(subs)};
