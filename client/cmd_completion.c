// SPDX-License-Identifier: Apache-2.0
// vox-telemetry completion: shell completion and the manual's tables, from the command table.
#include "client/common.h"
#include "lib/base/quote.h"

// So many blanks or words of `words` as a shell function can take: they hold no quotes.
static void put_words(const char *words)
{
    printf("%s", words ? words : "");
}

static bool is_path(const struct option_row *row)
{
    return row->value && (strcmp(row->value, "FILE") == 0 || strcmp(row->value, "DIR") == 0);
}

static void put_bash(void)
{
    printf("# bash completion for vox-telemetry; made by vox-telemetry completion bash\n"
           "_vox_telemetry() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
           "        COMPREPLY=($(compgen -W \"");
    for (size_t i = 0; i < command_count; i++)
        printf("%s ", command_table[i]->name);
    printf("help --version\" -- \"$cur\"))\n"
           "        return\n"
           "    fi\n"
           "    case ${COMP_WORDS[1]}:$prev in\n");
    for (size_t i = 0; i < command_count; i++)
        for (size_t k = 0; k < command_table[i]->option_count; k++) {
            const struct option_row *row = &command_table[i]->options[k];
            if (!row->value)
                continue;
            printf("        %s:--%s) ", command_table[i]->name, row->name);
            if (is_path(row))
                printf("COMPREPLY=($(compgen -%c -- \"$cur\"))", row->value[0] == 'D' ? 'd' : 'f');
            else if (row->words)
                printf("COMPREPLY=($(compgen -W \"%s\" -- \"$cur\"))", row->words);
            printf("%sreturn ;;\n", is_path(row) || row->words ? "; " : "");
        }
    printf("    esac\n    case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < command_count; i++) {
        printf("        %s) words=\"", command_table[i]->name);
        put_words(command_table[i]->words);
        for (size_t k = 0; k < command_table[i]->option_count; k++)
            printf(" --%s", command_table[i]->options[k].name);
        printf(" --help\" ;;\n");
    }
    printf("        help) words=\"");
    for (size_t i = 0; i < command_count; i++)
        printf("%s%s", i ? " " : "", command_table[i]->name);
    printf("\" ;;\n    esac\n"
           "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "}\n"
           "complete -F _vox_telemetry vox-telemetry\n");
}

static void put_zsh(void)
{
    printf("#compdef vox-telemetry\n# made by vox-telemetry completion zsh\n_vox_telemetry() {\n"
           "    local -a commands\n    commands=(\n");
    for (size_t i = 0; i < command_count; i++) {
        printf("        '%s:", command_table[i]->name);
        quote_zsh(stdout, command_table[i]->summary);
        printf("'\n");
    }
    printf(
        "    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        return\n    fi\n"
        "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n    case $command in\n");
    for (size_t i = 0; i < command_count; i++) {
        printf("        %s) _arguments", command_table[i]->name);
        for (size_t k = 0; k < command_table[i]->option_count; k++) {
            const struct option_row *row = &command_table[i]->options[k];
            printf(" \\\n            '--%s[", row->name);
            quote_zsh(stdout, row->help);
            printf("]");
            if (row->value)
                printf(":%s:", row->value);
            if (row->words)
                printf("(%s)", row->words);
            else if (is_path(row))
                printf("_files%s", row->value[0] == 'D' ? " -/" : "");
            printf("'");
        }
        if (command_table[i]->words)
            printf(" \\\n            ':%s:(%s)'", command_table[i]->operands, command_table[i]->words);
        printf(" ;;\n");
    }
    printf("        help) _describe command commands ;;\n    esac\n}\n_vox_telemetry \"$@\"\n");
}

static void put_fish(void)
{
    const char *const begin = "complete -c vox-telemetry";
    printf("# made by vox-telemetry completion fish\n%s -f\n", begin);
    for (size_t i = 0; i < command_count; i++) {
        const struct command *command = command_table[i];
        printf("%s -n __fish_use_subcommand -a %s -d ", begin, command->name);
        quote_fish(stdout, command->summary);
        putchar('\n');
        if (command->words)
            printf("%s -n '__fish_seen_subcommand_from %s' -a '%s'\n", begin, command->name, command->words);
        for (size_t k = 0; k < command->option_count; k++) {
            const struct option_row *row = &command->options[k];
            printf("%s -n '__fish_seen_subcommand_from %s' -l %s", begin, command->name, row->name);
            if (row->value)
                printf(is_path(row) ? " -r -F" : " -x");
            if (row->words)
                printf(" -a '%s'", row->words);
            printf(" -d ");
            quote_fish(stdout, row->help);
            putchar('\n');
        }
    }
}

static void put_man_command(const struct command *command)
{
    printf(".SS ");
    quote_roff(stdout, command->name);
    if (command->operands)
        printf(command->operand_min ? " %s" : " [%s]", command->operands);
    printf("\n");
    quote_roff(stdout, command->summary);
    printf(".\n");
    if (command->about) {
        quote_roff(stdout, command->about);
        printf("\n");
    }
    for (size_t k = 0; k < command->option_count; k++) {
        const struct option_row *row = &command->options[k];
        printf(".TP\n.B \\-\\-");
        quote_roff(stdout, row->name);
        if (row->value)
            printf(" \\fI%s\\fR", row->value);
        printf("\n");
        quote_roff(stdout, row->help);
        printf("\n");
    }
    printf(".PP\nExit codes:");
    for (size_t k = 0; k < command->exit_count; k++)
        printf("%s %d", k ? "," : "", exit_number(command->exits[k]));
    printf(".\n");
}

static void put_man(void)
{
    printf(".SH COMMANDS\n");
    for (size_t i = 0; i < command_count; i++)
        put_man_command(command_table[i]);
    printf(".SH EXIT STATUS\n");
    for (int code = 0; code < CLIENT_EXITS; code++) {
        printf(".TP\n.B %d\n", exit_number((enum client_exit)code));
        quote_roff(stdout, exit_text((enum client_exit)code));
        printf("\n");
    }
}

static enum client_exit run(const struct options *options)
{
    const char *what = options->operands[0];
    if (strcmp(what, "bash") == 0)
        put_bash();
    else if (strcmp(what, "zsh") == 0)
        put_zsh();
    else if (strcmp(what, "fish") == 0)
        put_fish();
    else
        put_man();
    return EXIT_IS_OK;
}

static const enum client_exit exits[] = {EXIT_IS_OK, EXIT_IS_USAGE, EXIT_IS_IO};

const struct command cmd_completion = {
    .name = "completion",
    .summary = "Print completion for a shell",
    .about = "For bash: vox-telemetry completion bash, into\n"
             "~/.local/share/bash-completion/completions/vox-telemetry.\n"
             "An installed package has done so. \"man\" prints the tables of the manual page.",
    .exits = exits,
    .exit_count = ARRAY_LEN(exits),
    .operands = "bash|zsh|fish|man",
    .words = "bash zsh fish man",
    .operand_min = 1,
    .operand_max = 1,
    .run = run,
};
