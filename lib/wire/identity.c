// SPDX-License-Identifier: Apache-2.0
// Reads the headers that say who an event is.
#include "lib/wire/identity.h"
#include "lib/base/clock.h"
#include "lib/wire/event_text.h"
#include "lib/wire/limits.h"

#include <endian.h>
#include <inttypes.h>

#define EARLIEST_US (1577836800LL * USEC_PER_SEC) // 2020-01-01T00:00:00Z

enum problem identity_from_key(struct str header, struct uuid *ret_id)
{
    struct str text = str_trim(header);
    if (text.len == UUID_TEXT_LEN + 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"')
        text = str_slice(text.ptr + 1, UUID_TEXT_LEN);
    return uuid_parse(text, ret_id) ? PROBLEM_NONE : PROBLEM_event_id_malformed;
}

static bool is_foreign_id(struct str text)
{
    if (text.len < 1 || text.len > LIMIT_EVENT_ID_TEXT)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < 0x20 || text.ptr[i] > 0x7e || text.ptr[i] == '.')
            return false;
    return true;
}

static void name_id(int32_t project_id, struct str text, struct uuid *ret_id)
{
    char named[4 + LIMIT_EVENT_ID_TEXT + 24];
    uint8_t digest[SHA256_LEN];
    uint32_t project = htobe32((uint32_t)project_id);
    BUG_ON(text.len > sizeof(named) - 4);
    memcpy(named, &project, 4);
    memcpy(named + 4, text.ptr, text.len);
    sha256(str_slice(named, 4 + text.len), digest);
    *ret_id = uuid_v8(digest);
}

enum problem identity_from_webhook(struct str header, int32_t project_id, struct uuid *ret_id,
                                   bool *ret_foreign)
{
    struct str text = str_trim(header);
    if (uuid_parse(text, ret_id)) {
        *ret_foreign = false;
        return PROBLEM_NONE;
    }
    if (!is_foreign_id(text))
        return PROBLEM_event_id_malformed;
    name_id(project_id, text, ret_id);
    *ret_foreign = true;
    return PROBLEM_NONE;
}

void identity_of_line(struct str batch_id, int32_t project_id, uint64_t number, struct uuid *ret_id)
{
    char text[LIMIT_EVENT_ID_TEXT + 24];
    int len = snprintf(text, sizeof(text), "%.*s.%" PRIu64, STR_FMT(batch_id), number);
    BUG_ON(len < 0 || (size_t)len >= sizeof(text));
    name_id(project_id, str_slice(text, (size_t)len), ret_id);
}

enum problem identity_time(struct str header, int64_t now_us, int64_t *ret_wall_us, bool *ret_known)
{
    int64_t at;
    if (!rfc3339_parse(str_trim(header), &at))
        return PROBLEM_event_time_malformed;
    *ret_wall_us = at;
    *ret_known = at >= EARLIEST_US && at <= now_us + USEC_PER_DAY;
    return PROBLEM_NONE;
}

enum problem identity_contract_pin(struct str header, struct str *ret_id, unsigned *ret_version)
{
    struct str rest = str_trim(header), id = str_cut(&rest, '.');
    uint64_t version;
    bool ok = id.len > 0;
    for (size_t i = 0; i < id.len; i++)
        ok = ok && (char_is_digit(id.ptr[i]) || id.ptr[i] == '-' ||
                    (char_is_alpha(id.ptr[i]) && char_lower(id.ptr[i]) == id.ptr[i]));
    if (!ok || !str_starts(rest, STR("v")) || str_starts(rest, STR("v0")) || rest.len > 5 ||
        !str_to_u64(str_skip(rest, 1), &version))
        return PROBLEM_contract_pin_malformed;
    *ret_id = id;
    *ret_version = (unsigned)version;
    return PROBLEM_NONE;
}

// A character of a token in HTTP's grammar (RFC 9110 section 5.6.2).
static bool is_token_char(char c)
{
    return char_is_digit(c) || char_is_alpha(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t token_length(struct str s)
{
    size_t n = 0;
    while (n < s.len && is_token_char(s.ptr[n]))
        n++;
    return n;
}

struct str identity_client(struct str user_agent)
{
    struct str text = str_trim(user_agent);
    size_t product = token_length(text);
    if (product == 0 || product == text.len || text.ptr[product] != '/')
        return STR_NULL;
    size_t version = token_length(str_skip(text, product + 1));
    if (version == 0)
        return STR_NULL;
    return str_slice(text.ptr, MIN(product + 1 + version, (size_t)LIMIT_CLIENT_TEXT));
}
