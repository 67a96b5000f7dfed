// SPDX-License-Identifier: Apache-2.0
// Option parsing and help from the tables.
#include "client/command.h"
#include "client/text.h"
#include "lib/base/near.h"

#include <stdio.h>

#define WORD_SHOWN 80 // bytes of a wrong word that an error repeats

static const struct {
    int number;
    const char *text;
} exits[CLIENT_EXITS] = {
#define CLIENT_EXIT(name, code, text) [EXIT_IS_##name] = {(code), (text)},
#include "client/exit.def"
#undef CLIENT_EXIT
};

int exit_number(enum client_exit code)
{
    BUG_ON(code >= CLIENT_EXITS);
    return exits[code].number;
}

const char *exit_text(enum client_exit code)
{
    BUG_ON(code >= CLIENT_EXITS);
    return exits[code].text;
}

// Is `word` one of those in `words`, which have blanks between?
static bool is_word(const char *words, struct str word)
{
    struct str rest = str_from(words);
    while (rest.ptr)
        if (str_eq(str_cut(&rest, ' '), word))
            return word.len > 0;
    return false;
}

static const struct option_row *find_option(const struct command *command, struct str name)
{
    for (size_t i = 0; i < command->option_count; i++)
        if (str_eq(name, str_from(command->options[i].name)))
            return &command->options[i];
    return NULL;
}

static enum parse_result wrong(const struct command *command, const char *text, struct str what)
{
    fprintf(stderr, "vox-telemetry %s: %s", command->name, text);
    text_put_safe(stderr, what, WORD_SHOWN);
    fprintf(stderr, "; see vox-telemetry %s --help\n", command->name);
    return PARSE_WRONG;
}

static enum parse_result unknown_option(const struct command *command, struct str text, struct str name)
{
    struct near near;
    char word[64];
    snprintf(word, sizeof(word), "%.*s", (int)MIN(name.len, sizeof(word) - 1), name.len ? name.ptr : "");
    near_init(&near, word);
    for (size_t i = 0; i < command->option_count; i++)
        near_try(&near, command->options[i].name);
    near_try(&near, "help");
    if (!near.found)
        return wrong(command, "unknown option ", text);
    fprintf(stderr, "vox-telemetry %s: unknown option ", command->name);
    text_put_safe(stderr, text, WORD_SHOWN);
    fprintf(stderr, "; did you mean --%s?\n", near.found);
    return PARSE_WRONG;
}

// One option of argv at `*at`, with its value if it takes one.
static enum parse_result parse_one(const struct command *command, int argc, char **argv, int *at,
                                   struct options *options)
{
    struct str text = str_from(argv[*at]);
    if (!str_starts(text, STR("--")) || text.len == 2) {
        if (options->operand_count == command->operand_max || (text.len && text.ptr[0] == '-'))
            return wrong(command, "unexpected argument ", text);
        if (command->words && !is_word(command->words, text))
            return wrong(command, "not one of its words: ", text);
        options->operands[options->operand_count++] = argv[*at];
        return PARSE_RUN;
    }
    struct str value = str_skip(text, 2);
    bool joined = str_find(value, '=') < value.len;
    struct str name = str_cut(&value, '=');
    const struct option_row *row = find_option(command, name);
    if (!row)
        return unknown_option(command, text, name);
    char *slot = (char *)options + row->offset;
    if (!row->value && joined)
        return wrong(command, "this option takes no value: ", text);
    if (!row->value) {
        *(bool *)(void *)slot = true;
        return PARSE_RUN;
    }
    if (!joined && *at + 1 >= argc)
        return wrong(command, "this option needs a value: ", text);
    const char *given = joined ? value.ptr : argv[++*at];
    if (row->words && !is_word(row->words, str_from(given)))
        return wrong(command, "no value of this option: ", str_from(given));
    *(const char **)(void *)slot = given;
    return PARSE_RUN;
}

enum parse_result command_parse(const struct command *command, int argc, char **argv,
                                struct options *ret_options)
{
    struct options options = {.operands = argv};
    for (int at = 0; at < argc; at++) {
        if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0)
            return PARSE_HELP;
        enum parse_result result = parse_one(command, argc, argv, &at, &options);
        if (result != PARSE_RUN)
            return result;
    }
    if (options.operand_count < command->operand_min)
        return wrong(command, "needs ", str_from(command->operands));
    if (command->required) {
        const struct option_row *row = find_option(command, str_from(command->required));
        BUG_ON(!row || !row->value);
        if (!*(const char *const *)(const void *)((const char *)&options + row->offset))
            return wrong(command, "needs the option --", str_from(row->name));
    }
    *ret_options = options;
    return PARSE_RUN;
}

// Broken so that it fits 80 columns.
static void print_usage(const struct command *command)
{
    int indent = printf("Usage: vox-telemetry %s", command->name), column = indent;
    if (command->operands)
        column += printf(command->operand_min ? " %s" : " [%s]", command->operands);
    for (size_t i = 0; i < command->option_count; i++) {
        char text[64];
        const struct option_row *row = &command->options[i];
        bool required = command->required && strcmp(command->required, row->name) == 0;
        int len = snprintf(text, sizeof(text), " %s--%s%s%s%s", required ? "" : "[", row->name,
                           row->value ? " " : "", row->value ? row->value : "", required ? "" : "]");
        if (column + len > 79)
            column = printf("\n%*s", indent, "") - 1;
        column += printf("%s", text) > 0 ? len : 0;
    }
}

void command_help(const struct command *command)
{
    print_usage(command);
    printf("\n\n%s.\n", command->summary);
    if (command->about)
        printf("\n%s\n", command->about);
    printf("\nOptions:\n");
    for (size_t i = 0; i < command->option_count; i++) {
        char left[32];
        const struct option_row *row = &command->options[i];
        snprintf(left, sizeof(left), "--%s%s%s", row->name, row->value ? " " : "",
                 row->value ? row->value : "");
        printf("  %-21s %s\n", left, row->help);
    }
    printf("  %-21s %s\n", "--help", "this text");
    printf("\nExit codes:\n");
    for (size_t i = 0; i < command->exit_count; i++)
        printf("  %3d  %s\n", exits[command->exits[i]].number, exits[command->exits[i]].text);
}
