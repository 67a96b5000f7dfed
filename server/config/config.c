// SPDX-License-Identifier: Apache-2.0
// Reads the sources in their order of precedence, and again on a reload.
#include "server/config/config.h"

#include "lib/base/log.h"
#include "lib/base/secret_env.h"
#include "server/config/options.h"

#include <limits.h>
#include <sodium.h>

#define ARENA_BLOCK   4096
#define ARENA_CEILING (1024 * 1024)
#define PREFIX        "VOX_SINK_"

static bool no_memory(struct err *err)
{
    return err_set(err, "cannot read the configuration: out of memory");
}

static bool apply(struct config *config, enum config_source source, const struct option_given *rows,
                  struct err *err)
{
    for (enum option_row row = 0; row < OPTION_COUNT; row++) {
        const struct option *option = &option_table[row];
        const struct option_given *given = &rows[row];
        const char *value = given->value, *origin = given->value_origin;
        bool secret = option->type == OPTION_TYPE_SECRET;
        if (secret && config->reloading)
            continue;
        if (value && given->path)
            return err_set(err, "%s and %s both give %s; keep one", origin, given->path_origin, option->name);
        if (given->path) {
            value = config_read_secret(config, given, err);
            origin = given->path_origin;
            if (!value)
                return false;
        } else if (value && secret) {
            char *copied = (char *)(uintptr_t)value; // in our own arena
            value = config_keep_secret(config, str_from(copied));
            sodium_memzero(copied, strlen(copied));
            if (!value)
                return no_memory(err);
        }
        if (!value)
            continue;
        if (!option_set(option, config, value, origin, err))
            return false;
        config->sources[row] = source;
        config->origins[row] = origin;
    }
    return true;
}

// A copy of a variable's value; the original is wiped where it is a secret. NULL where it is unset or empty.
static bool take_variable(struct config *config, const char *name, bool wipe, const char **ret_value,
                          const char **ret_origin)
{
    char *value = getenv(name);
    if (!value || !*value)
        return true;
    *ret_value = arena_dup(&config->arena, str_from(value)).ptr;
    *ret_origin = arena_dup(&config->arena, str_from(name)).ptr;
    if (wipe)
        secret_env_wipe(name);
    return *ret_value && *ret_origin;
}

// systemd's LoadCredential= puts a file named like the option into a folder of its own.
static bool take_credential(struct config *config, const struct option *option, struct option_given *given)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    char path[PATH_MAX];
    if (!dir || !*dir || snprintf(path, sizeof(path), "%s/%s", dir, option->name) >= (int)sizeof(path) ||
        access(path, F_OK) != 0)
        return true;
    given->path = arena_dup(&config->arena, str_from(path)).ptr;
    given->path_origin = "systemd credential";
    given->trusted_path = true;
    return given->path;
}

static bool read_environment(struct config *config, struct option_given *rows, struct err *err)
{
    for (enum option_row row = 0; row < OPTION_COUNT; row++) {
        const struct option *option = &option_table[row];
        struct option_given *given = &rows[row];
        char name[OPTION_NAME_MAX], file_name[OPTION_NAME_MAX + 8];
        option_variable(option, name);
        bool secret = option->type == OPTION_TYPE_SECRET;
        bool ok = take_variable(config, name, secret, &given->value, &given->value_origin);
        if (secret) {
            snprintf(file_name, sizeof(file_name), "%s_FILE", name);
            ok = ok && take_variable(config, file_name, false, &given->path, &given->path_origin);
            if (!given->value && !given->path)
                ok = ok && take_credential(config, option, given);
        }
        if (!ok)
            return no_memory(err);
    }
    return true;
}

// What stands behind "--", up to "=", with underscores for hyphens.
static enum option_row find_flag(struct str word, bool *ret_is_path)
{
    char name[OPTION_NAME_MAX];
    struct str flag = str_cut(&word, '=');
    if (flag.len >= sizeof(name) || str_find(flag, '_') < flag.len)
        return OPTION_COUNT;
    for (size_t i = 0; i < flag.len; i++)
        name[i] = flag.ptr[i] == '-' ? '_' : flag.ptr[i];
    return option_find(str_slice(name, flag.len), ret_is_path);
}

static const char *add_to_list(struct config *config, const char *list, const char *value)
{
    size_t size = strlen(list) + strlen(value) + 2;
    char *both = arena_alloc(&config->arena, size);
    if (both)
        snprintf(both, size, "%s,%s", list, value);
    return both;
}

// The flag at argv[*i]; leaves `*i` at its last word.
static bool take_flag(struct config *config, int argc, char **argv, int *i, struct option_given *rows,
                      const char **ret_path, struct err *err)
{
    struct str rest = str_from(argv[*i]);
    struct str flag = str_cut(&rest, '=');
    bool is_config = str_eq(flag, STR("--config")), is_path = false;
    enum option_row row = str_starts(flag, STR("--")) ? find_flag(str_skip(flag, 2), &is_path) : OPTION_COUNT;
    if (row == OPTION_COUNT && !is_config) {
        config->unknown = argv[*i];
        return err_set(err, "there is no option %.60s", argv[*i]);
    }
    if (!is_config && option_table[row].type == OPTION_TYPE_SECRET && !is_path)
        return err_set(
            err,
            "%.*s is a secret, and a command line can be read by others; give the path of a file that "
            "holds it as %.*s-file",
            STR_FMT(flag), STR_FMT(flag));
    if (!rest.ptr) {
        if (*i + 1 >= argc)
            return err_set(err, "%.*s needs a value", STR_FMT(flag));
        rest = str_from(argv[++*i]);
    }
    const char *value = arena_dup(&config->arena, rest).ptr;
    const char *origin = arena_dup(&config->arena, flag).ptr;
    if (!value || !origin)
        return no_memory(err);
    if (!*value)
        return true;
    if (is_config) {
        *ret_path = value;
        return true;
    }
    // Given more than once, a flag's last value counts; addresses add up.
    if (option_table[row].type == OPTION_TYPE_ADDRESS && rows[row].value)
        value = add_to_list(config, rows[row].value, value);
    if (!value)
        return no_memory(err);
    *(is_path ? &rows[row].path : &rows[row].value) = value;
    *(is_path ? &rows[row].path_origin : &rows[row].value_origin) = origin;
    return true;
}

// Flags stay in their order behind the words, so that a reload reads the same.
static bool read_flags(struct config *config, int argc, char **argv, struct option_given *rows,
                       const char **ret_path, int *ret_words, struct err *err)
{
    int words = 0;
    bool only_words = false;
    for (int i = 1; i < argc; i++) {
        char *word = argv[i];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (!only_words && word[0] == '-' && word[1]) {
            if (!take_flag(config, argc, argv, &i, rows, ret_path, err))
                return false;
            continue;
        }
        if (!ret_words)
            return err_set(err, "\"%.60s\" is one word too many", word);
        memmove(&argv[words + 2], &argv[words + 1], (size_t)(i - words - 1) * sizeof(*argv));
        argv[++words] = word;
    }
    if (ret_words)
        *ret_words = words;
    return true;
}

static bool set_defaults(struct config *config, struct err *err)
{
    config->sources = arena_zalloc(&config->arena, OPTION_COUNT * sizeof(*config->sources));
    config->origins = arena_zalloc(&config->arena, OPTION_COUNT * sizeof(*config->origins));
    if (!config->sources || !config->origins)
        return no_memory(err);
    for (enum option_row row = 0; row < OPTION_COUNT; row++) {
        const struct option *option = &option_table[row];
        config->sources[row] = CONFIG_DEFAULT;
        config->origins[row] = "default";
        if (option->type == OPTION_TYPE_INTEGER)
            *option_integer(option, config) = option->integer;
        else
            *option_text(option, config) = option->text;
    }
    return true;
}

static const char *user_of(const struct option_given *flags, const struct option_given *environment,
                           const struct option_given *file)
{
    const struct option_given *sources[] = {flags, environment, file};
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        if (sources[i][OPTION_ROW_user].value)
            return sources[i][OPTION_ROW_user].value;
    return NULL;
}

// `fault` is the source being read.
static bool load(struct config *config, int argc, char **argv, int *ret_words, struct err *err)
{
    struct option_given flags[OPTION_COUNT] = {{0}}, environment[OPTION_COUNT] = {{0}},
                        file[OPTION_COUNT] = {{0}};
    const char *path = NULL, *ignored;
    config->fault = CONFIG_FLAG;
    if (!set_defaults(config, err) || !read_flags(config, argc, argv, flags, &path, ret_words, err))
        return false;
    config->fault = CONFIG_ENVIRONMENT;
    if (!read_environment(config, environment, err) ||
        (!path && !take_variable(config, PREFIX "CONFIG", false, &path, &ignored)))
        return false;
    config->fault = CONFIG_FILE;
    if (path && !config_file_read(path, &config->arena, file, err))
        return false;
    // Whose files may hold secrets must be known before any is opened.
    config_set_owner(config, user_of(flags, environment, file));
    if ((path && !config_file_is_ours(path, config, file, err)) || !apply(config, CONFIG_FILE, file, err))
        return false;
    config->fault = CONFIG_ENVIRONMENT;
    if (!apply(config, CONFIG_ENVIRONMENT, environment, err))
        return false;
    config->fault = CONFIG_FLAG;
    if (!apply(config, CONFIG_FLAG, flags, err))
        return false;
    config->fault = CONFIG_DEFAULT;
    if (!config->contracts_dir && !(config->contracts_dir = config_contracts_dir(&config->arena)))
        return no_memory(err);
    return true;
}

static bool load_fresh(struct config *config, bool reloading, int argc, char **argv, int *ret_words,
                       struct err *err)
{
    struct config fresh = {.reloading = reloading};
    int words = 0;
    arena_init(&fresh.arena, ARENA_BLOCK, ARENA_CEILING);
    if (!load(&fresh, argc, argv, ret_words ? &words : NULL, err)) {
        config->fault = fresh.fault;
        config->unknown = fresh.unknown;
        config_release(&fresh);
        return false;
    }
    if (ret_words)
        *ret_words = words;
    *config = fresh;
    return true;
}

bool config_load(struct config *config, int argc, char **argv, int *ret_words, struct err *err)
{
    return load_fresh(config, false, argc, argv, ret_words, err);
}

void config_release(struct config *config)
{
    config_forget_secrets(config);
    arena_release(&config->arena);
}

static bool changed(const struct option *option, const struct config *a, const struct config *b)
{
    if (option->type == OPTION_TYPE_INTEGER)
        return option_integer_of(option, a) != option_integer_of(option, b);
    const char *x = option_text_of(option, a), *y = option_text_of(option, b);
    return x && y ? strcmp(x, y) != 0 : x != y;
}

// Copies first, so that memory running out changes nothing.
static bool take_over(struct config *config, const struct config *fresh, struct err *err)
{
    const char *texts[OPTION_COUNT] = {0}, *origins[OPTION_COUNT] = {0};
    for (enum option_row row = 0; row < OPTION_COUNT; row++) {
        const struct option *option = &option_table[row];
        if (!option->reloadable || !changed(option, config, fresh))
            continue;
        const char *text = option->type == OPTION_TYPE_INTEGER ? NULL : option_text_of(option, fresh);
        texts[row] = text ? arena_dup(&config->arena, str_from(text)).ptr : NULL;
        origins[row] = arena_dup(&config->arena, str_from(fresh->origins[row])).ptr;
        if ((text && !texts[row]) || !origins[row])
            return no_memory(err);
    }
    for (enum option_row row = 0; row < OPTION_COUNT; row++) {
        const struct option *option = &option_table[row];
        if (!origins[row])
            continue;
        if (option->type == OPTION_TYPE_INTEGER)
            *option_integer(option, config) = option_integer_of(option, fresh);
        else
            *option_text(option, config) = texts[row];
        config->sources[row] = fresh->sources[row];
        config->origins[row] = origins[row];
    }
    return true;
}

bool config_reload(struct config *config, int argc, char **argv, config_accept *accept, void *context,
                   struct err *err)
{
    struct config fresh;
    int words;
    if (!load_fresh(&fresh, true, argc, argv, &words, err))
        return false;
    if (accept && !accept(context, &fresh, err)) {
        config_release(&fresh);
        return false;
    }
    for (enum option_row row = 0; row < OPTION_COUNT; row++) {
        const struct option *option = &option_table[row];
        bool secret = option->type == OPTION_TYPE_SECRET;
        if (!option->reloadable && !secret && changed(option, config, &fresh))
            log_warn("option changed; restart to take it over", LOG_CSTR("option", option->name),
                     LOG_CSTR("source", fresh.origins[row]));
    }
    bool ok = take_over(config, &fresh, err);
    config_release(&fresh);
    return ok;
}

void config_unknown_variables(void (*found)(void *context, const char *name), void *context)
{
    for (char **entry = environ; *entry; entry++) {
        struct str rest = str_from(*entry);
        struct str name = str_cut(&rest, '=');
        if (!str_starts(name, STR(PREFIX)) || str_eq(name, STR(PREFIX "CONFIG")))
            continue;
        char lower[OPTION_NAME_MAX] = "";
        struct str option = str_skip(name, strlen(PREFIX));
        bool ignored;
        for (size_t i = 0; i < option.len && i < sizeof(lower); i++)
            lower[i] = char_lower(option.ptr[i]);
        if (option.len <= sizeof(lower) && option_find(str_slice(lower, option.len), &ignored) < OPTION_COUNT)
            continue;
        char *text = str_dup_cstr(name);
        if (text)
            found(context, text);
        free(text);
    }
}
