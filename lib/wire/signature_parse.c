// SPDX-License-Identifier: Apache-2.0
// Reads signature headers, strictly.
#include "lib/wire/base64.h"
#include "lib/wire/signature.h"

#define SECONDS_DIGITS_MAX 12

bool signature_is_present(const struct signature_headers *headers)
{
    return headers->vox.ptr || headers->webhook_signature.ptr || headers->webhook_timestamp.ptr;
}

// Digits in the one way that a number is written.
static bool read_seconds(struct str text, int64_t *ret_seconds)
{
    uint64_t value;
    if (text.len > SECONDS_DIGITS_MAX || !str_to_u64(text, &value) || (text.len > 1 && text.ptr[0] == '0'))
        return false;
    *ret_seconds = (int64_t)value;
    return true;
}

#define IS_DIGIT 0x80

// Of lower-case digits.
static const uint8_t hex_digits[256] = {
    ['0'] = IS_DIGIT | 0,  ['1'] = IS_DIGIT | 1,  ['2'] = IS_DIGIT | 2,  ['3'] = IS_DIGIT | 3,
    ['4'] = IS_DIGIT | 4,  ['5'] = IS_DIGIT | 5,  ['6'] = IS_DIGIT | 6,  ['7'] = IS_DIGIT | 7,
    ['8'] = IS_DIGIT | 8,  ['9'] = IS_DIGIT | 9,  ['a'] = IS_DIGIT | 10, ['b'] = IS_DIGIT | 11,
    ['c'] = IS_DIGIT | 12, ['d'] = IS_DIGIT | 13, ['e'] = IS_DIGIT | 14, ['f'] = IS_DIGIT | 15,
};

// Nothing secret: in as many steps as there are digits.
static bool read_hex(struct str hex, uint8_t mac[static SHA256_LEN])
{
    uint8_t common = IS_DIGIT;
    if (hex.len != SHA256_HEX_LEN)
        return false;
    for (size_t i = 0; i < SHA256_LEN; i++) {
        uint8_t high = hex_digits[(unsigned char)hex.ptr[2 * i]];
        uint8_t low = hex_digits[(unsigned char)hex.ptr[2 * i + 1]];
        common &= high & low;
        mac[i] = (uint8_t)(high << 4 | (low & 15));
    }
    return common != 0;
}

// What was met of signatures, whether or not it could be used.
struct met {
    unsigned count; // of those of a known scheme
    bool misspelt;
};

static void read_mac(struct str hex, struct signature *s, struct met *met)
{
    uint8_t mac[SHA256_LEN];
    if (met->count++ >= LIMIT_SIGNATURES)
        return;
    if (read_hex(hex, mac))
        memcpy(s->macs[s->mac_count++], mac, SHA256_LEN);
    else
        met->misspelt = true;
}

// One "name=value" of the Vox header. False where it is a time or a key id that cannot be used.
static bool read_element(struct str element, struct signature *s, struct met *met)
{
    struct str value = element, name = str_cut(&value, '=');
    if (!value.ptr) {
        met->misspelt = true;
        return true;
    }
    if (str_eq(name, STR("t"))) {
        bool first = !s->at_text.ptr;
        s->at_text = value;
        return first && read_seconds(value, &s->at);
    }
    if (str_eq(name, STR("kid"))) {
        bool first = !s->kid.ptr;
        s->kid = value;
        return first && signing_kid_is(value);
    }
    if (str_eq(name, STR("v1")))
        read_mac(value, s, met);
    return true;
}

static enum problem parse_vox(struct str header, struct signature *s, struct met *met)
{
    s->form = SIGNATURE_VOX;
    for (struct str rest = header; rest.ptr;)
        if (!read_element(str_trim(str_cut(&rest, ',')), s, met))
            return PROBLEM_signature_malformed;
    if (!s->at_text.ptr || !s->kid.ptr)
        return PROBLEM_signature_malformed;
    return PROBLEM_NONE;
}

// One "scheme,base64" of webhook-signature.
static void read_versioned(struct str element, struct signature *s, struct met *met)
{
    struct str value = element, scheme = str_cut(&value, ',');
    uint8_t bytes[SIGNATURE_ED25519_LEN];
    bool mac = str_eq(scheme, STR("v1"));
    if (!value.ptr) {
        met->misspelt = true;
        return;
    }
    if ((!mac && !str_eq(scheme, STR("v1a"))) || met->count++ >= LIMIT_SIGNATURES)
        return;
    size_t got, len = mac ? SHA256_LEN : SIGNATURE_ED25519_LEN;
    if (!base64_read(value, bytes, len, &got) || got != len)
        met->misspelt = true;
    else if (mac)
        memcpy(s->macs[s->mac_count++], bytes, len);
    else if (s->signed_count < LIMIT_SIGNATURES_PUBLIC)
        memcpy(s->ed25519[s->signed_count++], bytes, len);
}

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] < 0x20 || id.ptr[i] > 0x7e || id.ptr[i] == '.')
            return false;
    return id.len >= 1 && id.len <= LIMIT_EVENT_ID_TEXT;
}

static enum problem parse_webhooks(const struct signature_headers *headers, struct signature *s,
                                   struct met *met)
{
    s->form = SIGNATURE_WEBHOOKS;
    s->id = headers->webhook_id;
    s->at_text = headers->webhook_timestamp;
    if (!headers->webhook_signature.ptr || !is_id(s->id) || !read_seconds(s->at_text, &s->at))
        return PROBLEM_signature_malformed;
    for (struct str rest = headers->webhook_signature; rest.ptr;)
        read_versioned(str_cut(&rest, ' '), s, met);
    return PROBLEM_NONE;
}

enum problem signature_parse(const struct signature_headers *headers, struct signature *ret_signature)
{
    struct signature s = {0};
    struct met met = {0};
    bool webhooks = headers->webhook_signature.ptr || headers->webhook_timestamp.ptr;
    if (webhooks == (headers->vox.ptr != NULL))
        return PROBLEM_signature_malformed;
    enum problem problem = webhooks ? parse_webhooks(headers, &s, &met) : parse_vox(headers->vox, &s, &met);
    // What cannot be used is passed over, as a scheme yet to come is, as long as something is left to verify.
    if (!problem && s.mac_count + s.signed_count == 0)
        problem = met.misspelt ? PROBLEM_signature_malformed : PROBLEM_signature_invalid;
    if (!problem)
        *ret_signature = s;
    return problem;
}

enum problem signature_fresh(const struct signature *s, int64_t now_us)
{
    int64_t apart = now_us - s->at * USEC_PER_SEC;
    bool fresh =
        apart <= LIMIT_SIGNATURE_SKEW_SEC * USEC_PER_SEC && apart >= -LIMIT_SIGNATURE_SKEW_SEC * USEC_PER_SEC;
    return fresh ? PROBLEM_NONE : PROBLEM_signature_stale;
}
