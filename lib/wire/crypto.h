// SPDX-License-Identifier: Apache-2.0
// SHA-256 and HMAC of OpenSSL, which uses the processor's instructions, made once and without its default
// context.
//
// OpenSSL's default library context, where memory was lacking for its making, is used all the same and ends
// the process; one of our own just is not there. crypto_setup() once in main() makes what all threads then
// share; false: memory is out, and what could not be made is NULL for good, so that a daemon had better start
// anew.
#ifndef VOX_WIRE_CRYPTO_H
#define VOX_WIRE_CRYPTO_H

#include "lib/base/base.h"

#include <openssl/evp.h>

bool crypto_setup(void);
const EVP_MD *crypto_sha256(void);
// An HMAC-SHA256 that has begun, for EVP_MAC_update() and EVP_MAC_final(); EVP_MAC_CTX_free() it. NULL when
// memory is out.
MUST_CHECK EVP_MAC_CTX *crypto_hmac_new(const uint8_t *key, size_t len);

#endif
