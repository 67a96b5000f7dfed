// SPDX-License-Identifier: Apache-2.0
// One context of OpenSSL's, one fetched digest, one HMAC to copy.
#include "lib/wire/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <pthread.h>

static EVP_MD *sha256_method;
// Under a key of zeros: who starts an HMAC from nothing has its digest looked up by name each time, which is
// most of what a short one costs. A copy has it.
static EVP_MAC_CTX *hmac_model;
static pthread_once_t made = PTHREAD_ONCE_INIT;

static EVP_MAC_CTX *make_hmac(OSSL_LIB_CTX *context)
{
    char digest[] = "SHA256";
    const uint8_t zeros[32] = {0};
    const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    EVP_MAC *method = EVP_MAC_fetch(context, "HMAC", NULL);
    EVP_MAC_CTX *mac = method ? EVP_MAC_CTX_new(method) : NULL;
    EVP_MAC_free(method);
    if (mac && EVP_MAC_init(mac, zeros, sizeof(zeros), params) == 1)
        return mac;
    EVP_MAC_CTX_free(mac);
    return NULL;
}

// The context stays with the process: digest and HMAC need it.
static void make(void)
{
    OSSL_LIB_CTX *context = OSSL_LIB_CTX_new();
    if (!context)
        return;
    sha256_method = EVP_MD_fetch(context, "SHA256", NULL);
    hmac_model = make_hmac(context);
}

bool crypto_setup(void)
{
    pthread_once(&made, make);
    return sha256_method && hmac_model;
}

const EVP_MD *crypto_sha256(void)
{
    crypto_setup();
    return sha256_method;
}

EVP_MAC_CTX *crypto_hmac_new(const uint8_t *key, size_t len)
{
    crypto_setup();
    EVP_MAC_CTX *mac = hmac_model ? EVP_MAC_CTX_dup(hmac_model) : NULL;
    if (mac && EVP_MAC_init(mac, key, len, NULL) == 1)
        return mac;
    EVP_MAC_CTX_free(mac);
    return NULL;
}
