// SPDX-License-Identifier: Apache-2.0
// `vox-sink completion`: shell completion and the manual's tables, from the command table and the option
// table.
#include "lib/base/quote.h"
#include "server/command.h"

#define NODES_MAX 64

// A place in the tree of commands: " token create".
struct node {
    char path[48];
    const struct command *command; // NULL: a family
    const struct family *family;
};

struct tree {
    struct node nodes[NODES_MAX];
    size_t count;
};

// A flag, whether a command's own or an option of the configuration.
struct offer {
    char name[80]; // with its dashes
    const char *value, *choices;
    char help[CONFIG_HELP_MAX];
};

static void collect(struct tree *tree, const struct family *family, const char *path)
{
    for (size_t i = 0; i < family->count; i++) {
        const struct subcommand *row = &family->subs[i];
        if (!row->command && !row->family)
            continue; // `help`, which takes the names of all
        BUG_ON(tree->count == NODES_MAX);
        struct node *node = &tree->nodes[tree->count++];
        *node = (struct node){.command = row->command, .family = row->family};
        snprintf(node->path, sizeof(node->path), "%s %s", path, row->name);
        if (row->family)
            collect(tree, row->family, node->path);
    }
}

// The flag at `i`: the command's own, then those of all. False behind the last.
static bool offer_at(const struct command *command, size_t i, struct offer *ret_offer)
{
    static const struct flag common[] = {{"config", "FILE", "configuration file; also VOX_SINK_CONFIG"},
                                         {"help", NULL, "this text"}};
    size_t options = command->lists_options ? config_option_count() : 0;
    const struct flag *flag = NULL;
    if (i < command->flag_count)
        flag = &command->flags[i];
    else if (i - command->flag_count >= options)
        flag = &common[i - command->flag_count - options];
    if (flag == common + ARRAY_LEN(common))
        return false;
    *ret_offer = (struct offer){.value = flag ? flag->value_name : NULL};
    if (flag) {
        snprintf(ret_offer->name, sizeof(ret_offer->name), "--%s", flag->name);
        snprintf(ret_offer->help, sizeof(ret_offer->help), "%s", flag->help);
        ret_offer->choices = flag->choices;
        return true;
    }
    struct config_option option;
    config_option_at(i - command->flag_count, &option);
    snprintf(ret_offer->name, sizeof(ret_offer->name), "%s", option.flag);
    snprintf(ret_offer->help, sizeof(ret_offer->help), "%s", option.help);
    ret_offer->value = option.value;
    ret_offer->choices = option.choices;
    return true;
}

// 'f' for a file, 'd' for a folder, 0 for what is no path.
static char path_kind(const char *value)
{
    if (value && strstr(value, "FILE"))
        return 'f';
    return value && strstr(value, "DIR") ? 'd' : '\0';
}

// "a|b" as words with blanks between.
static void put_choices(const char *choices)
{
    for (; *choices; choices++)
        putchar(*choices == '|' ? ' ' : *choices);
}

// The names below a place, and for the whole tree `extra` behind them.
static void put_names(const struct family *family, const char *extra)
{
    for (size_t i = 0; i < family->count; i++)
        printf("%s%s", i ? " " : "", family->subs[i].name);
    printf("%s", extra);
}

static void put_paths(const struct tree *tree, const char *between)
{
    for (size_t i = 0; i < tree->count; i++)
        printf("%s'%s'", i ? between : "", tree->nodes[i].path);
}

// ---- bash

static void bash_values(const struct node *node)
{
    struct offer offer;
    for (size_t i = 0; offer_at(node->command, i, &offer); i++) {
        if (!offer.value)
            continue;
        printf("        '%s:%s') ", node->path, offer.name);
        if (offer.choices) {
            printf("COMPREPLY=($(compgen -W \"");
            put_choices(offer.choices);
            printf("\" -- \"$cur\")); ");
        } else if (path_kind(offer.value)) {
            printf("COMPREPLY=($(compgen -%c -- \"$cur\")); ", path_kind(offer.value));
        }
        puts("return ;;");
    }
}

static void bash_words(const struct node *node)
{
    struct offer offer;
    printf("        '%s') ", node->path);
    if (node->family) {
        printf("words=\"");
        put_names(node->family, " --help\" ;;\n");
        return;
    }
    if (path_kind(node->command->words))
        printf("COMPREPLY=($(compgen -%c -- \"$cur\")); ", path_kind(node->command->words));
    printf("words=\"");
    if (node->command->word_choices)
        put_choices(node->command->word_choices);
    for (size_t i = 0; offer_at(node->command, i, &offer); i++)
        printf(" %s", offer.name);
    puts("\" ;;");
}

// The shell walks down the tree as far as the words name a place in it.
static void put_bash(const struct tree *tree)
{
    printf("# bash completion for vox-sink; made by vox-sink completion bash\n"
           "_vox_sink() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at= words= i\n"
           "    COMPREPLY=()\n"
           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        case \"$at ${COMP_WORDS[i]}\" in\n"
           "            ");
    put_paths(tree, "|");
    printf(") at=\"$at ${COMP_WORDS[i]}\" ;;\n"
           "            *) break ;;\n"
           "        esac\n"
           "    done\n"
           "    case \"$at:$prev\" in\n");
    for (size_t i = 0; i < tree->count; i++)
        if (tree->nodes[i].command)
            bash_values(&tree->nodes[i]);
    printf("    esac\n"
           "    case $at in\n"
           "        '') words=\"");
    put_names(&commands, " --help --version\" ;;\n");
    for (size_t i = 0; i < tree->count; i++)
        bash_words(&tree->nodes[i]);
    printf("    esac\n"
           "    COMPREPLY+=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "}\n"
           "complete -F _vox_sink vox-sink\n");
}

// ---- zsh

static void zsh_family(const char *path, const struct family *family)
{
    printf("        '%s') names=(", path);
    for (size_t i = 0; i < family->count; i++) {
        printf(" \\\n            '%s:", family->subs[i].name);
        quote_zsh(stdout, family->subs[i].summary);
        printf("'");
    }
    printf(")\n            _describe command names ;;\n");
}

static void zsh_action(const char *value, const char *choices)
{
    if (choices) {
        printf("(");
        put_choices(choices);
        printf(")");
    } else if (path_kind(value)) {
        printf("_files%s", path_kind(value) == 'd' ? " -/" : "");
    }
}

static void zsh_command(const struct node *node)
{
    const struct command *command = node->command;
    struct offer offer;
    printf("        '%s') _arguments", node->path);
    for (size_t i = 0; offer_at(command, i, &offer); i++) {
        printf(" \\\n            '%s[", offer.name);
        quote_zsh(stdout, offer.help);
        printf("]");
        if (offer.value)
            printf(":%s:", offer.value);
        zsh_action(offer.value, offer.choices);
        printf("'");
    }
    if (command->words) {
        printf(" \\\n            '%s:", command->max_words > 1 ? "*" : "");
        quote_zsh(stdout, command->words);
        printf(":");
        zsh_action(command->words, command->word_choices);
        printf("'");
    }
    printf(" ;;\n");
}

static void put_zsh(const struct tree *tree)
{
    printf("#compdef vox-sink\n"
           "# made by vox-sink completion zsh\n"
           "_vox_sink() {\n"
           "    local at= n=2\n"
           "    local -a names\n"
           "    while (( n < CURRENT )); do\n"
           "        case \"$at $words[n]\" in\n"
           "            ");
    put_paths(tree, "|");
    printf(") at=\"$at $words[n]\"; (( n++ )) ;;\n"
           "            *) break ;;\n"
           "        esac\n"
           "    done\n"
           "    shift $(( n - 2 )) words\n"
           "    (( CURRENT -= n - 2 ))\n"
           "    case $at in\n");
    zsh_family("", &commands);
    for (size_t i = 0; i < tree->count; i++)
        if (tree->nodes[i].family)
            zsh_family(tree->nodes[i].path, tree->nodes[i].family);
        else
            zsh_command(&tree->nodes[i]);
    printf("    esac\n}\n_vox_sink \"$@\"\n");
}

// ---- fish

static void fish_family(const char *path, const struct family *family)
{
    for (size_t i = 0; i < family->count; i++) {
        printf("complete -c vox-sink -n \"__vox_sink_at '%s'\" -a %s -d ", path, family->subs[i].name);
        quote_fish(stdout, family->subs[i].summary);
        putchar('\n');
    }
}

static void fish_command(const struct node *node)
{
    const struct command *command = node->command;
    struct offer offer;
    for (size_t i = 0; offer_at(command, i, &offer); i++) {
        printf("complete -c vox-sink -n \"__vox_sink_at '%s'\" -l %s", node->path, offer.name + 2);
        if (offer.value)
            printf("%s", path_kind(offer.value) ? " -r -F" : " -x");
        if (offer.choices) {
            printf(" -a '");
            put_choices(offer.choices);
            printf("'");
        }
        printf(" -d ");
        quote_fish(stdout, offer.help);
        putchar('\n');
    }
    if (path_kind(command->words))
        printf("complete -c vox-sink -n \"__vox_sink_at '%s'\" -F\n", node->path);
    if (command->word_choices) {
        printf("complete -c vox-sink -n \"__vox_sink_at '%s'\" -a '", node->path);
        put_choices(command->word_choices);
        printf("'\n");
    }
}

static void put_fish(const struct tree *tree)
{
    printf("# made by vox-sink completion fish\n"
           "function __vox_sink_at\n"
           "    set -l at ''\n"
           "    for word in (commandline -opc)[2..-1]\n"
           "        switch \"$at $word\"\n"
           "            case ");
    put_paths(tree, " ");
    printf("\n"
           "                set at \"$at $word\"\n"
           "            case '*'\n"
           "                break\n"
           "        end\n"
           "    end\n"
           "    test \"$at\" = \"$argv[1]\"\n"
           "end\n"
           "complete -c vox-sink -f\n");
    fish_family("", &commands);
    for (size_t i = 0; i < tree->count; i++)
        if (tree->nodes[i].family)
            fish_family(tree->nodes[i].path, tree->nodes[i].family);
        else
            fish_command(&tree->nodes[i]);
}

// ---- the manual

static void man_flag(const char *name, const char *value, const char *help)
{
    printf(".TP\n.B ");
    quote_roff(stdout, name);
    if (value)
        printf(" \\fI%s\\fR", value);
    printf("\n");
    quote_roff(stdout, help);
    printf("\n");
}

static void man_command(const struct command *command)
{
    printf(".SS ");
    quote_roff(stdout, command->name);
    if (command->words) {
        putchar(' ');
        quote_roff(stdout, command->words);
    }
    printf("\n");
    quote_roff(stdout, command->about);
    printf("\n");
    for (size_t i = 0; i < command->flag_count; i++) {
        char name[64];
        snprintf(name, sizeof(name), "--%s", command->flags[i].name);
        man_flag(name, command->flags[i].value_name, command->flags[i].help);
    }
}

static void put_man(const struct tree *tree)
{
    printf(".SH COMMANDS\n");
    for (size_t i = 0; i < tree->count; i++)
        if (tree->nodes[i].command)
            man_command(tree->nodes[i].command);
    printf(".SH OPTIONS\n"
           "Every command takes\n"
           ".B \\-\\-help\n"
           "and the options of the configuration, which also stand in the file that\n"
           ".B \\-\\-config\n"
           "\\fIFILE\\fR names, as\n"
           ".IR name :\\ value ,\n"
           "and in the environment, as\n"
           ".BI VOX_SINK_ NAME\\fR.\n");
    for (size_t i = 0; i < config_option_count(); i++) {
        struct config_option option;
        config_option_at(i, &option);
        man_flag(option.flag, option.value, option.help);
    }
}

static int run(struct call *call)
{
    static const struct {
        const char *name;
        void (*put)(const struct tree *tree);
    } kinds[] = {{"bash", put_bash}, {"zsh", put_zsh}, {"fish", put_fish}, {"man", put_man}};
    struct tree tree = {.count = 0};
    collect(&tree, &commands, "");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(call->word[0], kinds[i].name) == 0) {
            kinds[i].put(&tree);
            return EXIT_OK;
        }
    return command_error(EXIT_USAGE, "completion is for bash, zsh, fish or man; \"%.40s\" is none of them",
                         call->word[0]);
}

const struct command cmd_completion = {
    .name = "completion",
    .words = "bash|zsh|fish|man",
    .word_choices = "bash|zsh|fish|man",
    .min_words = 1,
    .max_words = 1,
    .about = "Prints completion for a shell. For bash: vox-sink completion bash, into\n"
             "~/.local/share/bash-completion/completions/vox-sink. An installed package has done\n"
             "so. \"man\" prints the tables of the manual page.",
    .run = run};
