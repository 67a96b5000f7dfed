// SPDX-License-Identifier: Apache-2.0
// `vox-sink reference`: the pages of docs/reference.
#include "server/command.h"
#include "server/config/reference.h"

static int print_page(const char *name, const char *about, void (*print)(FILE *out), int argc, char **argv)
{
    struct command command = {.name = name, .about = about};
    int code;
    if (!command_begin(&command, argc, argv, &code))
        return code;
    command_end(&command);
    print(stdout);
    return EXIT_OK;
}

static int print_options(int argc, char **argv)
{
    return print_page("reference options", "Prints docs/reference/options.md.", config_print_reference, argc,
                      argv);
}

static int print_problems(int argc, char **argv)
{
    return print_page("reference problems", "Prints docs/reference/problems.md.", reference_problems, argc,
                      argv);
}

static int print_metrics(int argc, char **argv)
{
    return print_page("reference metrics", "Prints docs/reference/metrics.md.", reference_metrics, argc,
                      argv);
}

static int print_set(const char *name, const char *about,
                     void (*print)(FILE *out, const struct contract_set *set), int argc, char **argv)
{
    struct command command = {.name = name, .about = about};
    struct contract_set *set;
    struct err err;
    int code;
    if (!command_begin(&command, argc, argv, &code))
        return code;
    if (contract_set_load(command.config.contracts_dir, NULL, &set, &err)) {
        print(stdout, set);
        contract_set_unref(set);
        code = EXIT_OK;
    } else {
        code = command_error(EXIT_CONFIG, "%s", err.text);
    }
    command_end(&command);
    return code;
}

static int print_taxonomy(int argc, char **argv)
{
    return print_set("reference taxonomy", "Prints docs/reference/taxonomy.md, of the contracts folder.",
                     reference_taxonomy, argc, argv);
}

static int print_retention(int argc, char **argv)
{
    return print_set("reference retention",
                     "Prints docs/reference/retention-sensitivity.md, of the contracts folder.",
                     reference_retention, argc, argv);
}

int cmd_reference(int argc, char **argv)
{
    static const struct subcommand subs[] = {
        {"options", "every option of the configuration", print_options},
        {"problems", "every code that a request is refused with", print_problems},
        {"metrics", "every metric", print_metrics},
        {"taxonomy", "every event that the sink takes", print_taxonomy},
        {"retention", "how long each stays, and what it may hold", print_retention}};
    return command_dispatch("reference",
                            "Reference pages, made from the tables that the sink itself runs by.", subs,
                            ARRAY_LEN(subs), argc, argv);
}
