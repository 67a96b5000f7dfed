// SPDX-License-Identifier: Apache-2.0
// Token text: what is accepted is whole and of the right letters.
#include "lib/wire/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_slice(data, size), key, secret;
    uint8_t hash[SHA256_LEN];
    if (!token_parse(text, &key, &secret))
        return 0;
    BUG_ON(size != TOKEN_TEXT_LEN || key.len != TOKEN_KEY_ID_LEN || secret.len != TOKEN_SECRET_LEN);
    BUG_ON(key.ptr < text.ptr || secret.ptr + secret.len >= text.ptr + text.len);
    for (size_t i = 0; i < size; i++)
        BUG_ON(!char_is_digit(text.ptr[i]) && !char_is_alpha(text.ptr[i]) && text.ptr[i] != '_');
    token_hash(key, secret, hash);
    return 0;
}
