// SPDX-License-Identifier: Apache-2.0
// Reads arguments; every refusal says what would have been right.
#include "server/config/args.h"

#include "lib/base/clock.h"
#include "lib/contracts/contracts.h"

#define USEC_PER_HOUR (3600 * USEC_PER_SEC)
#define RATE_MAX      1000000000ULL       // requests a second
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
    bool known = contract_class_from(str_from(text), &class_);
    if (known && class_ == CLASS_S3)
        return err_set(
            err, "S3 is content (source code, prompts, file texts), and the sink never takes it; S2 is the "
                 "highest class");
    if (!known || class_ < CLASS_S1)
        return err_set(err,
                       "the most sensitive class is S1 (counters and operational data) or S2 (also what is "
                       "close to a workspace); \"%.20s\" is neither",
                       text);
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

bool args_duration(const char *what, const char *text, int64_t *ret_us, struct err *err)
{
    struct str all = str_from(text), number = str_slice(all.ptr, all.len ? all.len - 1 : 0);
    uint64_t hours = 0;
    bool days = str_ends(all, STR("d"));
    if (str_eq(all, STR("0"))) {
        *ret_us = 0;
        return true;
    }
    if (!(days || str_ends(all, STR("h"))) || !str_to_u64(number, &hours) ||
        hours > HOURS_MAX / (days ? 24 : 1))
        return err_set(err, "--%s takes a time such as 7d or 12h, or 0; \"%.40s\" is none", what, text);
    *ret_us = (int64_t)(hours * (days ? 24 : 1)) * USEC_PER_HOUR;
    return true;
}

// "12.345" to thousandths; three decimals at most.
static bool read_thousandths(struct str text, uint64_t *ret_value)
{
    struct str fraction = text, whole = str_cut(&fraction, '.');
    uint64_t value, part = 0;
    if (!str_to_u64(whole, &value) || value > RATE_MAX)
        return false;
    if (fraction.ptr && (fraction.len > 3 || !str_to_u64(fraction, &part)))
        return false;
    for (size_t i = fraction.ptr ? fraction.len : 3; i < 3; i++)
        part *= 10;
    *ret_value = value * 1000 + part;
    return true;
}

bool args_rate(const char *text, int64_t *ret_milli, struct err *err)
{
    struct str unit = str_from(text), number = str_cut(&unit, '/');
    bool per_minute = str_eq(unit, STR("min"));
    uint64_t milli;
    if ((unit.ptr && !per_minute && !str_eq(unit, STR("s"))) || !read_thousandths(number, &milli))
        return err_set(
            err, "--rate takes requests in a time, such as 10/s, 0.5/s or 30/min; \"%.40s\" is not that",
            text);
    milli = per_minute ? milli / 60 : milli;
    if (milli == 0)
        return err_set(
            err, "--rate %.40s is less than one request in 1,000 seconds; vox-sink token revoke ends a token",
            text);
    *ret_milli = (int64_t)milli;
    return true;
}

bool args_count(const char *what, const char *text, const char *unit, int64_t max, int64_t *ret_count,
                struct err *err)
{
    struct str per = str_from(text), number = str_cut(&per, '/');
    uint64_t count;
    if ((per.ptr && (!*unit || !str_eq(per, str_from(unit)))) || !str_to_u64(number, &count) || count == 0 ||
        count > (uint64_t)max)
        return err_set(err, "--%s takes a whole number from 1 to %lld%s%s; \"%.40s\" is not that", what,
                       (long long)max, *unit ? ", such as 100000/" : "", unit, text);
    *ret_count = (int64_t)count;
    return true;
}

static bool is_contract(struct str name)
{
    struct str version = name, id = str_cut(&version, '.');
    uint64_t number;
    for (size_t i = 0; i < id.len; i++)
        if (!((id.ptr[i] >= 'a' && id.ptr[i] <= 'z') || char_is_digit(id.ptr[i]) || id.ptr[i] == '-'))
            return false;
    if (id.len == 0 || id.len > PROJECT_NAME_MAX)
        return false;
    return !version.ptr || (str_starts(version, STR("v")) && version.len <= 5 &&
                            !str_starts(version, STR("v0")) && str_to_u64(str_skip(version, 1), &number));
}

bool args_contracts(const char *text, struct err *err)
{
    for (struct str rest = str_from(text); rest.ptr;) {
        struct str name = str_cut(&rest, ',');
        if (!is_contract(name))
            return err_set(
                err,
                "--contracts takes names such as model-call or model-call.v1, separated by commas; "
                "\"%.*s\" is none",
                (int)MIN(name.len, (size_t)60), name.ptr);
    }
    return true;
}
