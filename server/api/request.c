// SPDX-License-Identifier: Apache-2.0
// Reads an ingest request's headers and passes its body through the lexical door.
#include "server/api/ingest.h"

#include "lib/wire/event_text.h"
#include "lib/wire/limits.h"
#include "lib/wire/names.h"

bool media_is(struct str value, struct str type)
{
    struct str rest = value;
    if (!str_eq_nocase(str_trim(str_cut(&rest, ';')), type))
        return false;
    if (!rest.ptr)
        return true;
    struct str charset = str_trim(rest);
    return str_eq_nocase(charset, STR("charset=utf-8")) || str_eq_nocase(charset, STR("charset=\"utf-8\""));
}

enum problem request_media(const struct http_request *request, enum coding *ret_coding)
{
    unsigned count;
    struct str type = http_request_header(request, "Content-Type", &count);
    if (count != 1 || !media_is(type, STR(MEDIA_JSON)))
        return PROBLEM_media_type_unsupported;
    struct str encoding = http_request_header(request, "Content-Encoding", &count);
    return coding_from_header(encoding, count, ret_coding);
}

// A header that may come once; `twice` is the problem if it comes more often.
static enum problem single_header(const struct http_request *request, const char *name, enum problem twice,
                                  struct str *ret_value)
{
    unsigned count;
    *ret_value = http_request_header(request, name, &count);
    if (count == 0)
        *ret_value = STR_NULL;
    return count > 1 ? twice : PROBLEM_NONE;
}

static enum problem read_ids(const struct http_request *request, struct request_identity *id)
{
    struct str key;
    enum problem problem = single_header(request, HEADER_IDEMPOTENCY_KEY, PROBLEM_event_id_ambiguous, &key);
    if (!problem)
        problem = single_header(request, HEADER_WEBHOOK_ID, PROBLEM_event_id_ambiguous, &id->webhook_id);
    if (!problem && key.ptr) {
        problem = identity_from_key(key, &id->key);
        id->has_key = !problem;
    }
    return problem;
}

static enum problem read_time(const struct http_request *request, int64_t now_us, struct request_identity *id)
{
    struct str value;
    enum problem problem = single_header(request, HEADER_EVENT_AT, PROBLEM_event_time_malformed, &value);
    if (!problem && value.ptr)
        problem = identity_time(value, now_us, &id->time, &id->has_time);
    return problem;
}

static enum problem read_pin(const struct http_request *request, struct request_identity *id)
{
    struct str value;
    enum problem problem = single_header(request, HEADER_CONTRACT, PROBLEM_contract_pin_malformed, &value);
    if (!problem && value.ptr)
        problem = identity_contract_pin(value, &id->pin_id, &id->pin_version);
    return problem;
}

enum problem request_identity_read(const struct http_request *request, int64_t now_us,
                                   struct request_identity *ret_identity)
{
    struct request_identity id = {0};
    enum problem problem = read_ids(request, &id);
    if (!problem)
        problem = read_time(request, now_us, &id);
    if (!problem)
        problem = read_pin(request, &id);
    if (problem)
        return problem;
    id.client = identity_client(http_request_header(request, "User-Agent", NULL));
    *ret_identity = id;
    return PROBLEM_NONE;
}

enum problem request_identity_resolve(struct request_identity *id, int32_t project_id, int64_t now_us,
                                      struct uuid *ret_id)
{
    struct uuid webhook;
    bool foreign = false;
    if (id->webhook_id.ptr) {
        enum problem problem = identity_from_webhook(id->webhook_id, project_id, &webhook, &foreign);
        if (problem)
            return problem;
        if (id->has_key && !uuid_eq(&id->key, &webhook))
            return PROBLEM_event_id_ambiguous;
        if (foreign)
            id->foreign_id = str_trim(id->webhook_id); // what was hashed
        *ret_id = webhook;
    } else if (id->has_key) {
        *ret_id = id->key;
    } else {
        *ret_id = id->has_signed ? id->signed_id : uuid_v7(now_us);
    }
    return PROBLEM_NONE;
}

enum problem request_event_text(struct http_request *request, enum coding coding, struct buf *decoded,
                                char **ret_text, size_t *ret_len)
{
    *ret_len = http_request_body(request).len;
    *ret_text = http_request_body_mutable(request);
    if (coding == CODING_IDENTITY)
        return PROBLEM_NONE;
    enum problem problem = coding_decode(coding, http_request_body(request), decoded);
    *ret_text = decoded->ptr;
    *ret_len = decoded->len;
    return problem;
}

bool stranger_may_send(const struct http_request *request, size_t max)
{
    uint64_t length;
    unsigned count;
    struct str value = http_request_header(request, "Content-Length", &count);
    return !http_request_expects_continue(request) && count == 1 && str_to_u64(value, &length) &&
           length <= max;
}

size_t utf8_cut(struct str text, size_t max)
{
    size_t len = MIN(text.len, max);
    while (len < text.len && len > 0 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return len;
}
