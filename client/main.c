// SPDX-License-Identifier: Apache-2.0
// The client: command table.
#include "client/command.h"
#include "client/settings.h"
#include "client/text.h"
#include "lib/base/near.h"

#include <sodium.h>
#include <stdio.h>

const struct command *const command_table[] = {
    &cmd_status, &cmd_enqueue, &cmd_check,   &cmd_upload, &cmd_history,    &cmd_retry,
    &cmd_purge,  &cmd_export,  &cmd_consent, &cmd_doctor, &cmd_completion, &cmd_version,
};
const size_t command_count = ARRAY_LEN(command_table);

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(name, command_table[i]->name) == 0)
            return command_table[i];
    return NULL;
}

static void print_help(FILE *to)
{
    fprintf(to, "Usage: vox-telemetry COMMAND [OPTIONS]\n\n"
                "Keeps telemetry in a folder on this machine and sends it when you say so.\n"
                "Nothing leaves the machine without a command of yours: upload sends events,\n"
                "doctor a probe.\n\nCommands:\n");
    for (size_t i = 0; i < command_count; i++)
        fprintf(to, "  %-10s %s\n", command_table[i]->name, command_table[i]->summary);
    fprintf(to, "  %-10s %s\n", "help", "Say what a command does, with its options and exit codes");
    fprintf(to, "\nThe spool is --spool, else VOX_TELEMETRY_SPOOL_DIR, else\n"
                ".vox/telemetry-upload-queue in the nearest folder above this one that holds\n"
                ".git or Vox.toml, else in your home folder.\n\n"
                "Environment (each also with _FILE behind it, naming a file that holds it):\n"
                "  VOX_TELEMETRY_UPLOAD_URL      where upload sends, https://HOST/v1/events\n"
                "  VOX_TELEMETRY_UPLOAD_TOKEN    the bearer token from the sink's operator\n"
                "  VOX_TELEMETRY_SIGNING_SECRET  whsec_..., if requests shall be signed\n"
                "And two that stop it: VOX_TELEMETRY=off and DO_NOT_TRACK=1 let nothing be sent.\n"
                "\nMore: vox-telemetry COMMAND --help, man vox-telemetry\n");
}

static enum client_exit no_command(const char *name)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < command_count; i++)
        near_try(&near, command_table[i]->name);
    fputs("vox-telemetry: no such command: ", stderr);
    text_put_safe(stderr, str_from(name), 80);
    if (near.found)
        fprintf(stderr, "; did you mean %s?\n", near.found);
    else
        fputs("; see vox-telemetry help\n", stderr);
    return EXIT_IS_USAGE;
}

static enum client_exit run_help(int argc, char **argv)
{
    if (argc < 1) {
        print_help(stdout);
        return EXIT_IS_OK;
    }
    if (strcmp(argv[0], "help") == 0 || strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
        print_help(stdout);
        return EXIT_IS_OK;
    }
    const struct command *command = find_command(argv[0]);
    if (!command)
        return no_command(argv[0]);
    command_help(command);
    return EXIT_IS_OK;
}

static enum client_exit run(int argc, char **argv)
{
    struct options options;
    if (argc < 2) {
        print_help(stderr);
        return EXIT_IS_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return run_help(argc - 2, argv + 2);
    if (strcmp(name, "--version") == 0)
        name = "version";
    const struct command *command = find_command(name);
    if (!command)
        return run_help(1, (char *[]){argv[1], NULL});
    switch (command_parse(command, argc - 2, argv + 2, &options)) {
    case PARSE_RUN:
        return command->run(&options);
    case PARSE_HELP:
        command_help(command);
        return EXIT_IS_OK;
    default:
        return EXIT_IS_USAGE;
    }
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0) {
        fprintf(stderr, "vox-telemetry: no source of random numbers\n");
        return exit_number(EXIT_IS_IO);
    }
    struct err err;
    if (!settings_hide_secrets(&err)) {
        fprintf(stderr, "vox-telemetry: %s\n", err.text);
        return exit_number(EXIT_IS_IO);
    }
    enum client_exit code = run(argc, argv);
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_IS_OK) {
        perror("vox-telemetry: standard output");
        code = EXIT_IS_IO;
    }
    return exit_number(code);
}
