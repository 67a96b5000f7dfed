// SPDX-License-Identifier: Apache-2.0
// `vox-sink reference`: the pages of docs/reference.
#include "server/command.h"
#include "server/config/reference.h"

static int options(struct call *call UNUSED)
{
    config_print_reference(stdout);
    return EXIT_OK;
}

static int problems(struct call *call UNUSED)
{
    reference_problems(stdout);
    return EXIT_OK;
}

static int metrics(struct call *call UNUSED)
{
    reference_metrics(stdout);
    return EXIT_OK;
}

static int print_set(const struct call *call, void (*print)(FILE *out, const struct contract_set *set))
{
    struct contract_set *set;
    struct err err;
    if (!contract_set_load(call->config.contracts_dir, NULL, &set, &err))
        return command_error(EXIT_CONFIG, "%s", err.text);
    print(stdout, set);
    contract_set_unref(set);
    return EXIT_OK;
}

static int taxonomy(struct call *call)
{
    return print_set(call, reference_taxonomy);
}

static int retention(struct call *call)
{
    return print_set(call, reference_retention);
}

static const struct command print_options = {
    .name = "reference options", .about = "Prints docs/reference/options.md.", .run = options};
static const struct command print_problems = {
    .name = "reference problems", .about = "Prints docs/reference/problems.md.", .run = problems};
static const struct command print_metrics = {
    .name = "reference metrics", .about = "Prints docs/reference/metrics.md.", .run = metrics};
static const struct command print_taxonomy = {
    .name = "reference taxonomy",
    .about = "Prints docs/reference/taxonomy.md, of the contracts folder.",
    .run = taxonomy};
static const struct command print_retention = {
    .name = "reference retention",
    .about = "Prints docs/reference/retention-sensitivity.md, of the contracts folder.",
    .run = retention};

static const struct subcommand subs[] = {
    {"options", "every option of the configuration", .command = &print_options},
    {"problems", "every code that a request is refused with", .command = &print_problems},
    {"metrics", "every metric", .command = &print_metrics},
    {"taxonomy", "every event that the sink takes", .command = &print_taxonomy},
    {"retention", "how long each stays, and what it may hold", .command = &print_retention}};

const struct family cmd_reference = {
    .name = "reference",
    .about = "Reference pages, made from the tables that the sink itself runs by.",
    .subs = subs,
    .count = ARRAY_LEN(subs)};
