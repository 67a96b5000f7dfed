// SPDX-License-Identifier: Apache-2.0
// Picks the rate, finds the key's time, and asks gcra.c.
#include "server/gate/limit.h"

#include "server/gate/address_table.h"
#include "server/gate/token_states.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>

#define NSEC_PER_USEC 1000
#define SALT_NS       (USEC_PER_DAY * NSEC_PER_USEC)

struct limiter {
    const struct clock *clock;
    atomic_bool trusts;    // the settings name proxies
    atomic_bool counts;    // they have quotas for all tokens
    pthread_mutex_t mutex; // guards what follows
    struct limit_settings settings;
    struct token_states tokens;
    uint8_t salt[crypto_shorthash_KEYBYTES];
    int64_t salted_at;
    struct address_table addresses;
};

static bool trusts(const struct limit_settings *settings)
{
    return settings->trusted.local || settings->trusted.count > 0;
}

// What is looked at without the lock.
static void show(struct limiter *limiter)
{
    limiter->trusts = trusts(&limiter->settings);
    limiter->counts = limiter->settings.quota_events || limiter->settings.quota_bytes;
}

bool limiter_new(const struct limit_settings *settings, const struct clock *clock,
                 struct limiter **ret_limiter, struct err *err)
{
    struct limiter *limiter = calloc(1, sizeof(*limiter));
    if (!limiter)
        return err_set(err, "no memory for the limits");
    limiter->clock = clock;
    limiter->settings = *settings;
    show(limiter);
    limiter->salted_at = clock_mono_us(clock) * NSEC_PER_USEC;
    crypto_shorthash_keygen(limiter->salt);
    pthread_mutex_init(&limiter->mutex, NULL);
    *ret_limiter = limiter;
    return true;
}

void limiter_free(struct limiter *limiter)
{
    if (!limiter)
        return;
    token_states_release(&limiter->tokens);
    sodium_memzero(limiter->salt, sizeof(limiter->salt));
    pthread_mutex_destroy(&limiter->mutex);
    free(limiter);
}

void limiter_set(struct limiter *limiter, const struct limit_settings *settings)
{
    pthread_mutex_lock(&limiter->mutex);
    limiter->settings = *settings;
    show(limiter);
    pthread_mutex_unlock(&limiter->mutex);
}

// Takes the lock and tells the time.
static int64_t enter(struct limiter *limiter)
{
    int64_t now_ns = clock_mono_us(limiter->clock) * NSEC_PER_USEC;
    pthread_mutex_lock(&limiter->mutex);
    return now_ns;
}

static void leave(struct limiter *limiter)
{
    pthread_mutex_unlock(&limiter->mutex);
}

bool limiter_proxies(struct limiter *limiter, struct trusted_proxies *ret_trusted,
                     enum forwarded_form *ret_form)
{
    if (!limiter->trusts)
        return false;
    pthread_mutex_lock(&limiter->mutex);
    *ret_trusted = limiter->settings.trusted;
    *ret_form = limiter->settings.form;
    pthread_mutex_unlock(&limiter->mutex);
    return true;
}

static struct gcra_rate token_rate(const struct limit_settings *s, const struct token *token,
                                   enum limit_kind kind)
{
    if (kind == LIMIT_EVENTS)
        return gcra_rate_of(s->batch_rate * 1000, s->batch_burst);
    return gcra_rate_of(token->rate_milli ? token->rate_milli : s->rate * 1000,
                        token->burst ? token->burst : s->burst);
}

static struct gcra_verdict take(struct limiter *limiter, const struct token *token, enum limit_kind kind,
                                int64_t n, bool may_wait, int64_t now_ns)
{
    const struct limit_settings *s = &limiter->settings;
    struct gcra_rate rate = token_rate(s, token, kind);
    struct token_state *state =
        rate.interval_ns ? token_states_get(&limiter->tokens, token->id, now_ns) : NULL;
    if (!state) // without memory nobody is shut out
        return (struct gcra_verdict){.admitted = true};
    return gcra_take(&rate, &state->tats[kind], n, now_ns, may_wait ? s->pacing_us * NSEC_PER_USEC : 0,
                     s->pacing_many);
}

struct gcra_verdict limiter_token(struct limiter *limiter, const struct token *token, enum limit_kind kind,
                                  int64_t n, bool may_wait)
{
    int64_t now_ns = enter(limiter);
    struct gcra_verdict verdict = take(limiter, token, kind, n, may_wait, now_ns);
    leave(limiter);
    return verdict;
}

// What is counted by address.
struct address_key {
    uint8_t bytes[sizeof(((struct client_address *)0)->bytes)];
    uint32_t kind; // enum limit_kind
    uint32_t is_local;
    int32_t token_id; // of signatures that failed; else 0
};

// The same key for the same text, until the salt changes.
static uint64_t key_of(struct limiter *limiter, const struct client_address *address, enum limit_kind kind,
                       int32_t token_id, int64_t now_ns)
{
    struct address_key text = {.kind = kind, .is_local = address->is_local, .token_id = token_id};
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t key;
    if (now_ns - limiter->salted_at >= SALT_NS) {
        crypto_shorthash_keygen(limiter->salt);
        limiter->salted_at = now_ns;
    }
    memcpy(text.bytes, address->bytes, sizeof(text.bytes));
    crypto_shorthash(hash, (const uint8_t *)&text, sizeof(text), limiter->salt);
    memcpy(&key, hash, sizeof(key));
    sodium_memzero(&text, sizeof(text));
    return key;
}

struct gcra_verdict limiter_address(struct limiter *limiter, const struct client_address *address,
                                    enum limit_kind kind, int64_t n, bool may_wait)
{
    int64_t now_ns = enter(limiter);
    const struct limit_settings *s = &limiter->settings;
    struct gcra_rate rate = kind == LIMIT_EVENTS ? gcra_rate_of(s->batch_rate * 1000, s->batch_burst)
                                                 : gcra_rate_of(s->address_rate * 1000, s->address_burst);
    struct gcra_verdict verdict = {.admitted = true};
    if (rate.interval_ns)
        verdict = address_table_take(&limiter->addresses, key_of(limiter, address, kind, 0, now_ns), &rate, n,
                                     now_ns, may_wait ? s->pacing_us * NSEC_PER_USEC : 0, s->pacing_many);
    leave(limiter);
    return verdict;
}

struct gcra_verdict limiter_forged(struct limiter *limiter, const struct client_address *address,
                                   int32_t token_id, int64_t n)
{
    int64_t now_ns = enter(limiter);
    const struct limit_settings *s = &limiter->settings;
    struct gcra_rate rate = gcra_rate_of(s->address_rate * 1000, s->address_burst);
    struct gcra_verdict verdict = {.admitted = true};
    BUG_ON(token_id <= 0); // 0 is for what is no token's
    if (rate.interval_ns)
        verdict = address_table_take(&limiter->addresses,
                                     key_of(limiter, address, LIMIT_REQUESTS, token_id, now_ns), &rate, n,
                                     now_ns, 0, 0);
    leave(limiter);
    return verdict;
}

static int64_t own_or(int64_t own, int64_t otherwise)
{
    return own ? own : otherwise;
}

static enum limit_quota judge_quota(struct limiter *limiter, const struct token *token, int64_t loaded_at,
                                    int32_t today, int64_t now_ns)
{
    int64_t events = own_or(token->quota_events, limiter->settings.quota_events);
    int64_t bytes = own_or(token->quota_bytes, limiter->settings.quota_bytes);
    if (!events && !bytes)
        return QUOTA_NONE;
    struct token_state *state = token_states_get(&limiter->tokens, token->id, now_ns);
    if (!state)
        return QUOTA_LEFT;
    const struct quota_amount told = {token->used_events, token->used_bytes};
    quota_use_see(&state->quota, &told, token->used_on, loaded_at);
    struct quota_amount used = quota_use_of(&state->quota, today);
    if (events && used.events >= events)
        return QUOTA_EVENTS_USED;
    return bytes && used.bytes >= bytes ? QUOTA_BYTES_USED : QUOTA_LEFT;
}

bool limiter_has_quota(struct limiter *limiter, const struct token *token)
{
    return token->id && (token->quota_events || token->quota_bytes || limiter->counts);
}

enum limit_quota limiter_quota(struct limiter *limiter, const struct token *token, int64_t loaded_at,
                               int32_t today)
{
    if (token->id == 0)
        return QUOTA_NONE;
    int64_t now_ns = enter(limiter);
    enum limit_quota quota = judge_quota(limiter, token, loaded_at, today, now_ns);
    leave(limiter);
    return quota;
}

struct gcra_verdict limiter_request(struct limiter *limiter, const struct token *token, int64_t loaded_at,
                                    int32_t today, int64_t n, bool may_wait, enum limit_quota *ret_quota)
{
    int64_t now_ns = enter(limiter);
    struct gcra_verdict verdict = take(limiter, token, LIMIT_REQUESTS, n, may_wait, now_ns);
    *ret_quota = judge_quota(limiter, token, loaded_at, today, now_ns);
    leave(limiter);
    return verdict;
}

void limiter_begin(struct limiter *limiter, int32_t token_id, uint64_t bytes)
{
    int64_t now_ns = enter(limiter);
    struct token_state *state = token_states_get(&limiter->tokens, token_id, now_ns);
    if (state)
        quota_use_begin(&state->quota, bytes);
    leave(limiter);
}

void limiter_end(struct limiter *limiter, int32_t token_id, uint64_t bytes, bool stored, int32_t day)
{
    int64_t now_ns = enter(limiter);
    struct token_state *state = token_states_get(&limiter->tokens, token_id, now_ns);
    if (state) {
        quota_use_end(&state->quota, bytes);
        if (stored)
            quota_use_stored(&state->quota, bytes, day, now_ns / NSEC_PER_USEC);
    }
    leave(limiter);
}

bool limiter_use_is_due(struct limiter *limiter, const struct token *token)
{
    int64_t now_ns = enter(limiter);
    struct token_state *state = token_states_get(&limiter->tokens, token->id, now_ns);
    bool due = state && now_ns - state->noted_at >= TOKEN_USE_NOTED_NS;
    if (due)
        state->noted_at = now_ns;
    leave(limiter);
    return due;
}
