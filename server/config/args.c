// SPDX-License-Identifier: Apache-2.0
// Reads arguments; every refusal says what would have been right.
#include "server/config/args.h"

#include "lib/base/clock.h"
#include "lib/contracts/contracts.h"

#define USEC_PER_HOUR (3600 * USEC_PER_SEC)
#define HOURS_MAX     (100ULL * 366 * 24) // so that no sum overflows

static bool is_name_char(char c, bool first)
{
    bool plain = (c >= 'a' && c <= 'z') || char_is_digit(c);
    return plain || (!first && (c == '.' || c == '_' || c == '-'));
}

bool args_project_name(const char *text, struct str *ret_name, struct err *err)
{
    struct str name = str_from(text);
    bool ok = name.len >= 1 && name.len <= PROJECT_NAME_MAX;
    for (size_t i = 0; ok && i < name.len; i++)
        ok = is_name_char(name.ptr[i], i == 0);
    if (!ok)
        return err_set(
            err,
            "a project's name is 1 to %d of a-z, 0-9, \".\", \"_\" and \"-\", a letter or digit first; "
            "\"%.70s\" is not",
            PROJECT_NAME_MAX, text);
    *ret_name = name;
    return true;
}

bool args_max_class(const char *text, int16_t *ret_class, struct err *err)
{
    enum contract_class class_;
    if (!contract_class_from(str_from(text), &class_))
        return err_set(
            err,
            "\"%.20s\" is no sensitivity class; S1 is operational data, S2 also what is close to a "
            "workspace",
            text);
    if (class_ == CLASS_S3)
        return err_set(
            err, "S3 is content (source code, prompts, file texts), and the sink never takes it; S2 is the "
                 "highest class");
    *ret_class = (int16_t)class_;
    return true;
}

bool args_expiry(const char *text, int64_t now_us, int64_t *ret_wall_us, struct err *err)
{
    struct str all = str_from(text);
    struct str number = str_slice(all.ptr, all.len ? all.len - 1 : 0);
    uint64_t hours;
    int64_t wall_us;
    if (str_to_u64(number, &hours) && (str_ends(all, STR("d")) || str_ends(all, STR("h")))) {
        uint64_t scale = str_ends(all, STR("d")) ? 24 : 1;
        if (hours == 0 || hours > HOURS_MAX / scale)
            return err_set(
                err,
                "--expires %.40s is not between 1 hour and 100 years; leave it out for a token that "
                "does not expire",
                text);
        *ret_wall_us = now_us + (int64_t)(hours * scale) * USEC_PER_HOUR;
        return true;
    }
    if (!rfc3339_parse(all, &wall_us))
        return err_set(err,
                       "--expires takes a time from now such as 90d or 12h, or a point such as "
                       "2027-01-31T00:00:00Z; \"%.40s\" is neither",
                       text);
    if (wall_us <= now_us)
        return err_set(err, "--expires %.40s has passed", text);
    *ret_wall_us = wall_us;
    return true;
}
