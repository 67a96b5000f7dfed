// SPDX-License-Identifier: Apache-2.0
// What the gate asks of one processor for one request, each part alone.
//
//     bench_gate BODY_FILE
//
// prints `token_ns` (the Authorization header against a table of 1,000 tokens), `vox_ns` and `webhooks_ns` (a
// signature of either form over the body, from the headers to the verdict), `limit_ns` (asked, then charged):
// each the least of several rounds.
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "server/gate/limit.h"
#include "server/gate/signature.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#define TOKENS 1000
#define ROUNDS 1000
#define TIMES  200

static struct token rows[TOKENS];
static struct gate_key key;
static struct token_table *table;
static struct limiter *limiter;
static const struct token *token;
static char authorization[16 + TOKEN_TEXT_LEN];
static struct str body;
static struct signature_headers vox, webhooks;
static int64_t now_us;

static void check_token(void)
{
    bool known_form;
    BUG_ON(gate_check(table, str_from(authorization), 1, 1, now_us, &token, &known_form) != PROBLEM_NONE);
}

static void check_signature(const struct signature_headers *headers)
{
    struct gate_signature g;
    struct uuid id;
    BUG_ON(gate_signature(token, headers, now_us, &g) != PROBLEM_NONE);
    struct signature_verifier v;
    gate_verifier_init(&v, &g, body.len);
    signature_verifier_update(&v, body);
    BUG_ON(signature_verifier_finish(&v, &id) != PROBLEM_NONE);
    signature_verifier_release(&v);
}

static void check_vox(void)
{
    check_signature(&vox);
}

static void check_webhooks(void)
{
    check_signature(&webhooks);
}

static void check_limit(void)
{
    BUG_ON(!limiter_token(limiter, token, LIMIT_REQUESTS, 0, true).admitted);
    BUG_ON(!limiter_token(limiter, token, LIMIT_REQUESTS, 1, true).admitted);
}

static void measure(const char *name, void (*one)(void))
{
    int64_t least = INT64_MAX;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t began = clock_mono_us(clock_system());
        for (int i = 0; i < TIMES; i++)
            one();
        least = MIN(least, clock_mono_us(clock_system()) - began);
    }
    printf("%s: %" PRIi64 "\n", name, least * 1000 / TIMES);
}

static void make_tokens(void)
{
    char text[TOKEN_TEXT_LEN + 1];
    struct str key_id, secret;
    randombytes_buf(key.key.bytes, 32);
    key.key.len = 32;
    key.not_after = INT64_MAX;
    memcpy(key.key.kid, "0123456789", SIGNING_KID_LEN);
    for (int i = 0; i < TOKENS; i++) {
        token_generate(text);
        BUG_ON(!token_parse(str_from(text), &key_id, &secret));
        rows[i] = (struct token){.id = i + 1,
                                 .project_id = 1,
                                 .scopes = SCOPE_INGEST,
                                 .expires_at = INT64_MAX,
                                 .signature = SIGNATURE_REQUIRED,
                                 .keys = &key,
                                 .key_count = 1};
        memcpy(rows[i].key_id, key_id.ptr, TOKEN_KEY_ID_LEN);
        token_hash(key_id, secret, rows[i].hash);
    }
    snprintf(authorization, sizeof(authorization), "Bearer %s", text);
    table = token_table_new(rows, TOKENS);
    BUG_ON(!table);
}

static void sign(void)
{
    static char vox_text[SIGNATURE_VOX_TEXT_MAX], webhook_text[SIGNATURE_WEBHOOK_TEXT_MAX], at[24];
    int64_t now = now_us / USEC_PER_SEC;
    snprintf(at, sizeof(at), "%" PRIi64, now);
    signature_make_vox(&key.key, str_slice(key.key.kid, SIGNING_KID_LEN), now, body, vox_text);
    signature_make_webhook(&key.key, STR("msg"), now, body, webhook_text);
    vox.vox = str_from(vox_text);
    webhooks.webhook_id = STR("msg");
    webhooks.webhook_timestamp = str_from(at);
    webhooks.webhook_signature = str_from(webhook_text);
}

int main(int argc, char **argv)
{
    const struct limit_settings settings = {.rate = 1000000000, .burst = 1000000000};
    struct buf file;
    struct err err;
    if (argc != 2) {
        fprintf(stderr, "usage: bench_gate BODY_FILE\n");
        return 2;
    }
    buf_init(&file, LIMIT_EVENT_BYTES);
    if (sodium_init() < 0 || !file_read_at(AT_FDCWD, argv[1], &file, &err) ||
        !limiter_new(&settings, clock_system(), &limiter, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    body = buf_str(&file);
    now_us = clock_wall_us(clock_system());
    make_tokens();
    sign();
    measure("token_ns", check_token);
    measure("vox_ns", check_vox);
    measure("webhooks_ns", check_webhooks);
    measure("limit_ns", check_limit);
    limiter_free(limiter);
    token_table_free(table);
    buf_release(&file);
    return 0;
}
