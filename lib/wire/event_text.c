// SPDX-License-Identifier: Apache-2.0
// The rules of an event's text, and its hash.
#include "lib/wire/event_text.h"
#include "lib/base/hex.h"
#include "lib/wire/crypto.h"
#include "lib/wire/limits.h"

static const struct json_rules rules = {
    .depth = LIMIT_JSON_DEPTH,
    .values = LIMIT_JSON_NODES,
    .digits = LIMIT_NUMBER_DIGITS,
    .exponent = LIMIT_NUMBER_EXPONENT,
    .expanded = LIMIT_EXPANDED_DIGITS,
};

// What a text that does not begin with a brace is, as far as its beginning tells.
static enum problem not_an_object(struct str text)
{
    static const struct str literals[] = {{"true", 4}, {"false", 5}, {"null", 4}};
    if (text.ptr[0] && strchr("\"[-0123456789", text.ptr[0]))
        return PROBLEM_json_not_object;
    for (size_t i = 0; i < ARRAY_LEN(literals); i++)
        if (str_eq(text, literals[i]))
            return PROBLEM_json_not_object;
    return PROBLEM_json_malformed;
}

enum problem event_text_parse(struct json_doc *doc, char *text, size_t *len)
{
    struct str trimmed = str_trim(str_slice(text, *len));
    if (!trimmed.len)
        return PROBLEM_json_malformed;
    if (trimmed.ptr[0] != '{')
        return not_an_object(trimmed);
    return event_text_fault(json_doc_take(doc, text, len, &rules, NULL));
}

enum problem event_text_parse_embedded(struct json_doc *doc, char *text, size_t *len)
{
    return event_text_fault(json_doc_take(doc, text, len, &rules, NULL));
}

void sha256(struct str bytes, uint8_t ret_digest[static SHA256_LEN])
{
    struct sha256_state state;
    sha256_begin(&state);
    sha256_put(&state, bytes);
    sha256_end(&state, ret_digest);
}

void sha256_hex(const uint8_t digest[static SHA256_LEN], char ret_text[static SHA256_HEX_LEN + 1])
{
    *hex_write(digest, SHA256_LEN, ret_text) = '\0';
}

bool sha256_from_hex(struct str text, uint8_t ret_digest[static SHA256_LEN])
{
    uint8_t digest[SHA256_LEN];
    if (text.len != SHA256_HEX_LEN || !hex_read(text.ptr, SHA256_LEN, digest))
        return false;
    memcpy(ret_digest, digest, SHA256_LEN);
    return true;
}

enum problem event_text_fault(enum json_fault fault)
{
    switch (fault) {
    case JSON_FAULT_NONE:
        return PROBLEM_NONE;
    case JSON_FAULT_SYNTAX:
        return PROBLEM_json_malformed;
    case JSON_FAULT_DUPLICATE:
        return PROBLEM_json_duplicate_member;
    case JSON_FAULT_STRING:
        return PROBLEM_json_string_refused;
    case JSON_FAULT_NUMBER:
        return PROBLEM_json_number_refused;
    case JSON_FAULT_DEPTH:
        return PROBLEM_json_too_deep;
    case JSON_FAULT_VALUES:
        return PROBLEM_json_too_many_nodes;
    case JSON_FAULT_MEMORY:
        return PROBLEM_overloaded;
    default:
        BUG("unknown JSON fault");
    }
}
