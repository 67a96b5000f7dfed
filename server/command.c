// SPDX-License-Identifier: Apache-2.0
// The shared part of every command.
#include "server/command.h"

#include "lib/base/clock.h"
#include "lib/base/near.h"
#include "server/store/migrate.h"

#include <stdarg.h>

#define CONNECT_DEADLINE (15 * USEC_PER_SEC)
#define FLAG_WIDTH       24
#define READ_CEILING     ((size_t)64 * 1024 * 1024)

int command_error(int code, const char *format, ...)
{
    char text[sizeof(((struct err *)0)->text) + 256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    fflush(stdout);
    int column = fprintf(stderr, "vox-sink: ");
    if (isatty(STDERR_FILENO) == 1)
        table_wrap(stderr, text, (size_t)MAX(column, 0), 2);
    else
        fprintf(stderr, "%s\n", text);
    return code;
}

static void warn_variable(void *context, const char *name)
{
    (void)context;
    command_error(0, "warning: %s is no option and was ignored; vox-sink config show lists the options",
                  name);
}

void command_warn_variables(void)
{
    config_unknown_variables(warn_variable, NULL);
}

static void print_flag(const char *name, const char *value_name, const char *help)
{
    char flag[128];
    snprintf(flag, sizeof(flag), "--%s%s%s", name, value_name ? " " : "", value_name ? value_name : "");
    if (strlen(flag) > FLAG_WIDTH)
        printf("  %s\n  %-*s  ", flag, FLAG_WIDTH, "");
    else
        printf("  %-*s  ", FLAG_WIDTH, flag);
    table_wrap(stdout, help, FLAG_WIDTH + 4, FLAG_WIDTH + 4);
}

static int print_help(const struct command *command)
{
    printf("Usage: vox-sink %s%s%s [OPTIONS]\n\n", command->name, command->words ? " " : "",
           command->words ? command->words : "");
    table_wrap(stdout, command->about, 0, 0);
    putchar('\n');
    if (!command->lists_options)
        printf("Options:\n");
    for (size_t i = 0; i < command->flag_count; i++)
        print_flag(command->flags[i].name, command->flags[i].value_name, command->flags[i].help);
    if (command->lists_options) {
        config_print_help(stdout);
        return EXIT_OK;
    }
    print_flag("config", "FILE", "configuration file; also VOX_SINK_CONFIG");
    print_flag("help", NULL, "this text");
    puts("\nEvery option of the configuration may be given too: vox-sink reference options.");
    if (command->uses_database)
        puts("The database is VOX_SINK_MIGRATE_DATABASE_URL, else VOX_SINK_DATABASE_URL.");
    return EXIT_OK;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

// Its place in the command's table; flag_count if it is none of its own.
static size_t own_flag(const struct command *command, struct str word)
{
    struct str name = str_cut(&word, '=');
    size_t i = str_starts(name, STR("--")) ? 0 : command->flag_count;
    while (i < command->flag_count && !str_eq(str_skip(name, 2), str_from(command->flags[i].name)))
        i++;
    return i;
}

// Takes the command's own flags out of argv; false after saying what is wrong.
static bool take_own_flags(const struct command *command, struct flag *flags, int *argc, char **argv)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            while (i < *argc)
                argv[kept++] = argv[i++];
            break;
        }
        size_t at = own_flag(command, str_from(argv[i]));
        if (at == command->flag_count) {
            argv[kept++] = argv[i];
            continue;
        }
        struct flag *flag = &flags[at];
        const char *equals = strchr(argv[i], '=');
        const char *problem = NULL;
        if (flag->given)
            problem = "is given twice";
        else if (!flag->value_name && equals)
            problem = "takes no value";
        else if (flag->value_name && !equals && i + 1 >= *argc)
            problem = "needs a value";
        if (problem)
            return command_error(EXIT_USAGE, "--%s %s; see vox-sink %s --help", flag->name, problem,
                                 command->name) == EXIT_OK;
        flag->given = true;
        if (flag->value_name)
            flag->value = equals ? equals + 1 : argv[++i];
    }
    *argc = kept;
    return true;
}

static bool words_fit(const struct call *call)
{
    const struct command *command = call->command;
    if (call->word_count < command->min_words)
        command_error(EXIT_USAGE, "%s is missing; see vox-sink %s --help", command->words, command->name);
    else if (call->word_count > command->max_words)
        command_error(EXIT_USAGE, "\"%.60s\" is one word too many; see vox-sink %s --help",
                      call->word[command->max_words], command->name);
    else
        return true;
    return false;
}

static int run_on_database(const struct call *call)
{
    struct arena arena;
    int code;
    struct db *db = command_database(call, true, &code);
    if (!db)
        return code;
    arena_init(&arena, (size_t)64 * 1024, READ_CEILING);
    code = call->command->run_database(call, db, &arena);
    arena_release(&arena);
    db_close(db);
    return code;
}

// A flag that is none: says so, with the one that is nearest to it.
static int unknown_flag(const struct command *command, const char *word)
{
    struct config_option option;
    char text[sizeof(option.flag)], kept[sizeof(option.flag)];
    struct near near;
    struct str rest = str_from(word), flag = str_cut(&rest, '=');
    snprintf(text, sizeof(text), "%.*s", STR_FMT(flag));
    const char *name = str_starts(flag, STR("--")) ? text + 2 : text;
    near_init(&near, name);
    for (size_t i = 0; i < command->flag_count; i++)
        near_try(&near, command->flags[i].name);
    near_try(&near, "config");
    near_try(&near, "help");
    for (size_t i = 0; i < config_option_count(); i++) {
        config_option_at(i, &option);
        if (near_try(&near, option.flag + 2))
            near.found = memcpy(kept, option.flag + 2, sizeof(kept) - 2);
    }
    if (near.found)
        return command_error(EXIT_USAGE, "there is no option %.60s; did you mean --%s?", word, near.found);
    return command_error(EXIT_USAGE, "there is no option %.60s; see vox-sink %s --help", word, command->name);
}

int command_run(const struct command *command, int argc, char **argv)
{
    struct flag flags[COMMAND_FLAGS_MAX];
    struct call call = {.command = command, .flags = flags, .word = argv + 1};
    struct err err;
    int code = EXIT_USAGE;
    if (wants_help(argc, argv))
        return print_help(command);
    BUG_ON(command->flag_count > ARRAY_LEN(flags));
    for (size_t i = 0; i < command->flag_count; i++)
        flags[i] = command->flags[i];
    if (!take_own_flags(command, flags, &argc, argv))
        return EXIT_USAGE;
    call.argc = argc;
    call.argv = argv;
    if (!config_load(&call.config, argc, argv, &call.word_count, &err)) {
        if (call.config.unknown)
            return unknown_flag(command, call.config.unknown);
        bool usage = call.config.fault == CONFIG_FLAG;
        return usage ? command_error(EXIT_USAGE, "%s; see vox-sink %s --help", err.text, command->name)
                     : command_error(EXIT_CONFIG, "%s", err.text);
    }
    if (words_fit(&call)) {
        if (command->lists_options)
            command_warn_variables();
        code = command->run ? command->run(&call) : run_on_database(&call);
    }
    config_release(&call.config);
    return code;
}

void command_list(const struct family *family, FILE *out)
{
    for (size_t i = 0; i < family->count; i++)
        fprintf(out, "  %-10s  %s\n", family->subs[i].name, family->subs[i].summary);
}

const char *command_nearest(const struct family *family, const char *name)
{
    struct near near;
    near_init(&near, name);
    for (size_t i = 0; i < family->count; i++)
        near_try(&near, family->subs[i].name);
    return near.found;
}

int command_dispatch(const struct family *family, int argc, char **argv)
{
    if (argc < 2)
        return command_error(EXIT_USAGE, "%s needs a command; see vox-sink %s --help", family->name,
                             family->name);
    for (size_t i = 0; i < family->count; i++) {
        const struct subcommand *sub = &family->subs[i];
        if (strcmp(argv[1], sub->name) == 0)
            return sub->family ? command_dispatch(sub->family, argc - 1, argv + 1)
                               : command_run(sub->command, argc - 1, argv + 1);
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        printf("Usage: vox-sink %s COMMAND [OPTIONS]\n\n%s\n\n", family->name, family->about);
        command_list(family, stdout);
        printf("\nvox-sink %s COMMAND --help says more.\n", family->name);
        return EXIT_OK;
    }
    const char *nearest = command_nearest(family, argv[1]);
    if (nearest)
        return command_error(EXIT_USAGE, "there is no command %s %.60s; did you mean %s %s?", family->name,
                             argv[1], family->name, nearest);
    return command_error(EXIT_USAGE, "there is no command %s %.60s; see vox-sink %s --help", family->name,
                         argv[1], family->name);
}

struct db *command_database(const struct call *call, bool with_schema, int *ret_code)
{
    const struct config *config = &call->config;
    const char *url = config->migrate_database_url ? config->migrate_database_url : config->database_url;
    if (!url) {
        *ret_code =
            command_error(EXIT_CONFIG, "no database is configured; set VOX_SINK_DATABASE_URL, for example to "
                                       "postgresql:///vox?host=/run/postgresql");
        return NULL;
    }
    struct db *db;
    struct err err;
    if (!db_url_check(url, &err)) {
        *ret_code = command_error(EXIT_CONFIG, "%s", err.text);
        return NULL;
    }
    int64_t deadline = clock_mono_us(clock_system()) + CONNECT_DEADLINE;
    bool ok = db_connect(url, DB_OWNER, deadline, &db, &err);
    if (ok && with_schema && !store_schema_fits(db, &err)) {
        db_close(db);
        ok = false;
    }
    if (ok)
        return db;
    *ret_code = command_error(EXIT_FAILED, "%s", err.text);
    return NULL;
}

int command_table(struct table *table)
{
    bool ok = table_print(table, stdout);
    table_release(table);
    return ok ? EXIT_OK : command_error(EXIT_FAILED, "out of memory");
}

void command_json_begin(struct buf *buf, struct json_writer *w, const char *name)
{
    buf_init(buf, READ_CEILING);
    json_writer_init(w, buf);
    json_begin_object(w);
    json_key(w, name);
    json_begin_array(w);
}

int command_json_end(struct buf *buf, struct json_writer *w)
{
    json_end_array(w);
    json_end_object(w);
    return command_write(buf);
}

int command_write(struct buf *buf)
{
    buf_put_char(buf, '\n');
    bool ok = buf_ok(buf);
    if (ok)
        fwrite(buf->ptr, 1, buf->len, stdout);
    buf_release(buf);
    return ok ? EXIT_OK : command_error(EXIT_FAILED, "out of memory");
}
