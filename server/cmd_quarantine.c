// SPDX-License-Identifier: Apache-2.0
// `vox-sink quarantine list|show|replay`.
#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/wire/identity.h"
#include "lib/wire/limits.h"
#include "server/api/candidate.h"
#include "server/command.h"
#include "server/config/table.h"
#include "server/store/admin.h"
#include "server/store/quarantine.h"

#define LIST_CEILING ((size_t)64 * 1024 * 1024)
#define PAGE_ROWS    1000

// ---- list

static void put_row(struct json_writer *w, const struct quarantine_row *row)
{
    char id[UUID_TEXT_LEN + 1], at[RFC3339_LEN + 1];
    uuid_format(&row->event_id, id);
    rfc3339_format(row->received_at, at);
    json_begin_object(w);
    json_str(w, "event_id", str_from(id));
    json_str(w, "project", row->project);
    json_str(w, "received_at", str_from(at));
    json_str(w, "code", row->code);
    json_str(w, "contract", row->contract);
    json_str(w, "pointer", row->pointer);
    json_i64(w, "bytes", row->bytes);
    json_str(w, "expires_on", row->expires_on);
    json_end_object(w);
}

static int list_json(const struct quarantine_row *rows, size_t count)
{
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, LIST_CEILING);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_key(&w, "quarantine");
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++)
        put_row(&w, &rows[i]);
    json_end_array(&w);
    json_bool(&w, "more", count == PAGE_ROWS);
    json_end_object(&w);
    return command_write(&buf);
}

static int list_table(const struct quarantine_row *rows, size_t count)
{
    static const char *const titles[] = {"EVENT", "PROJECT", "RECEIVED", "WHY", "CONTRACT", "AT", "EXPIRES"};
    struct table table;
    if (count == 0) {
        puts("nothing is in quarantine");
        return EXIT_OK;
    }
    table_init(&table, titles, ARRAY_LEN(titles));
    table.optional = 3;
    for (size_t i = 0; i < count; i++) {
        char id[UUID_TEXT_LEN + 1];
        uuid_format(&rows[i].event_id, id);
        table_cell(&table, str_from(id));
        table_cell(&table, rows[i].project);
        table_cell_time(&table, rows[i].received_at);
        table_cell(&table, rows[i].code);
        table_cell(&table, rows[i].contract);
        table_cell(&table, rows[i].pointer);
        table_cell(&table, rows[i].expires_on);
    }
    int code = command_table(&table);
    if (count == PAGE_ROWS)
        printf("the first %d; there may be more\n", PAGE_ROWS);
    return code;
}

// Whether --project names one, or is not given; else what is wrong has been said.
static bool project_is_there(struct db *db, const char *name, int *ret_code)
{
    struct err err;
    bool exists;
    if (!name)
        return true;
    if (!store_project_exists(db, str_from(name), &exists, &err))
        *ret_code = command_error(EXIT_FAILED, "%s", err.text);
    else if (exists)
        return true;
    else
        *ret_code = command_error(EXIT_FAILED,
                                  "there is no project \"%.60s\"; vox-sink project list shows them", name);
    return false;
}

enum { FLAG_PROJECT, FLAG_JSON };

static int list(const struct call *call, struct db *db, struct arena *arena)
{
    struct quarantine_row *rows;
    size_t count;
    struct err err;
    const struct flag *flags = call->flags;
    const char *project = flags[FLAG_PROJECT].value;
    int code;
    if (!project_is_there(db, project, &code))
        return code;
    if (!store_quarantine_list(db, str_from(project), NULL, PAGE_ROWS, arena, &rows, &count, &err))
        return command_error(EXIT_FAILED, "%s", err.text);
    return flags[FLAG_JSON].given ? list_json(rows, count) : list_table(rows, count);
}

static const struct flag quarantine_list_flags[] = {
    [FLAG_PROJECT] = {"project", "NAME", "of this project only"}, [FLAG_JSON] = FLAG_FOR_JSON};

static const struct command quarantine_list = {
    .uses_database = true,
    .name = "quarantine list",
    .about = "Lists what is in quarantine, oldest first, at most 1000: why each event failed and\n"
             "where. What the events hold is not shown; quarantine show does that.",
    COMMAND_FLAGS(quarantine_list_flags),
    .run_database = list};

// ---- show

static int print_event(struct db *db, const struct uuid *id, struct arena *arena)
{
    struct quarantine_row *rows;
    size_t count;
    struct err err;
    if (!store_quarantine_find(db, id, arena, &rows, &count, &err))
        return command_error(EXIT_FAILED, "%s", err.text);
    if (count == 0)
        return command_error(EXIT_FAILED, "no event of this id is in quarantine");
    for (size_t i = 0; i < count; i++) {
        if (!store_quarantine_body(db, &rows[i], arena, &err))
            return command_error(EXIT_FAILED, "%s", err.text);
        printf("%.*s\n", STR_FMT(rows[i].body));
    }
    return EXIT_OK;
}

static int show(struct call *call)
{
    struct uuid id;
    struct arena arena;
    int code;
    if (!uuid_parse(str_from(call->word[0]), &id))
        return command_error(EXIT_USAGE, "\"%.60s\" is no event id; vox-sink quarantine list shows them",
                             call->word[0]);
    struct db *db = command_database(call, true, &code);
    if (!db)
        return code;
    arena_init(&arena, (size_t)64 * 1024, LIST_CEILING);
    code = print_event(db, &id, &arena);
    arena_release(&arena);
    db_close(db);
    return code;
}

static const struct command quarantine_show = {
    .uses_database = true,
    .name = "quarantine show",
    .words = "EVENT_ID",
    .min_words = 1,
    .max_words = 1,
    .about = "Prints the event as it was sent, white space aside: JSON on one line.",
    .run = show};

// ---- replay

struct replay {
    struct db *db;
    struct api api; // its scratch alone
    struct snapshot snapshot;
    int64_t moved, left;
};

// The database's numbers of today's contracts; 0 where it knows none yet.
static bool number_contracts(struct replay *r, struct err *err)
{
    size_t count = contract_set_count(r->snapshot.contracts);
    r->snapshot.contract_ids = calloc(count + 1, sizeof(*r->snapshot.contract_ids));
    if (!r->snapshot.contract_ids)
        return err_set(err, "out of memory for the contracts");
    for (size_t i = 0; i < count; i++)
        if (!store_quarantine_contract(r->db, contract_set_at(r->snapshot.contracts, i)->name,
                                       &r->snapshot.contract_ids[i], err))
            return false;
    return true;
}

// What the sink would say today, of the same text and the same pin, to a token with the same list of
// contracts.
static bool judge(struct replay *r, const struct quarantine_row *row, struct event *event)
{
    struct token token = {
        .project_id = row->project_id, .max_class = row->max_class, .contracts = row->contracts};
    struct candidate candidate = {.api = &r->api,
                                  .snapshot = &r->snapshot,
                                  .token = &token,
                                  .text = (char *)(uintptr_t)row->body.ptr, // in the row's own arena
                                  .len = row->body.len,
                                  .event = event,
                                  .now_us = clock_wall_us(r->api.clock)};
    *event = (struct event){0};
    // Named by the client, as nothing had recognised it; what was recognised may have a newer version by now.
    if (str_eq(row->code, STR("unknown_contract")) && row->contract.ptr &&
        identity_contract_pin(row->contract, &candidate.pin_id, &candidate.pin_version) != PROBLEM_NONE)
        return false;
    return candidate_judge(&candidate) == PROBLEM_NONE && event->contract_id != 0 && !event->unless_known;
}

static bool replay_row(struct replay *r, struct quarantine_row *row, struct err *err)
{
    struct arena arena;
    struct event event;
    bool moved = false;
    arena_init(&arena, (size_t)64 * 1024, LIST_CEILING);
    bool good = store_quarantine_body(r->db, row, &arena, err);
    if (good && judge(r, row, &event))
        good = store_quarantine_move(r->db, row, &event, &moved, err);
    arena_release(&arena);
    *(moved ? &r->moved : &r->left) += good;
    return good;
}

static bool replay_all(struct replay *r, struct str project, struct err *err)
{
    struct quarantine_row last, *after = NULL;
    size_t count;
    bool good;
    do {
        struct arena arena;
        struct quarantine_row *rows;
        arena_init(&arena, (size_t)64 * 1024, LIST_CEILING);
        good = store_quarantine_list(r->db, project, after, PAGE_ROWS, &arena, &rows, &count, err);
        for (size_t i = 0; good && i < count; i++)
            good = replay_row(r, &rows[i], err);
        if (good && count) {
            last = rows[count - 1]; // of which the next page needs the numbers alone
            after = &last;
        }
        arena_release(&arena);
    } while (good && count == PAGE_ROWS);
    return good;
}

static int replay(const struct call *call, struct db *db, struct arena *arena UNUSED)
{
    const struct config *config = &call->config;
    const char *project = call->flags[0].value;
    struct replay r = {.db = db, .api = {.clock = clock_system()}};
    struct contract_set *set;
    struct err err;
    int code;
    if (!project_is_there(db, project, &code))
        return code;
    if (!contract_set_load(config->contracts_dir, config->contracts_overrides, &set, &err))
        return command_error(EXIT_FAILED, "%s", err.text);
    r.snapshot.contracts = set;
    bool ok = api_init(&r.api, &err);
    if (ok) {
        ok = number_contracts(&r, &err) && replay_all(&r, str_from(project), &err);
        api_release(&r.api);
    }
    free(r.snapshot.contract_ids);
    contract_set_unref(set);
    printf("%lld events moved out of quarantine, %lld stay\n", (long long)r.moved, (long long)r.left);
    return ok ? EXIT_OK : command_error(EXIT_FAILED, "%s", err.text);
}

static const struct flag quarantine_replay_flags[] = {{"project", "NAME", "of this project only"}};

static const struct command quarantine_replay = {
    .uses_database = true,
    .name = "quarantine replay",
    .about = "Judges what is in quarantine again, with today's contracts, and stores what they take, with\n"
             "its id and its time of receipt; the rest stays. Each event is one transaction.",
    COMMAND_FLAGS(quarantine_replay_flags),
    .run_database = replay};

static const struct subcommand subs[] = {
    {"list", "what is there, and why", .command = &quarantine_list},
    {"show", "print one event", .command = &quarantine_show},
    {"replay", "store what today's contracts take", .command = &quarantine_replay}};

const struct family cmd_quarantine = {
    .name = "quarantine",
    .about = "Events kept aside because they failed their schema or have no contract.",
    .subs = subs,
    .count = ARRAY_LEN(subs)};
