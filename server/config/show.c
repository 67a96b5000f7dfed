// SPDX-License-Identifier: Apache-2.0
// The option table for people and machines: --help, `config show`, the reference page.
#include "lib/base/json.h"
#include "server/config/options.h"
#include "server/config/table.h"

#define HELP_INDENT 8

// "100 to 600000 ms", "debug, info, warn, error", or nothing.
static void range_text(const struct option *option, char *ret_text, size_t size)
{
    ret_text[0] = '\0';
    if (option->type == OPTION_TYPE_INTEGER)
        snprintf(ret_text, size, "%lld to %lld%s%s", (long long)option->min, (long long)option->max,
                 *option->unit ? " " : "", option->unit);
    if (option->type != OPTION_TYPE_CHOICE)
        return;
    size_t used = 0;
    for (const char *c = option->choices; *c && used + 3 < size; c++) {
        ret_text[used++] = *c == '|' ? ',' : *c;
        if (*c == '|')
            ret_text[used++] = ' ';
    }
    ret_text[used] = '\0';
}

static void default_text(const struct option *option, char *ret_text, size_t size)
{
    if (option->type == OPTION_TYPE_INTEGER)
        snprintf(ret_text, size, "%lld", (long long)option->integer);
    else
        snprintf(ret_text, size, "%s", option->text ? option->text : "");
}

size_t config_option_count(void)
{
    return OPTION_COUNT;
}

void config_option_at(size_t row, struct config_option *ret_option)
{
    static const char *const values[] = {
        [OPTION_TYPE_TEXT] = "TEXT",   [OPTION_TYPE_PATH] = NULL,           [OPTION_TYPE_SECRET] = "FILE",
        [OPTION_TYPE_CHOICE] = "NAME", [OPTION_TYPE_ADDRESS] = "ADDRESSES", [OPTION_TYPE_INTEGER] = "N"};
    BUG_ON(row >= OPTION_COUNT);
    const struct option *option = &option_table[row];
    bool secret = option->type == OPTION_TYPE_SECRET;
    char flag[OPTION_NAME_MAX], range[128], value[128];
    option_flag(option, flag);
    range_text(option, range, sizeof(range));
    default_text(option, value, sizeof(value));
    *ret_option = (struct config_option){.value = option->path ? option->path : values[option->type],
                                         .choices = option->choices};
    snprintf(ret_option->flag, sizeof(ret_option->flag), "%s%s", flag, secret ? "-file" : "");
    snprintf(ret_option->help, sizeof(ret_option->help), "%s%s%s%s%s%s%s", option->help,
             secret ? "; the file holds it" : "", range[0] ? "; " : "", range, value[0] ? " [" : "", value,
             value[0] ? "]" : "");
}

void config_print_help(FILE *out)
{
    fputs("Options (each also as VOX_SINK_<NAME> in the environment and as a line\n"
          "`name: value` of the file; `vox-sink reference options` says all about them):\n"
          "  --config FILE\n"
          "        YAML file to read; VOX_SINK_CONFIG names it too\n",
          out);
    for (size_t row = 0; row < OPTION_COUNT; row++) {
        struct config_option option;
        config_option_at(row, &option);
        fprintf(out, "  %s %s\n", option.flag, option.value);
        fprintf(out, "%*s", HELP_INDENT, "");
        table_wrap(out, option.help, HELP_INDENT, HELP_INDENT);
    }
}

static void value_text(const struct option *option, const struct config *config, char *ret_text, size_t size)
{
    if (option->type == OPTION_TYPE_INTEGER) {
        snprintf(ret_text, size, "%lld%s%s", (long long)option_integer_of(option, config),
                 *option->unit ? " " : "", option->unit);
        return;
    }
    const char *text = option_text_of(option, config);
    if (option->type == OPTION_TYPE_SECRET)
        text = text ? "set" : "unset";
    snprintf(ret_text, size, "%s", text ? text : "");
}

static bool print_table(const struct config *config, FILE *out)
{
    static const char *const titles[] = {"OPTION", "VALUE", "SOURCE"};
    struct table table;
    table_init(&table, titles, ARRAY_LEN(titles));
    for (enum option_row row = 0; row < OPTION_COUNT; row++) {
        char value[OPTION_VALUE_MAX + 32];
        value_text(&option_table[row], config, value, sizeof(value));
        table_cell(&table, str_from(option_table[row].name));
        table_cell(&table, str_from(value));
        table_cell(&table, str_from(config->origins[row]));
    }
    bool ok = table_print(&table, out);
    table_release(&table);
    return ok;
}

static void put_option(struct json_writer *w, const struct option *option, const struct config *config)
{
    static const char *const sources[] = {[CONFIG_DEFAULT] = "default",
                                          [CONFIG_FILE] = "file",
                                          [CONFIG_ENVIRONMENT] = "environment",
                                          [CONFIG_FLAG] = "flag"};
    enum option_row row = (enum option_row)(option - option_table);
    json_begin_object(w);
    json_str(w, "name", str_from(option->name));
    if (option->type == OPTION_TYPE_INTEGER) {
        json_i64(w, "value", option_integer_of(option, config));
        if (*option->unit)
            json_str(w, "unit", str_from(option->unit));
    } else if (option->type == OPTION_TYPE_SECRET) {
        json_bool(w, "secret", true);
        json_bool(w, "set", option_text_of(option, config) != NULL);
    } else {
        json_str(w, "value", str_from(option_text_of(option, config)));
    }
    json_str(w, "source", str_from(sources[config->sources[row]]));
    json_str(w, "origin", str_from(config->origins[row]));
    json_bool(w, "reloadable", option->reloadable);
    json_end_object(w);
}

static bool print_json(const struct config *config, FILE *out)
{
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, 1 << 20);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_key(&w, "options");
    json_begin_array(&w);
    for (enum option_row row = 0; row < OPTION_COUNT; row++)
        put_option(&w, &option_table[row], config);
    json_end_array(&w);
    json_end_object(&w);
    buf_put_char(&buf, '\n');
    bool ok = buf_ok(&buf);
    if (ok)
        fwrite(buf.ptr, 1, buf.len, out);
    buf_release(&buf);
    return ok;
}

bool config_print(const struct config *config, bool json, FILE *out)
{
    return json ? print_json(config, out) : print_table(config, out);
}

static const char reference_head[] =
    "# Options of vox-sink\n"
    "\n"
    "Made by `vox-sink reference options` from `server/config/options.def`; a test compares the two.\n"
    "\n"
    "Later sources win: default, configuration file, environment, flag. An option `queue_events` is\n"
    "`queue_events: 20000` in the file, `VOX_SINK_QUEUE_EVENTS` in the environment, and `--queue-events "
    "20000`\n"
    "or `--queue-events=20000` as a flag. An empty value counts as not given. The file is YAML, one mapping\n"
    "from names to values; `--config` or `VOX_SINK_CONFIG` names it. A name that is no option is an error "
    "in\n"
    "the file and among the flags, and a warning of `serve`, `doctor` and `config show` in the environment.\n"
    "\n"
    "Secrets have no flag, because other users can read command lines. Each is given in one of these ways:\n"
    "\n"
    "- as a variable (`VOX_SINK_DATABASE_URL`), overwritten in the process's environment once it is read;\n"
    "- in a file that only its owner can read, named by `VOX_SINK_DATABASE_URL_FILE`, `--database-url-file`\n"
    "  or `database_url_file:`;\n"
    "- as a systemd credential of the option's name (`LoadCredential=database_url:...`);\n"
    "- in the configuration file itself, if only its owner can read that.\n"
    "\n"
    "On SIGHUP the reloadable options are read again. A change of another one is logged and waits for a "
    "restart.\n"
    "`vox-sink config show` prints the value in force and where it comes from.\n"
    "\n"
    "| Option | Default | Range | Reloadable | Meaning |\n"
    "| --- | --- | --- | --- | --- |\n";

void config_print_reference(FILE *out)
{
    fputs(reference_head, out);
    for (enum option_row row = 0; row < OPTION_COUNT; row++) {
        const struct option *option = &option_table[row];
        char range[128], value[128];
        range_text(option, range, sizeof(range));
        default_text(option, value, sizeof(value));
        bool secret = option->type == OPTION_TYPE_SECRET;
        fprintf(out, "| `%s` |%s%s%s | %s | %s | %s |\n", option->name, value[0] ? " `" : "", value,
                value[0] ? "`" : "", secret ? "secret" : range, option->reloadable ? "yes" : "no",
                option->help);
    }
}
