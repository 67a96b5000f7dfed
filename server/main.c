// SPDX-License-Identifier: Apache-2.0
// The sink's program: the table of commands.
#include "lib/base/secret_env.h"
#include "server/command.h"
#include "server/process.h"

#include <errno.h>
#include <signal.h>
#include <sodium.h>
#include <sys/stat.h>

static const struct subcommand rows[] = {
    {"serve", "take events over HTTP and store them", .command = &cmd_serve},
    {"migrate", "bring the database's schema up to date", .command = &cmd_migrate},
    {"project", "create, change and list projects", .family = &cmd_project},
    {"token", "create, change, rotate, revoke, list tokens and their keys", .family = &cmd_token},
    {"master-key", "what signing secrets are sealed under", .family = &cmd_master_key},
    {"contracts", "check and show what events are taken", .family = &cmd_contracts},
    {"quarantine", "look at events kept aside, and store them after all", .family = &cmd_quarantine},
    {"retention", "show and apply how long events are kept", .family = &cmd_retention},
    {"doctor", "look for what would keep the sink from working", .command = &cmd_doctor},
    {"config", "show the configuration in force", .family = &cmd_config},
    {"reference", "print reference pages as Markdown", .family = &cmd_reference},
    {"completion", "print completion for a shell", .command = &cmd_completion},
    {"version", "print the version", .command = &cmd_version},
    {"help", "say more of a command", .command = NULL},
};

const struct family commands = {.name = "", .subs = rows, .count = ARRAY_LEN(rows)};

static int overview(void)
{
    printf("vox-sink %s: takes telemetry events over HTTP, checks them, and\n"
           "acknowledges them once PostgreSQL has committed them.\n"
           "\n"
           "Usage: vox-sink COMMAND [OPTIONS]\n"
           "\n",
           VOX_VERSION);
    command_list(&commands, stdout);
    printf("\n"
           "vox-sink help COMMAND, or COMMAND --help, says more.\n"
           "\n"
           "First steps: set VOX_SINK_DATABASE_URL, then vox-sink migrate,\n"
           "vox-sink token create --project NAME --scope ingest, vox-sink serve.\n"
           "\n"
           "Exit codes: 0 done; 1 failed, the line on stderr says why; 2 wrong command line;\n"
           "3 wrong configuration; 4 a check found something.\n");
    return EXIT_OK;
}

static int run(int argc, char **argv)
{
    for (const struct subcommand *row = rows; row < rows + ARRAY_LEN(rows); row++)
        if (strcmp(argv[0], row->name) == 0 && (row->command || row->family))
            return row->family ? command_dispatch(row->family, argc, argv)
                               : command_run(row->command, argc, argv);
    const char *nearest = command_nearest(&commands, argv[0]);
    if (nearest)
        return command_error(EXIT_USAGE, "there is no command %.60s; did you mean %s?", argv[0], nearest);
    return command_error(EXIT_USAGE, "there is no command %.60s; see vox-sink --help", argv[0]);
}

// `help token create` is `token create --help`.
static int help(int argc, char **argv)
{
    char *words[5] = {NULL};
    int count = 0;
    char flag[] = "--help";
    for (int i = 1; i < argc && count < 3; i++)
        if (argv[i][0] != '-' && strcmp(argv[i], "help") != 0)
            words[count++] = argv[i];
    if (count == 0)
        return overview();
    words[count++] = flag;
    return run(count, words);
}

static bool is_any(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

// What was printed may still be on its way; a reader that went away early is no failure of ours.
static int flush_output(int code)
{
    errno = 0;
    bool ok = fflush(stdout) == 0 && !ferror(stdout);
    if (ok || errno == EPIPE || code != EXIT_OK)
        return code;
    return command_error(EXIT_FAILED, "cannot write to standard output");
}

int main(int argc, char **argv)
{
    struct err err;
    umask(077);
    if (!process_seal(&err))
        return command_error(EXIT_FAILED, "%s", err.text);
    signal(SIGPIPE, SIG_IGN);
    if (sodium_init() < 0)
        return command_error(EXIT_FAILED, "cannot start: no source of random bytes");
    // The one secret that libpq itself takes from the environment; its other variables name files.
    if (!secret_env_hide("PGPASSWORD", &err))
        return command_error(EXIT_FAILED, "%s", err.text);
    if (argc < 2)
        return command_error(EXIT_USAGE, "which command? see vox-sink --help");
    int code;
    if (is_any(argv[1], "--help", "-h"))
        code = overview();
    else if (is_any(argv[1], "--version", "-V"))
        code = printf("vox-sink %s\n", VOX_VERSION) < 0 ? EXIT_FAILED : EXIT_OK;
    else if (strcmp(argv[1], "help") == 0)
        code = help(argc - 1, argv + 1);
    else
        code = run(argc - 1, argv + 1);
    return flush_output(code);
}
