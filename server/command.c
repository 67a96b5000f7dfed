// SPDX-License-Identifier: Apache-2.0
// The shared part of every command.
#include "server/command.h"

#include "lib/base/clock.h"
#include "server/store/migrate.h"

#include <stdarg.h>

#define CONNECT_DEADLINE (15 * USEC_PER_SEC)
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
    fprintf(stderr, "vox-sink: %s\n", text);
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
    if (strlen(flag) > 24)
        printf("  %s\n  %-24s  %s\n", flag, "", help);
    else
        printf("  %-24s  %s\n", flag, help);
}

static int print_help(const struct command *command)
{
    printf("Usage: vox-sink %s%s%s [OPTIONS]\n\n%s\n\n", command->name, command->words ? " " : "",
           command->words ? command->words : "", command->about);
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

static struct flag *own_flag(const struct command *command, struct str word)
{
    struct str name = str_cut(&word, '=');
    if (!str_starts(name, STR("--")))
        return NULL;
    for (size_t i = 0; i < command->flag_count; i++)
        if (str_eq(str_skip(name, 2), str_from(command->flags[i].name)))
            return &command->flags[i];
    return NULL;
}

// Takes the command's own flags out of argv; false after saying what is wrong.
static bool take_own_flags(struct command *command, int *argc, char **argv)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strcmp(argv[i], "--") == 0) {
            while (i < *argc)
                argv[kept++] = argv[i++];
            break;
        }
        struct flag *flag = own_flag(command, str_from(argv[i]));
        if (!flag) {
            argv[kept++] = argv[i];
            continue;
        }
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

bool command_begin(struct command *command, int argc, char **argv, int *ret_code)
{
    struct err err;
    if (wants_help(argc, argv)) {
        *ret_code = print_help(command);
        return false;
    }
    *ret_code = EXIT_USAGE;
    if (!take_own_flags(command, &argc, argv))
        return false;
    if (!config_load(&command->config, argc, argv, &command->word_count, &err)) {
        bool usage = command->config.fault == CONFIG_FLAG;
        *ret_code = usage ? command_error(EXIT_USAGE, "%s; see vox-sink %s --help", err.text, command->name)
                          : command_error(EXIT_CONFIG, "%s", err.text);
        return false;
    }
    command->word = argv + 1;
    int count = command->word_count;
    if (count >= command->min_words && count <= command->max_words) {
        if (command->lists_options)
            command_warn_variables();
        return true;
    }
    if (count < command->min_words)
        command_error(EXIT_USAGE, "%s is missing; see vox-sink %s --help", command->words, command->name);
    else
        command_error(EXIT_USAGE, "\"%.60s\" is one word too many; see vox-sink %s --help",
                      command->word[command->max_words], command->name);
    command_end(command);
    return false;
}

void command_end(struct command *command)
{
    config_release(&command->config);
}

void command_list(const struct subcommand *subs, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++)
        fprintf(out, "  %-10s  %s\n", subs[i].name, subs[i].summary);
}

// Edits (insert, remove, change a character) from one short word to another.
static size_t distance(const char *a, const char *b)
{
    size_t row[32], length = strlen(b);
    if (length >= ARRAY_LEN(row))
        return SIZE_MAX;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t change = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = MIN(change, MIN(row[j], diagonal) + 1);
        }
    }
    return row[length];
}

const char *command_nearest(const struct subcommand *subs, size_t count, const char *name)
{
    const char *nearest = NULL;
    size_t best = 3;
    for (size_t i = 0; i < count; i++) {
        size_t d = strlen(name) < 32 ? distance(name, subs[i].name) : SIZE_MAX;
        if (d < best) {
            best = d;
            nearest = subs[i].name;
        }
    }
    return nearest;
}

int command_dispatch(const char *family, const char *about, const struct subcommand *subs, size_t count,
                     int argc, char **argv)
{
    if (argc < 2)
        return command_error(EXIT_USAGE, "%s needs a command; see vox-sink %s --help", family, family);
    for (size_t i = 0; i < count; i++)
        if (strcmp(argv[1], subs[i].name) == 0)
            return subs[i].run(argc - 1, argv + 1);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        printf("Usage: vox-sink %s COMMAND [OPTIONS]\n\n%s\n\n", family, about);
        command_list(subs, count, stdout);
        printf("\nvox-sink %s COMMAND --help says more.\n", family);
        return EXIT_OK;
    }
    const char *nearest = command_nearest(subs, count, argv[1]);
    if (nearest)
        return command_error(EXIT_USAGE, "there is no command %s %.60s; did you mean %s %s?", family, argv[1],
                             family, nearest);
    return command_error(EXIT_USAGE, "there is no command %s %.60s; see vox-sink %s --help", family, argv[1],
                         family);
}

struct db *command_database(const struct command *command, bool with_schema, int *ret_code)
{
    const struct config *config = &command->config;
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

int command_run(struct command *command, int argc, char **argv,
                int (*run)(const struct command *command, struct db *db, struct arena *arena))
{
    int code;
    if (!command_begin(command, argc, argv, &code))
        return code;
    struct db *db = command_database(command, true, &code);
    if (db) {
        struct arena arena;
        arena_init(&arena, (size_t)64 * 1024, READ_CEILING);
        code = run(command, db, &arena);
        arena_release(&arena);
        db_close(db);
    }
    command_end(command);
    return code;
}

int command_table(struct table *table)
{
    bool ok = table_print(table, stdout);
    table_release(table);
    return ok ? EXIT_OK : command_error(EXIT_FAILED, "out of memory");
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
