// SPDX-License-Identifier: Apache-2.0
// `vox-sink config show`.
#include "server/command.h"

static int config_show(int argc, char **argv)
{
    struct flag flags[] = {{"json", NULL, "one JSON object for machines"}};
    struct command command = {
        .name = "config show",
        .about = "Prints every option with its value and where that comes from. Secrets show\n"
                 "as set or unset.",
        .flags = flags,
        .flag_count = ARRAY_LEN(flags)};
    int code;
    if (!command_begin(&command, argc, argv, &code))
        return code;
    command_warn_variables();
    bool ok = config_print(&command.config, flags[0].given, stdout);
    command_end(&command);
    return ok ? EXIT_OK : command_error(EXIT_FAILED, "out of memory");
}

int cmd_config(int argc, char **argv)
{
    static const struct subcommand subs[] = {
        {"show", "print every option, its value and where that comes from", config_show}};
    return command_dispatch("config", "The configuration as `vox-sink serve` would read it here.", subs,
                            ARRAY_LEN(subs), argc, argv);
}
