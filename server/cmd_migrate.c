// SPDX-License-Identifier: Apache-2.0
// `vox-sink migrate`.
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "server/command.h"
#include "server/config/table.h"
#include "server/store/citus.h"
#include "server/store/grants.h"
#include "server/store/migrate.h"

#define LIST_CEILING ((size_t)1024 * 1024)

enum { FLAG_STATUS, FLAG_DRY_RUN, FLAG_JSON, FLAG_CITUS };

static const char *state_of(const struct migration_state *row)
{
    if (row->changed)
        return "changed";
    return row->applied ? "applied" : "pending";
}

static int status_json(const struct migration_state *rows, size_t count)
{
    struct buf buf;
    struct json_writer w;
    command_json_begin(&buf, &w, "migrations");
    for (size_t i = 0; i < count; i++) {
        char applied[RFC3339_LEN + 1] = "";
        if (rows[i].applied)
            rfc3339_format(rows[i].applied_at, applied);
        json_begin_object(&w);
        json_i64(&w, "version", rows[i].version);
        json_str(&w, "name", str_from(rows[i].name));
        json_str(&w, "state", str_from(state_of(&rows[i])));
        json_str(&w, "applied_at", rows[i].applied ? str_from(applied) : STR_NULL);
        json_end_object(&w);
    }
    return command_json_end(&buf, &w);
}

static int status_table(const struct migration_state *rows, size_t count)
{
    static const char *const titles[] = {"MIGRATION", "NAME", "STATE", "APPLIED"};
    struct table table;
    table_init(&table, titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < count; i++) {
        table_cellf(&table, "%04d", rows[i].version);
        table_cell(&table, str_from(rows[i].name));
        table_cell(&table, str_from(state_of(&rows[i])));
        if (rows[i].applied)
            table_cell_time(&table, rows[i].applied_at);
        else
            table_cell(&table, STR_NULL);
    }
    return command_table(&table);
}

// No sink of this version may work on what another text made.
static int refuse_changed(const struct migration_state *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].changed)
            return command_error(EXIT_FAILED,
                                 "migration %04d_%s was applied with another text than this sink has",
                                 rows[i].version, rows[i].name);
    return EXIT_OK;
}

static int dry_run(const struct migration_state *rows, size_t count)
{
    size_t pending = 0;
    int code = refuse_changed(rows, count);
    if (code != EXIT_OK)
        return code;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].applied)
            continue;
        printf("-- %04d_%s\n%s\n", rows[i].version, rows[i].name, rows[i].sql);
        pending++;
    }
    if (pending == 0)
        puts("-- nothing to do; the schema is up to date");
    return EXIT_OK;
}

static int status(const struct migration_state *rows, size_t count, bool json)
{
    int code = json ? status_json(rows, count) : status_table(rows, count);
    return code == EXIT_OK ? refuse_changed(rows, count) : code;
}

static int look(struct db *db, const struct flag *flags)
{
    struct arena arena;
    struct migration_state *rows;
    size_t count;
    struct err err;
    int code;
    arena_init(&arena, (size_t)16 * 1024, LIST_CEILING);
    if (!store_migrations(db, &arena, &rows, &count, &err))
        code = command_error(EXIT_FAILED, "%s", err.text);
    else if (flags[FLAG_DRY_RUN].given)
        code = dry_run(rows, count);
    else
        code = status(rows, count, flags[FLAG_JSON].given);
    if (code == EXIT_OK && !store_generation_fits(db, &err))
        command_error(EXIT_OK, "warning: %s", err.text);
    arena_release(&arena);
    return code;
}

static void say_applied(void *context, int version, const char *name)
{
    (*(unsigned *)context)++;
    printf("applied %04d_%s\n", version, name);
    fflush(stdout);
}

static int grant(struct db *db, const struct store_roles *roles)
{
    struct err err;
    switch (store_grant(db, roles, &err)) {
    case GRANT_DONE:
        return EXIT_OK;
    case GRANT_LACKING:
        // A sink with one login that owns the schema works all the same.
        return command_error(EXIT_OK, "warning: %s", err.text);
    case GRANT_FAILED:
        return command_error(EXIT_FAILED, "%s", err.text);
    }
    BUG("unknown result of the grants");
}

static int distribute(struct db *db)
{
    struct err err;
    switch (store_distribute(db, &err)) {
    case CITUS_DONE:
        puts("events and event_keys are distributed by event_id");
        return EXIT_OK;
    case CITUS_ABSENT:
        return command_error(
            EXIT_FAILED, "the extension citus is not in this database: install Citus on every node, name it "
                         "in shared_preload_libraries, add the nodes, and run CREATE EXTENSION citus here; "
                         "no table was distributed");
    case CITUS_REFUSED:
        return command_error(
            EXIT_FAILED,
            "this Citus does not take what the sink asks of distributed tables (%s); no table "
            "was distributed",
            err.text);
    case CITUS_FAILED:
        return command_error(EXIT_FAILED, "%s; no table was distributed", err.text);
    }
    BUG("unknown result of the distribution");
}

static int migrate(struct db *db, const struct store_roles *roles, bool citus)
{
    struct err err;
    unsigned applied = 0;
    // What a newer sink migrated is not ours to grant on. Not looked at before: the server would remember,
    // for this connection, that there was no schema, whatever another migrator makes while we wait for its
    // lock.
    if (!store_migrate(db, say_applied, &applied, &err) || !store_generation_fits(db, &err))
        return command_error(EXIT_FAILED, "%s", err.text);
    if (applied == 0)
        puts("the schema is up to date");
    int code = grant(db, roles);
    return citus && code == EXIT_OK ? distribute(db) : code;
}

static int run(struct call *call)
{
    const struct flag *flags = call->flags;
    bool asks = flags[FLAG_STATUS].given, only_look = asks || flags[FLAG_DRY_RUN].given;
    bool citus = flags[FLAG_CITUS].given;
    if ((asks && flags[FLAG_DRY_RUN].given) || (flags[FLAG_JSON].given && !asks) || (only_look && citus))
        return command_error(EXIT_USAGE,
                             "give --status, with --json if you like, or --dry-run, or --citus, or none; see "
                             "vox-sink migrate --help");
    const struct config *c = &call->config;
    const struct store_roles roles = {c->ingest_role, c->read_role, c->owner_role};
    struct err err;
    int code;
    if (!store_roles_check(&roles, &err))
        return command_error(EXIT_CONFIG, "%s", err.text);
    struct db *db = command_database(call, false, &code);
    if (!db)
        return code;
    code = only_look ? look(db, flags) : migrate(db, &roles, citus);
    db_close(db);
    return code;
}

static const struct flag cmd_migrate_flags[] = {
    [FLAG_STATUS] = {"status", NULL, "list the migrations and whether each is applied"},
    [FLAG_CITUS] = {"citus", NULL,
                    "then spread events and their keys over a Citus cluster, if Citus takes the sink's "
                    "statements"},
    [FLAG_DRY_RUN] = {"dry-run", NULL, "print the SQL that would run, and change nothing"},
    [FLAG_JSON] = {"json", NULL, "with --status: one JSON object for machines"}};

const struct command cmd_migrate = {
    .uses_database = true,
    .name = "migrate",
    .about = "Brings the database's schema up to date, and sets what the roles of least privilege may\n"
             "do (ingest_role, read_role, owner_role). It may be run at any time and by several at\n"
             "once; each migration is one transaction. --status and --dry-run only look, and exit\n"
             "with 1 if one was applied with another text than this sink has.",
    COMMAND_FLAGS(cmd_migrate_flags),
    .run = run};
