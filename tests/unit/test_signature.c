// SPDX-License-Identifier: Apache-2.0
// lib/wire/signature and signing_key, by the vectors of tests/vectors/signatures and bit by bit.
#include "lib/wire/signature.h"

#include "lib/base/file.h"
#include "lib/base/json.h"
#include "lib/json/parse.h"
#include "tests/unit/check_main.h"

#include <fcntl.h>
#include <sodium.h>

#define VECTORS VOX_SOURCE_DIR "/tests/vectors/signatures/"
#define BODY    "{\"ModelCall\":{\"model\":\"a\"}}"
#define AT      1790000000
#define AT_TEXT "1790000000"
#define NOW_US  (AT * USEC_PER_SEC)

static struct str member(const struct json *object, const char *name)
{
    const struct json *value = json_get(object, str_from(name));
    return json_text(value);
}

// As the gate does it: parse, time, keys. `piece`: bytes given to the verifier at a time.
static enum problem verify(const struct signature_headers *headers, const struct signing_key *keys,
                           size_t count, struct str body, int64_t now_us, size_t piece, struct str name,
                           struct uuid *ret_id)
{
    struct signature s;
    const struct signing_key *pointers[8];
    for (size_t i = 0; i < count; i++)
        pointers[i] = &keys[i];
    enum problem problem = signature_parse(headers, &s);
    if (!problem)
        problem = signature_fresh(&s, now_us);
    if (problem)
        return problem;
    struct signature_verifier v;
    signature_verifier_init(&v, &s, pointers, count, 65536, name);
    for (; body.len; body = str_skip(body, piece))
        signature_verifier_update(&v, str_slice(body.ptr, MIN(body.len, piece)));
    problem = signature_verifier_finish(&v, ret_id);
    signature_verifier_release(&v);
    return problem;
}

static void run_vector(const struct json *vector, struct str kid)
{
    const struct json *headers = json_get(vector, STR("headers")), *key_texts = json_get(vector, STR("keys"));
    struct signing_key keys[4];
    struct uuid id;
    char id_text[UUID_TEXT_LEN + 1];
    const struct signature_headers h = {.vox = member(headers, "X-Vox-Telemetry-Signature"),
                                        .webhook_id = member(headers, "webhook-id"),
                                        .webhook_timestamp = member(headers, "webhook-timestamp"),
                                        .webhook_signature = member(headers, "webhook-signature")};
    struct str name = member(vector, "name"), wanted = member(vector, "problem"),
               event_id = member(vector, "event_id");
    size_t count = json_count(key_texts);
    ck_assert_uint_le(count, ARRAY_LEN(keys));
    for (size_t i = 0; i < count; i++) {
        const struct json *text = json_at(key_texts, i);
        struct str t = json_text(text);
        ck_assert_msg(signing_secret_parse(t, &keys[i]) || signing_public_parse(t, &keys[i]), "%.*s",
                      STR_FMT(name));
    }
    int64_t now = json_integer(json_get(vector, STR("now"))) * USEC_PER_SEC;
    for (size_t piece = 1; piece < 2000; piece += 999) {
        enum problem problem = verify(&h, keys, count, member(vector, "body"), now, piece, kid, &id);
        struct str code = problem ? str_from(problem_info(problem)->code) : STR_NULL;
        ck_assert_msg(str_eq(code, wanted), "%.*s: %.*s, expected %.*s", STR_FMT(name), STR_FMT(code),
                      STR_FMT(wanted));
    }
    if (!event_id.ptr)
        return;
    uuid_format(&id, id_text);
    ck_assert_view_eq(event_id, id_text);
}

static size_t run_vectors(const char *path)
{
    struct json_doc doc;
    struct buf text;
    struct err err;
    buf_init(&text, 1 << 20);
    json_doc_init(&doc, NULL, 8 << 20);
    ck_assert_msg(file_read_at(AT_FDCWD, path, &text, &err), "%s", err.text);
    ck_assert_int_eq(json_doc_parse(&doc, buf_str(&text), NULL), JSON_FAULT_NONE);
    const struct json *vectors = json_get(doc.root, STR("vectors"));
    size_t count = json_count(vectors);
    for (size_t i = 0; i < count; i++)
        run_vector(json_at(vectors, i), member(doc.root, "kid"));
    json_doc_release(&doc);
    buf_release(&text);
    return count;
}

START_TEST(signature__foreign_vectors)
{
    ck_assert_uint_gt(run_vectors(VECTORS "webhooks.json"), 30);
    ck_assert_uint_gt(run_vectors(VECTORS "vox.json"), 25);
}
END_TEST

static struct signing_key known_key(void)
{
    struct signing_key key = {.kind = SIGNING_HMAC, .len = 32};
    for (size_t i = 0; i < key.len; i++)
        key.bytes[i] = (uint8_t)(i * 7);
    return key;
}

// Every bit of every header and of the body, one at a time.
static void flip_all(const struct signature_headers *good, struct str body, const struct signing_key *key)
{
    struct str fields[] = {good->vox, good->webhook_id, good->webhook_timestamp, good->webhook_signature,
                           body};
    struct uuid id;
    for (size_t f = 0; f < ARRAY_LEN(fields); f++) {
        char copy[512];
        ck_assert_uint_le(fields[f].len, sizeof(copy));
        for (size_t bit = 0; bit < 8 * fields[f].len; bit++) {
            memcpy(copy, fields[f].ptr, fields[f].len);
            copy[bit / 8] = (char)(copy[bit / 8] ^ (1 << bit % 8));
            struct str changed = str_slice(copy, fields[f].len);
            const struct signature_headers h = {
                f == 0 ? changed : good->vox, f == 1 ? changed : good->webhook_id,
                f == 2 ? changed : good->webhook_timestamp, f == 3 ? changed : good->webhook_signature};
            struct signature s;
            enum problem problem = verify(&h, key, 1, f == 4 ? changed : body, NOW_US, 4096, STR_NULL, &id);
            // Who signed is for the gate to compare: the kid only has to be another.
            if (!problem && f == 0 && signature_parse(&h, &s) == PROBLEM_NONE)
                problem = str_eq(s.kid, STR("abcdefghij")) ? PROBLEM_NONE : PROBLEM_signature_invalid;
            ck_assert_msg(problem && problem_info(problem)->status == 401, "field %zu bit %zu: %.*s", f, bit,
                          STR_FMT(changed));
        }
    }
}

START_TEST(signature__one_flipped_bit_is_refused)
{
    const struct signing_key key = known_key();
    char vox[SIGNATURE_VOX_TEXT_MAX], webhook[SIGNATURE_WEBHOOK_TEXT_MAX];
    struct uuid id;
    signature_make_vox(&key, STR("abcdefghij"), AT, STR(BODY), vox);
    signature_make_webhook(&key, STR("msg_1"), AT, STR(BODY), webhook);
    const struct signature_headers first = {.vox = str_from(vox)};
    const struct signature_headers second = {.webhook_id = STR("msg_1"),
                                             .webhook_timestamp = STR("1790000000"),
                                             .webhook_signature = str_from(webhook)};
    ck_assert_int_eq(verify(&first, &key, 1, STR(BODY), NOW_US, 5, STR_NULL, &id), PROBLEM_NONE);
    ck_assert_int_eq(verify(&second, &key, 1, STR(BODY), NOW_US, 5, STR_NULL, &id), PROBLEM_NONE);
    flip_all(&first, STR(BODY), &key);
    flip_all(&second, STR(BODY), &key);
}
END_TEST

START_TEST(signature__presence)
{
    struct signature s;
    struct signature_headers h = {.webhook_id = STR("msg_1")};
    ck_assert(!signature_is_present(&h));
    h.webhook_timestamp = STR("1790000000");
    ck_assert(signature_is_present(&h));
    ck_assert_int_eq(signature_parse(&h, &s), PROBLEM_signature_malformed);
    // Both forms at once.
    h.webhook_signature = STR("v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    ck_assert_int_eq(signature_parse(&h, &s), PROBLEM_NONE);
    h.vox = STR("t=1790000000,kid=abcdefghij,v1=00");
    ck_assert_int_eq(signature_parse(&h, &s), PROBLEM_signature_malformed);
}
END_TEST

START_TEST(signature__a_replay_has_the_same_id)
{
    const struct signing_key key = known_key();
    char vox[SIGNATURE_VOX_TEXT_MAX];
    struct uuid ids[3];
    for (int i = 0; i < 3; i++) {
        signature_make_vox(&key, STR("abcdefghij"), i < 2 ? AT : AT + 1, STR(BODY), vox);
        const struct signature_headers h = {.vox = str_from(vox)};
        ck_assert_int_eq(verify(&h, &key, 1, STR(BODY), NOW_US, 7, STR("abcdefghij"), &ids[i]), PROBLEM_NONE);
    }
    ck_assert(uuid_eq(&ids[0], &ids[1]));
    ck_assert(!uuid_eq(&ids[0], &ids[2]));
}
END_TEST

// Two keys, each tried with the first two signatures by Ed25519, one step each; a third is not looked at.
START_TEST(signature__public_ones_are_bounded)
{
    struct signing_key keys[2] = {{.kind = SIGNING_ED25519, .len = SIGNING_PUBLIC_LEN},
                                  {.kind = SIGNING_ED25519, .len = SIGNING_PUBLIC_LEN}};
    const struct signing_key *pointers[] = {&keys[0], &keys[1]};
    uint8_t secrets[2][crypto_sign_SECRETKEYBYTES], made[SIGNATURE_ED25519_LEN], other[SIGNATURE_ED25519_LEN];
    char good[96], bad[96], header[400], at[24];
    const struct str text = STR("msg_1." AT_TEXT "." BODY);
    for (size_t i = 0; i < 2; i++)
        crypto_sign_keypair(keys[i].bytes, secrets[i]);
    crypto_sign_detached(made, NULL, (const unsigned char *)text.ptr, text.len, secrets[1]);
    crypto_sign_detached(other, NULL, (const unsigned char *)text.ptr, text.len - 1, secrets[1]);
    sodium_bin2base64(good, sizeof(good), made, sizeof(made), sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(bad, sizeof(bad), other, sizeof(other), sodium_base64_VARIANT_ORIGINAL);
    snprintf(at, sizeof(at), "%lld", (long long)AT);
    ck_assert_str_eq(at, AT_TEXT);
    static const struct {
        const char *order; // of good and bad ones
        int steps;
        enum problem problem;
    } cases[] = {{"g", 2, PROBLEM_NONE},
                 {"bg", 4, PROBLEM_NONE},
                 {"gb", 3, PROBLEM_NONE},
                 {"bb", 4, PROBLEM_signature_invalid},
                 {"bbg", 4, PROBLEM_signature_invalid}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = 0;
        struct signature s;
        struct uuid id;
        for (const char *c = cases[i].order; *c; c++)
            len += (size_t)snprintf(header + len, sizeof(header) - len, "%sv1a,%s", len ? " " : "",
                                    *c == 'g' ? good : bad);
        const struct signature_headers h = {.webhook_id = STR("msg_1"),
                                            .webhook_timestamp = str_from(at),
                                            .webhook_signature = str_from(header)};
        ck_assert_int_eq(signature_parse(&h, &s), PROBLEM_NONE);
        struct signature_verifier v;
        signature_verifier_init(&v, &s, pointers, 2, 65536, STR_NULL);
        signature_verifier_update(&v, STR(BODY));
        int steps = 1;
        while (!signature_verifier_step(&v))
            steps++;
        ck_assert_int_eq(steps, cases[i].steps);
        ck_assert_int_eq(signature_verifier_finish(&v, &id), cases[i].problem);
        signature_verifier_release(&v);
        const struct signing_key *makers[SIGNATURE_KEYS_MAX];
        size_t count = signature_verifier_makers(&v, makers);
        ck_assert_uint_eq(count, cases[i].problem ? 0 : 1);
        ck_assert(cases[i].problem || makers[0] == &keys[1]);
    }
}
END_TEST

// Of secret keys all that signed.
START_TEST(signature__its_makers_are_told)
{
    struct signing_key keys[2];
    const struct signing_key *pointers[] = {&keys[0], &keys[1]};
    char made[2][SIGNATURE_VOX_TEXT_MAX], both[2 * SIGNATURE_VOX_TEXT_MAX];
    for (size_t i = 0; i < 2; i++) {
        keys[i] = (struct signing_key){0};
        signing_secret_generate(&keys[i]);
        signature_make_vox(&keys[i], STR("abcdefghij"), AT, STR(BODY), made[i]);
    }
    snprintf(both, sizeof(both), "%s%s", made[0], strstr(made[1], ",v1="));
    const char *const headers[] = {made[0], made[1], both};
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        const struct signature_headers h = {.vox = str_from(headers[i])};
        const struct signing_key *makers[SIGNATURE_KEYS_MAX];
        struct signature s;
        struct signature_verifier v;
        struct uuid id;
        ck_assert_int_eq(signature_parse(&h, &s), PROBLEM_NONE);
        signature_verifier_init(&v, &s, pointers, 2, 65536, STR_NULL);
        signature_verifier_update(&v, STR(BODY));
        ck_assert_int_eq(signature_verifier_finish(&v, &id), PROBLEM_NONE);
        signature_verifier_release(&v);
        ck_assert_uint_eq(signature_verifier_makers(&v, makers), i == 2 ? 2 : 1);
        ck_assert_ptr_eq(makers[0], &keys[i == 1]);
    }
}
END_TEST

START_TEST(signing_key__text)
{
    struct signing_key key, again;
    char secret[SIGNING_SECRET_TEXT_MAX], public[SIGNING_PUBLIC_TEXT_LEN + 1], pem[200];
    signing_secret_generate(&key);
    signing_secret_format(&key, secret);
    ck_assert(signing_secret_parse(str_from(secret), &again));
    ck_assert_mem_eq(&key, &again, sizeof(key));
    ck_assert(!signing_secret_parse(str_slice(secret, strlen(secret) - 1), &again));
    ck_assert(!signing_secret_parse(str_from(secret + 6), &again));
    ck_assert(!signing_secret_parse(STR("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="), &again)); // 22 bytes
    ck_assert(!signing_secret_parse(STR("whsec_"), &again));
    // RFC 8032 section 7.1, test 1, in three spellings.
    struct str base64 = STR("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    ck_assert(signing_public_parse(base64, &key));
    ck_assert_int_eq(key.kind, SIGNING_ED25519);
    signing_public_format(&key, public);
    ck_assert_str_eq(public, "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    ck_assert(signing_public_parse(str_from(public), &again));
    ck_assert_mem_eq(&key, &again, sizeof(key));
    snprintf(pem, sizeof(pem), "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA%.*s\n-----END PUBLIC KEY-----\n",
             STR_FMT(base64));
    ck_assert(signing_public_parse(str_from(pem), &again));
    ck_assert_mem_eq(&key, &again, sizeof(key));
    pem[40] ^= 1;
    ck_assert(!signing_public_parse(str_from(pem), &again));
    ck_assert(!signing_public_parse(STR(""), &again));
    ck_assert(!signing_public_parse(STR("-----BEGIN PUBLIC KEY-----"), &again));
}
END_TEST

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

CHECK_MAIN_WITH(setup, "signature", signature__foreign_vectors, signature__one_flipped_bit_is_refused,
                signature__presence, signature__a_replay_has_the_same_id, signature__public_ones_are_bounded,
                signature__its_makers_are_told, signing_key__text)
