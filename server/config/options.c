// SPDX-License-Identifier: Apache-2.0
// The rows of options.def, their names in each source, and the check of a value.
#include "server/config/options.h"

#include "server/core/address.h"

const struct option option_table[OPTION_COUNT] = {
#define OPTION_TEXT(n, d, r, h) \
    {.name = #n,                \
     .type = OPTION_TYPE_TEXT,  \
     .text = (d),               \
     .reloadable = (r),         \
     .help = (h),               \
     .offset = offsetof(struct config, n)},
#define OPTION_PATH(n, p, r, h) \
    {.name = #n,                \
     .type = OPTION_TYPE_PATH,  \
     .path = (p),               \
     .reloadable = (r),         \
     .help = (h),               \
     .offset = offsetof(struct config, n)},
#define OPTION_SECRET(n, h) \
    {.name = #n, .type = OPTION_TYPE_SECRET, .help = (h), .offset = offsetof(struct config, n)},
#define OPTION_CHOICE(n, d, c, r, h) \
    {.name = #n,                     \
     .type = OPTION_TYPE_CHOICE,     \
     .text = (d),                    \
     .choices = (c),                 \
     .reloadable = (r),              \
     .help = (h),                    \
     .offset = offsetof(struct config, n)},
#define OPTION_ADDRESS(n, d, r, h) \
    {.name = #n,                   \
     .type = OPTION_TYPE_ADDRESS,  \
     .text = (d),                  \
     .reloadable = (r),            \
     .help = (h),                  \
     .offset = offsetof(struct config, n)},
#define OPTION_INTEGER(n, d, lo, hi, u, r, h) \
    {.name = #n,                              \
     .type = OPTION_TYPE_INTEGER,             \
     .integer = (d),                          \
     .min = (lo),                             \
     .max = (hi),                             \
     .unit = (u),                             \
     .reloadable = (r),                       \
     .help = (h),                             \
     .offset = offsetof(struct config, n)},
#include "server/config/options.def"
};

enum option_row option_find(struct str name, bool *ret_is_path)
{
    for (enum option_row row = 0; row < OPTION_COUNT; row++) {
        struct str own = str_from(option_table[row].name);
        bool is_path = option_table[row].type == OPTION_TYPE_SECRET && str_starts(name, own) &&
                       str_eq(str_skip(name, own.len), STR("_file"));
        if (is_path || str_eq(name, own)) {
            *ret_is_path = is_path;
            return row;
        }
    }
    return OPTION_COUNT;
}

void option_flag(const struct option *option, char ret_flag[static OPTION_NAME_MAX])
{
    snprintf(ret_flag, OPTION_NAME_MAX, "--%s", option->name);
    for (char *c = ret_flag; *c; c++)
        if (*c == '_')
            *c = '-';
}

void option_variable(const struct option *option, char ret_variable[static OPTION_NAME_MAX])
{
    snprintf(ret_variable, OPTION_NAME_MAX, "VOX_SINK_%s", option->name);
    for (char *c = ret_variable; *c; c++)
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
}

const char **option_text(const struct option *option, struct config *config)
{
    BUG_ON(option->type == OPTION_TYPE_INTEGER);
    return (const char **)((char *)config + option->offset);
}

int64_t *option_integer(const struct option *option, struct config *config)
{
    BUG_ON(option->type != OPTION_TYPE_INTEGER);
    return (int64_t *)((char *)config + option->offset);
}

const char *option_text_of(const struct option *option, const struct config *config)
{
    return *option_text(option, (struct config *)config);
}

int64_t option_integer_of(const struct option *option, const struct config *config)
{
    return *option_integer(option, (struct config *)config);
}

static bool is_choice(const char *choices, struct str value)
{
    for (struct str rest = str_from(choices); rest.ptr;)
        if (str_eq(str_cut(&rest, '|'), value))
            return true;
    return false;
}

static bool is_address_list(struct str value)
{
    struct address list[ADDRESS_MANY];
    struct err ignored;
    size_t count;
    return address_parse_list(value, list, &count, &ignored);
}

static bool is_plain(const char *value)
{
    for (; *value; value++)
        if ((unsigned char)*value < 0x20 || *value == 0x7f)
            return false;
    return true;
}

// "log_level is "loud" (VOX_SINK_LOG_LEVEL); it must be …"
static bool refuse(const struct option *option, const char *value, const char *origin, struct err *err)
{
    switch (option->type) {
    case OPTION_TYPE_INTEGER:
        return err_set(err, "%s is \"%.60s\" (%s); it must be a whole number from %lld to %lld%s%s",
                       option->name, value, origin, (long long)option->min, (long long)option->max,
                       *option->unit ? " " : "", option->unit);
    case OPTION_TYPE_CHOICE:
        return err_set(err, "%s is \"%.60s\" (%s); it must be one of %s", option->name, value, origin,
                       option->choices);
    case OPTION_TYPE_ADDRESS:
        return err_set(
            err,
            "%s is \"%.60s\" (%s); it must be ADDRESS:PORT, such as 127.0.0.1:8787 or [::1]:8787, or "
            "unix:/PATH, or several of them with commas",
            option->name, value, origin);
    case OPTION_TYPE_TEXT:
    case OPTION_TYPE_PATH:
    case OPTION_TYPE_SECRET:
        break;
    }
    BUG("every text is allowed");
}

bool option_set(const struct option *option, struct config *config, const char *value, const char *origin,
                struct err *err)
{
    bool ok = true;
    int64_t integer = 0;
    if (strlen(value) > OPTION_VALUE_MAX)
        return err_set(err, "%s (%s) is longer than %d bytes", option->name, origin, OPTION_VALUE_MAX);
    if (!is_plain(value))
        return err_set(err, "%s (%s) holds a line break or another control character", option->name, origin);
    if (option->type == OPTION_TYPE_INTEGER)
        ok = str_to_i64(str_from(value), &integer) && integer >= option->min && integer <= option->max;
    else if (option->type == OPTION_TYPE_CHOICE)
        ok = is_choice(option->choices, str_from(value));
    else if (option->type == OPTION_TYPE_ADDRESS)
        ok = is_address_list(str_from(value));
    if (!ok)
        return refuse(option, value, origin, err);
    if (option->type == OPTION_TYPE_INTEGER)
        *option_integer(option, config) = integer;
    else
        *option_text(option, config) = value;
    return true;
}
