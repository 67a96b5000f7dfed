// SPDX-License-Identifier: Apache-2.0
// What is kept how long, and what would go now: read from the catalog and the partitions, nothing changed.
#include "server/store/pg.h"
#include "server/store/retention.h"

// How the rows of each table end. A table that is missing here is a mistake that the plan shows.
static const struct {
    const char *table, *rule;
} rules[] = {
    {"contract_retention", "kept: says where rows of earlier policies are"},
    {"contracts", "kept: one row for each contract that was ever served"},
    {"event_keys", "generations of 90 days, three deep; the oldest is dropped whole"},
    {"events", "the day of each row; weeks that have passed are dropped whole"},
    {"ledger", "one row"},
    {"master_key", "one row, until the key is changed"},
    {"projects", "kept: an operator's own"},
    {"quarantine", "30 days; weeks that have passed are dropped whole"},
    {"schema_migrations", "kept: one row for each migration"},
    {"token_keys", "kept: an operator's own"},
    {"token_usage", "35 days"},
    {"tokens", "kept: revoked ones too, so that they stay revoked"},
};

static bool no_memory(struct err *err)
{
    return err_set(err, "no memory for the plan");
}

static bool copy(struct arena *arena, struct str from, struct str *ret_to)
{
    *ret_to = from.ptr ? arena_dup(arena, from) : STR_NULL;
    return !from.ptr || ret_to->ptr;
}

static bool ask(struct db *db, const char *sql, PGresult **ret_result, struct err *err)
{
    const struct pg_params none = {0};
    return pg_run(db, sql, &none, DB_NO_DEADLINE, ret_result, err);
}

#define PARTITIONS_SQL                                                                                  \
    "SELECT p.relname::text, c.relname::text, d.monday::text, (d.monday + 7)::text,"                    \
    " c.reltuples::int8, pg_total_relation_size(c.oid)::int8,"                                          \
    " coalesce(d.monday + 7 <= telemetry.today(), false), pg_relation_size(c.oid)::int8"                \
    " FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent," \
    " LATERAL (SELECT CASE WHEN c.relname ~ '_p[0-9]{8}$'"                                              \
    "  THEN to_date(right(c.relname::text, 8), 'YYYYMMDD') END AS monday) d"                            \
    " WHERE c.relnamespace = 'telemetry'::regnamespace AND p.relkind = 'p' AND c.relkind = 'r'"         \
    " ORDER BY 1, d.monday NULLS LAST, c.oid"

// What is read of a partition that does not go now: a few milliseconds' worth. There may be hundreds.
#define READ_BYTES (4 * 1024 * 1024)

static bool ask_count(struct db *db, struct str name, double percent, int64_t *ret_rows, struct err *err)
{
    char sample[64] = "", sql[224];
    PGresult *result;
    if (percent < 100)
        snprintf(sample, sizeof(sample), " TABLESAMPLE SYSTEM (%f)", percent);
    snprintf(sql, sizeof(sql), "SELECT count(*) FROM telemetry.\"%.*s\"%s", STR_FMT(name), sample);
    if (!ask(db, sql, &result, err))
        return false;
    *ret_rows = pg_i64(result, 0, 0);
    PQclear(result);
    return true;
}

// Of what is about to go the exact number is wanted, however long it takes, and what is small is counted too.
// Of the rest there is the server's estimate, or where it was never analyzed one by a sample of its pages.
static bool count_rows(struct db *db, struct retention_partition *partition, int64_t heap_bytes,
                       struct err *err)
{
    partition->exact = partition->expired || heap_bytes <= READ_BYTES;
    if (partition->exact)
        return ask_count(db, partition->name, 100, &partition->rows, err);
    if (partition->rows >= 0)
        return true;
    double part = (double)READ_BYTES / (double)heap_bytes;
    int64_t seen;
    if (!ask_count(db, partition->name, part * 100, &seen, err))
        return false;
    partition->rows = (int64_t)((double)seen / part);
    return true;
}

static bool read_partitions(struct db *db, struct arena *arena, struct retention_plan *plan, struct err *err)
{
    PGresult *result;
    if (!ask(db, PARTITIONS_SQL, &result, err))
        return false;
    size_t count = (size_t)PQntuples(result);
    plan->partitions = arena_zalloc(arena, (count + 1) * sizeof(*plan->partitions));
    bool good = plan->partitions ? true : no_memory(err);
    for (size_t i = 0; good && i < count; i++) {
        struct retention_partition *p = &plan->partitions[i];
        int row = (int)i;
        good = (copy(arena, pg_text(result, row, 0), &p->table) &&
                copy(arena, pg_text(result, row, 1), &p->name) &&
                copy(arena, pg_text(result, row, 2), &p->from) &&
                copy(arena, pg_text(result, row, 3), &p->to)) ||
               no_memory(err);
        p->rows = pg_i64(result, row, 4);
        p->bytes = pg_i64(result, row, 5);
        p->expired = pg_bool(result, row, 6);
        good = good && count_rows(db, p, pg_i64(result, row, 7), err);
    }
    plan->partition_count = count;
    PQclear(result);
    return good;
}

#define CONTRACTS_SQL                                                                                  \
    "SELECT c.name, (SELECT r.days FROM telemetry.contract_retention r WHERE r.contract_id = c.id"     \
    "  AND r.project_id IS NULL ORDER BY r.valid_from DESC LIMIT 1),"                                  \
    " (SELECT count(DISTINCT r.days) FROM telemetry.contract_retention r WHERE r.contract_id = c.id)," \
    " coalesce(e.count, 0), coalesce(d.count, 0) FROM telemetry.contracts c"                           \
    " LEFT JOIN (SELECT contract_id, count(*) FROM telemetry.events"                                   \
    "  WHERE expires_on < date_trunc('week', telemetry.today()::timestamp)::date GROUP BY 1) e"        \
    "  ON e.contract_id = c.id"                                                                        \
    " LEFT JOIN (SELECT contract_id, count(*) FROM telemetry.events_infinity"                          \
    "  WHERE due_on <= telemetry.today() AND hold_id IS NULL GROUP BY 1) d ON d.contract_id = c.id"    \
    " ORDER BY c.name COLLATE \"C\""

static bool read_contracts(struct db *db, struct arena *arena, struct retention_plan *plan, struct err *err)
{
    PGresult *result;
    if (!ask(db, CONTRACTS_SQL, &result, err))
        return false;
    size_t count = (size_t)PQntuples(result);
    plan->contracts = arena_zalloc(arena, (count + 1) * sizeof(*plan->contracts));
    bool good = plan->contracts ? true : no_memory(err);
    for (size_t i = 0; good && i < count; i++) {
        struct retention_contract *c = &plan->contracts[i];
        int row = (int)i;
        good = copy(arena, pg_text(result, row, 0), &c->name) || no_memory(err);
        c->has_days = !PQgetisnull(result, row, 1);
        c->days = pg_i32(result, row, 1);
        c->policies = pg_i64(result, row, 2);
        c->expired = pg_i64(result, row, 3);
        c->due = pg_i64(result, row, 4);
    }
    plan->contract_count = count;
    PQclear(result);
    return good;
}

static const char *rule_of(struct str table)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (str_eq(table, str_from(rules[i].table)))
            return rules[i].rule;
    return NULL;
}

static bool read_tables(struct db *db, struct arena *arena, struct retention_plan *plan, struct err *err)
{
    PGresult *result;
    if (!ask(
            db,
            "SELECT relname::text, telemetry.today()::text FROM pg_class"
            " WHERE relnamespace = 'telemetry'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
            " ORDER BY relname",
            &result, err))
        return false;
    size_t count = (size_t)PQntuples(result);
    plan->tables = arena_zalloc(arena, (count + 1) * sizeof(*plan->tables));
    bool good = plan->tables ? true : no_memory(err);
    for (size_t i = 0; good && i < count; i++) {
        good = copy(arena, pg_text(result, (int)i, 0), &plan->tables[i].name) || no_memory(err);
        plan->tables[i].rule = rule_of(plan->tables[i].name);
    }
    good = good && (count == 0 || copy(arena, pg_text(result, 0, 1), &plan->today) || no_memory(err));
    plan->table_count = count;
    PQclear(result);
    return good;
}

bool store_retention_plan(struct db *db, struct arena *arena, struct retention_plan *ret_plan,
                          struct err *err)
{
    struct retention_plan plan = {0};
    if (!read_tables(db, arena, &plan, err) || !read_partitions(db, arena, &plan, err) ||
        !read_contracts(db, arena, &plan, err))
        return false;
    *ret_plan = plan;
    return true;
}
