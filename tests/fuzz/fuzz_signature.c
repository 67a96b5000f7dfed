// SPDX-License-Identifier: Apache-2.0
// Signature headers of both forms: what is read is in bounds, and what nobody signed is not verified.
//
// The input's lines are, in order, the four headers and the body.
#include "lib/wire/signature.h"

#include <sodium.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str line(struct str *rest)
{
    struct str text = rest->ptr ? str_cut(rest, '\n') : STR_NULL;
    return text.len ? text : STR_NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct signing_key keys[2];
    static const struct signing_key *const pointers[] = {&keys[0], &keys[1]};
    struct str rest = str_slice(data, size);
    struct signature_headers headers = {line(&rest), line(&rest), line(&rest), line(&rest)};
    struct signature s;
    struct uuid id;
    if (keys[0].len == 0) {
        BUG_ON(sodium_init() < 0);
        signing_secret_generate(&keys[0]);
        keys[1] = (struct signing_key){.kind = SIGNING_ED25519, .len = SIGNING_PUBLIC_LEN};
        randombytes_buf(keys[1].bytes, keys[1].len);
    }
    struct signing_key key;
    if (signing_secret_parse(rest, &key))
        BUG_ON(key.len < SIGNING_SECRET_MIN || key.len > SIGNING_SECRET_MAX);
    if (signing_public_parse(rest, &key))
        BUG_ON(key.len != SIGNING_PUBLIC_LEN);
    if (signature_parse(&headers, &s))
        return 0;
    BUG_ON(!signature_is_present(&headers));
    BUG_ON(s.mac_count + s.signed_count == 0 || s.mac_count + s.signed_count > LIMIT_SIGNATURES);
    BUG_ON(s.at < 0 || s.at_text.len == 0);
    BUG_ON(signature_fresh(&s, s.at * USEC_PER_SEC) != PROBLEM_NONE);
    struct signature_verifier v;
    signature_verifier_init(&v, &s, pointers, 2, 4096, STR("abcdefghij"));
    signature_verifier_update(&v, rest);
    BUG_ON(signature_verifier_finish(&v, &id) == PROBLEM_NONE);
    signature_verifier_release(&v);
    return 0;
}
