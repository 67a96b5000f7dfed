// SPDX-License-Identifier: Apache-2.0
// Recognisers of `format`, length-aware and without regular expressions.
#include "lib/schema/format.h"

#include "lib/base/clock.h"
#include "lib/base/uuid.h"
#include "lib/schema/format_parts.h"
#include "lib/schema/hex.h"
#include "lib/schema/regex.h"

#include <string.h>

static bool is_date_time(struct str s)
{
    int64_t when;
    return rfc3339_parse(s, &when);
}

static bool is_date(struct str s)
{
    int64_t days;
    return date_parse(s, &days);
}

// A full-time of RFC 3339: any day makes it a date-time.
static bool is_time(struct str s)
{
    char text[64];
    int64_t when;
    if (s.len > sizeof(text) - 11)
        return false;
    memcpy(text, "2000-06-15T", 11);
    if (s.len)
        memcpy(text + 11, s.ptr, s.len);
    return rfc3339_parse(str_slice(text, s.len + 11), &when);
}

// Takes "<digits><one of units>" items in the order of `units`; returns how many.
static unsigned duration_items(struct str *s, const char *units)
{
    unsigned items = 0;
    while (s->len && char_is_digit(s->ptr[0])) {
        size_t digits = 0;
        while (digits < s->len && char_is_digit(s->ptr[digits]))
            digits++;
        if (digits == s->len || !s->ptr[digits])
            return 0;
        const char *unit = strchr(units, s->ptr[digits]);
        // RFC 3339 appendix A: no unit is left out between two others.
        if (!unit || (items && unit != units))
            return 0;
        units = unit + 1;
        *s = str_skip(*s, digits + 1);
        items++;
    }
    return items;
}

static bool is_duration(struct str s)
{
    if (!s.len || s.ptr[0] != 'P')
        return false;
    s = str_skip(s, 1);
    if (s.len && s.ptr[s.len - 1] == 'W')
        return duration_items(&s, "W") == 1 && !s.len;
    unsigned items = duration_items(&s, "YMD");
    if (s.len && s.ptr[0] == 'T') {
        s = str_skip(s, 1);
        unsigned times = duration_items(&s, "HMS");
        if (!times)
            return false;
        items += times;
    }
    return items && !s.len;
}

static bool is_uuid(struct str s)
{
    struct uuid uuid;
    return uuid_parse(s, &uuid);
}

static bool is_ipv4(struct str s)
{
    unsigned parts = 0;
    while (s.ptr) {
        struct str part = str_cut(&s, '.');
        uint64_t value;
        if (part.len < 1 || part.len > 3 || (part.len > 1 && part.ptr[0] == '0'))
            return false;
        if (!str_to_u64(part, &value) || value > 255 || ++parts > 4)
            return false;
    }
    return parts == 4;
}

static bool is_hex_group(struct str s)
{
    return s.len >= 1 && s.len <= 4 && jsv_hex_number(s, 0, s.len) >= 0;
}

// Groups in "a:b:…"; the last may be an IPv4 address, which counts two. -1 if one is bad.
static int hex_groups(struct str s, bool may_end_in_ipv4)
{
    int groups = 0;
    if (!s.len)
        return 0;
    while (s.ptr) {
        struct str part = str_cut(&s, ':');
        if (is_hex_group(part))
            groups++;
        else if (!s.ptr && may_end_in_ipv4 && is_ipv4(part))
            groups += 2;
        else
            return -1;
    }
    return groups;
}

bool format_is_ipv6(struct str s)
{
    for (size_t i = 0; i + 1 < s.len; i++) {
        if (s.ptr[i] != ':' || s.ptr[i + 1] != ':')
            continue;
        int left = hex_groups(str_slice(s.ptr, i), false), right = hex_groups(str_skip(s, i + 2), true);
        return left >= 0 && right >= 0 && left + right <= 7;
    }
    return hex_groups(s, true) == 8;
}

static bool is_label(struct str label)
{
    if (!label.len || label.len > 63 || label.ptr[0] == '-' || label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!char_is_alpha(label.ptr[i]) && !char_is_digit(label.ptr[i]) && label.ptr[i] != '-')
            return false;
    if (label.len < 4 || label.ptr[2] != '-' || label.ptr[3] != '-')
        return true;
    return str_eq_nocase(str_slice(label.ptr, 2), STR("xn")) && format_is_a_label(label);
}

bool format_is_hostname(struct str s)
{
    if (!s.len || s.len > 253)
        return false;
    while (s.ptr)
        if (!is_label(str_cut(&s, '.')))
            return false;
    return true;
}

bool format_is_local_part(struct str s, bool unicode)
{
    while (s.ptr) {
        struct str atom = str_cut(&s, '.');
        if (!atom.len)
            return false;
        for (size_t i = 0; i < atom.len; i++)
            if (!char_is_alpha(atom.ptr[i]) && !char_is_digit(atom.ptr[i]) &&
                !(unicode && atom.ptr[i] & 0x80) &&
                (!atom.ptr[i] || !strchr("!#$%&'*+-/=?^_`{|}~", atom.ptr[i])))
                return false;
    }
    return true;
}

static bool is_quoted_local_part(struct str s)
{
    if (s.len < 2 || s.ptr[0] != '"' || s.ptr[s.len - 1] != '"')
        return false;
    for (size_t i = 1; i + 1 < s.len; i++) {
        if (s.ptr[i] == '\\' && i + 2 < s.len)
            i++;
        else if (s.ptr[i] == '"' || s.ptr[i] == '\\')
            return false;
        if (s.ptr[i] < 0x20 || s.ptr[i] > 0x7e)
            return false;
    }
    return true;
}

static bool is_email(struct str s)
{
    size_t at = s.len;
    while (at && s.ptr[at - 1] != '@')
        at--;
    if (at < 2)
        return false;
    struct str local = {s.ptr, at - 1}, domain = str_skip(s, at);
    if (!format_is_local_part(local, false) && !is_quoted_local_part(local))
        return false;
    if (domain.len > 2 && domain.ptr[0] == '[' && domain.ptr[domain.len - 1] == ']') {
        struct str literal = {domain.ptr + 1, domain.len - 2};
        return is_ipv4(literal) ||
               (str_starts(literal, STR("IPv6:")) && format_is_ipv6(str_skip(literal, strlen("IPv6:"))));
    }
    return format_is_hostname(domain);
}

static bool is_json_pointer(struct str s)
{
    if (s.len && s.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] == '~' && (i + 1 == s.len || (s.ptr[i + 1] != '0' && s.ptr[i + 1] != '1')))
            return false;
    return true;
}

static bool is_relative_json_pointer(struct str s)
{
    size_t digits = 0;
    while (digits < s.len && char_is_digit(s.ptr[digits]))
        digits++;
    if (!digits || (digits > 1 && s.ptr[0] == '0'))
        return false;
    s = str_skip(s, digits);
    return str_eq(s, STR("#")) || is_json_pointer(s);
}

static const struct {
    const char *name;
    const char *phrase;
    bool (*holds)(struct str text);
} formats[] = {
    [FORMAT_DATE_TIME] = {"date-time", "a date and time of RFC 3339", is_date_time},
    [FORMAT_DATE] = {"date", "a date of RFC 3339", is_date},
    [FORMAT_TIME] = {"time", "a time of RFC 3339", is_time},
    [FORMAT_DURATION] = {"duration", "a duration of RFC 3339", is_duration},
    [FORMAT_UUID] = {"uuid", "a UUID", is_uuid},
    [FORMAT_IPV4] = {"ipv4", "an IPv4 address", is_ipv4},
    [FORMAT_IPV6] = {"ipv6", "an IPv6 address", format_is_ipv6},
    [FORMAT_HOSTNAME] = {"hostname", "a host name", format_is_hostname},
    [FORMAT_EMAIL] = {"email", "an e-mail address", is_email},
    [FORMAT_JSON_POINTER] = {"json-pointer", "a JSON Pointer", is_json_pointer},
    [FORMAT_RELATIVE_JSON_POINTER] = {"relative-json-pointer", "a relative JSON Pointer",
                                      is_relative_json_pointer},
    [FORMAT_REGEX] = {"regex", "a regular expression of ECMA-262", jsv_regex_is_ecma},
    [FORMAT_URI] = {"uri", "a URI", format_is_uri},
    [FORMAT_URI_REFERENCE] = {"uri-reference", "a URI reference", format_is_uri_reference},
    [FORMAT_URI_TEMPLATE] = {"uri-template", "a URI template", format_is_uri_template},
    [FORMAT_IRI] = {"iri", "an IRI", format_is_iri},
    [FORMAT_IRI_REFERENCE] = {"iri-reference", "an IRI reference", format_is_iri_reference},
    [FORMAT_IDN_HOSTNAME] = {"idn-hostname", "an internationalized host name", format_is_idn_hostname},
    [FORMAT_IDN_EMAIL] = {"idn-email", "an internationalized e-mail address", format_is_idn_email},
};

enum jsv_format jsv_format_find(struct str name)
{
    for (unsigned i = 0; i < FORMAT_COUNT; i++)
        if (str_eq(name, str_from(formats[i].name)))
            return (enum jsv_format)i;
    return FORMAT_COUNT;
}

const char *jsv_format_phrase(enum jsv_format format)
{
    BUG_ON(format >= FORMAT_COUNT);
    return formats[format].phrase;
}

bool jsv_format_holds(enum jsv_format format, struct str text)
{
    BUG_ON(format >= FORMAT_COUNT);
    return formats[format].holds(text);
}
