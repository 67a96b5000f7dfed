// SPDX-License-Identifier: Apache-2.0
// `vox-sink config show`.
#include "server/command.h"

static int show(struct call *call)
{
    command_warn_variables();
    return config_print(&call->config, call->flags[0].given, stdout)
               ? EXIT_OK
               : command_error(EXIT_FAILED, "out of memory");
}

static const struct flag config_show_flags[] = {FLAG_FOR_JSON};

static const struct command config_show = {
    .name = "config show",
    .about = "Prints every option with its value and where that comes from. Secrets show\n"
             "as set or unset.",
    COMMAND_FLAGS(config_show_flags),
    .run = show};

static const struct subcommand subs[] = {
    {"show", "print every option, its value and where that comes from", .command = &config_show}};

const struct family cmd_config = {.name = "config",
                                  .about = "The configuration as `vox-sink serve` would read it here.",
                                  .subs = subs,
                                  .count = ARRAY_LEN(subs)};
