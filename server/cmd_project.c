// SPDX-License-Identifier: Apache-2.0
// `vox-sink project create|set|list`.
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/contracts/contracts.h"
#include "server/command.h"
#include "server/config/args.h"
#include "server/config/table.h"
#include "server/store/admin.h"

// Both commands: a name, a class, one statement.
static int change(const struct call *call, const char *class_text,
                  bool (*statement)(struct db *db, struct str name, int16_t max_class, struct err *err),
                  const char *done)
{
    struct err err;
    struct str name;
    int16_t max_class;
    int code;
    if (!args_project_name(call->word[0], &name, &err) || !args_max_class(class_text, &max_class, &err))
        return command_error(EXIT_USAGE, "%s", err.text);
    struct db *db = command_database(call, true, &code);
    if (!db)
        return code;
    bool ok = statement(db, name, max_class, &err);
    db_close(db);
    if (!ok)
        return command_error(EXIT_FAILED, "%s", err.text);
    printf("project %.*s %s; it takes events up to class S%d\n", STR_FMT(name), done, max_class);
    return EXIT_OK;
}

static int create(struct call *call)
{
    const char *class_text = call->flags[0].given ? call->flags[0].value : "S1";
    return change(call, class_text, store_project_create, "created");
}

static const struct flag project_create_flags[] = {
    {"max-class", "S1|S2", "most sensitive class of event it takes [S1]", "S1|S2"}};

static const struct command project_create = {
    .uses_database = true,
    .name = "project create",
    .words = "NAME",
    .min_words = 1,
    .max_words = 1,
    .about = "Makes a project: what tokens and events belong to. A token made for a project\n"
             "that does not exist makes it too.",
    COMMAND_FLAGS(project_create_flags),
    .run = create};

static int set(struct call *call)
{
    if (!call->flags[0].given)
        return command_error(EXIT_USAGE, "nothing to change; give --max-class S1 or --max-class S2");
    return change(call, call->flags[0].value, store_project_set, "changed");
}

static const struct flag project_set_flags[] = {
    {"max-class", "S1|S2", "most sensitive class of event it takes", "S1|S2"}};

static const struct command project_set = {.uses_database = true,
                                           .name = "project set",
                                           .words = "NAME",
                                           .min_words = 1,
                                           .max_words = 1,
                                           .about =
                                               "Changes a project. Running sinks follow within a second.",
                                           COMMAND_FLAGS(project_set_flags),
                                           .run = set};

static int list_json(const struct project_row *rows, size_t count)
{
    struct buf buf;
    struct json_writer w;
    command_json_begin(&buf, &w, "projects");
    for (size_t i = 0; i < count; i++) {
        char created[RFC3339_LEN + 1];
        rfc3339_format(rows[i].created_at, created);
        json_begin_object(&w);
        json_str(&w, "name", rows[i].name);
        json_str(&w, "max_class", str_from(contract_class_name((enum contract_class)rows[i].max_class)));
        json_i64(&w, "tokens", rows[i].tokens);
        json_str(&w, "created_at", str_from(created));
        json_end_object(&w);
    }
    return command_json_end(&buf, &w);
}

static int list_table(const struct project_row *rows, size_t count)
{
    static const char *const titles[] = {"PROJECT", "MAX CLASS", "TOKENS", "CREATED"};
    struct table table;
    if (count == 0) {
        puts("no projects yet; vox-sink project create NAME makes one");
        return EXIT_OK;
    }
    table_init(&table, titles, ARRAY_LEN(titles));
    for (size_t i = 0; i < count; i++) {
        table_cell(&table, rows[i].name);
        table_cellf(&table, "S%d", rows[i].max_class);
        table_cellf(&table, "%lld", (long long)rows[i].tokens);
        table_cell_time(&table, rows[i].created_at);
    }
    return command_table(&table);
}

static int list(const struct call *call, struct db *db, struct arena *arena)
{
    struct project_row *rows;
    size_t count;
    struct err err;
    if (!store_project_list(db, arena, &rows, &count, &err))
        return command_error(EXIT_FAILED, "%s", err.text);
    return call->flags[0].given ? list_json(rows, count) : list_table(rows, count);
}

static const struct flag project_list_flags[] = {FLAG_FOR_JSON};

static const struct command project_list = {
    .uses_database = true,
    .name = "project list",
    .about = "Lists projects. TOKENS counts those neither revoked nor expired.",
    COMMAND_FLAGS(project_list_flags),
    .run_database = list};

static const struct subcommand subs[] = {{"create", "make a project", .command = &project_create},
                                         {"set", "change a project's class ceiling", .command = &project_set},
                                         {"list", "list projects", .command = &project_list}};

const struct family cmd_project = {.name = "project",
                                   .about = "Projects: what tokens and events belong to.",
                                   .subs = subs,
                                   .count = ARRAY_LEN(subs)};
