// SPDX-License-Identifier: Apache-2.0
// Every sample of every contract is judged by a plan the second time it comes: without plans all verdicts
// stay right and only their cost tells, so this asks the table, and that what the table says is believed.
#include "lib/base/buf.h"
#include "lib/base/file.h"
#include "lib/schema/plan.h"
#include "lib/schema/run.h"
#include "tests/unit/check_main.h"
#include "tests/unit/test_parsed.h"

#include <dirent.h>
#include <fcntl.h>

#define CONTRACTS VOX_SOURCE_DIR "/contracts"

static struct jsv_registry *registry;
static struct jsv_context *context;
static unsigned planned[2]; // invalid, valid

static const struct json *read_json(const char *path)
{
    struct buf text;
    struct err err;
    buf_init(&text, 4 << 20);
    ck_assert_msg(file_read_at(AT_FDCWD, path, &text, &err), "%s: %s", path, err.text);
    const struct json *json = parsed_text(buf_str(&text));
    buf_release(&text);
    return json;
}

// The plan that a form has once its instance was judged twice, of another text each time.
static void check_sample(const struct jsv_program *program, const char *path, bool valid)
{
    const struct json *first = read_json(path), *second = read_json(path), *third = read_json(path);
    if (!first) // no JSON at all is a sample, too
        return;
    enum jsv_verdict verdict = jsv_validate_plain(program, context, first);
    ck_assert_msg(!valid || verdict == JSV_VALID, "%s", path);
    ck_assert_msg(json_form_of(first) && json_form_of(first) == json_form_of(third), "%s: no form", path);
    ck_assert_msg(jsv_validate(program, context, first) == verdict, "%s", path);
    ck_assert_msg(jsv_validate(program, context, second) == verdict, "%s", path);
    enum jsv_plan_state state = jsv_plan_state_of(context, program, third);
    ck_assert_msg(state == PLAN_VALID || state == PLAN_LIGHT || state == PLAN_FULL || state == PLAN_SWITCH ||
                      (state == PLAN_INVALID && verdict == JSV_INVALID),
                  "%s: plan %d", path, (int)state);
    ck_assert_msg(jsv_validate(program, context, third) == verdict, "%s", path);
    // With the plan changed behind its back the verdict changes: nothing else is asked.
    struct jsv_plan *plan = jsv_plan_slot(context, program, json_form_of(third));
    plan->state = verdict == JSV_VALID ? PLAN_INVALID : PLAN_VALID;
    ck_assert_msg(jsv_validate(program, context, third) != verdict, "%s", path);
    plan->form = 0; // the next sample may be of this form
    planned[valid]++;
}

static void check_samples(const struct jsv_program *program, const char *contract, bool valid)
{
    char folder[4096], path[8192];
    snprintf(folder, sizeof(folder), CONTRACTS "/samples/%s/%s", contract, valid ? "valid" : "invalid");
    DIR *dir = opendir(folder);
    ck_assert_msg(dir != NULL, "%s", folder);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        struct str name = str_from(entry->d_name);
        if (!str_ends(name, STR(".json")) || str_ends(name, STR(".expect.json")))
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        check_sample(program, path, valid);
    }
    closedir(dir);
}

static unsigned each_schema(void (*call)(const char *file, const char *contract))
{
    unsigned count = 0;
    DIR *dir = opendir(CONTRACTS);
    ck_assert_msg(dir != NULL, CONTRACTS);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        struct str name = str_from(entry->d_name);
        char contract[256];
        if (!str_ends(name, STR(".schema.json")))
            continue;
        snprintf(contract, sizeof(contract), "%.*s", (int)(name.len - strlen(".schema.json")), name.ptr);
        call(entry->d_name, contract);
        count++;
    }
    closedir(dir);
    return count;
}

static void add_schema(const char *file, const char *contract)
{
    char path[4096], uri[512];
    struct err err = {.text = ""};
    snprintf(path, sizeof(path), CONTRACTS "/%s", file);
    snprintf(uri, sizeof(uri), "test:%s", contract);
    ck_assert_msg(jsv_registry_add(registry, uri, read_json(path), JSV_2020_12, &err), "%s", err.text);
}

static void check_contract(const char *file, const char *contract)
{
    char uri[512];
    struct err err = {.text = ""};
    struct jsv_options options = {.ignore_unknown = true};
    struct jsv_program *program;
    (void)file;
    snprintf(uri, sizeof(uri), "test:%s", contract);
    ck_assert_msg(jsv_compile(registry, uri, &options, &program, &err), "%s", err.text);
    check_samples(program, contract, true);
    check_samples(program, contract, false);
    jsv_program_unref(program);
}

START_TEST(schema_plan_contracts__every_sample_has_a_plan_that_is_used)
{
    struct err err = {.text = ""};
    registry = jsv_registry_new();
    context = jsv_context_new(&err);
    ck_assert_msg(registry && context, "%s", err.text);
    unsigned contracts = each_schema(add_schema);
    ck_assert_uint_eq(each_schema(check_contract), contracts);
    ck_assert_msg(contracts && planned[true] >= 3 * contracts && planned[false] >= 5 * contracts,
                  "%u contracts, %u valid and %u invalid samples", contracts, planned[true], planned[false]);
    jsv_context_free(context);
    jsv_registry_free(registry);
    parsed_drop();
}
END_TEST

CHECK_MAIN("schema_plan_contracts", schema_plan_contracts__every_sample_has_a_plan_that_is_used)
