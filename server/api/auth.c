// SPDX-License-Identifier: Apache-2.0
// Judging by the snapshot at hand, then by a fresh one.
#include "server/api/auth.h"

#include "server/api/admit.h"

#include <sodium.h>

// The newest that the request holds.
static struct snapshot *tokens_of(const struct auth *a)
{
    return a->renewed ? a->renewed : a->snapshot;
}

int64_t auth_loaded_at(const struct auth *a)
{
    return tokens_of(a)->loaded_at;
}

int64_t auth_database_us(const struct auth *a)
{
    return clock_mono_us(a->api->clock) + tokens_of(a)->database_offset;
}

static int64_t tokens_age_us(const struct auth *a)
{
    return clock_mono_us(a->api->clock) - auth_loaded_at(a);
}

// A token may have been revoked since. The catalog tries by itself to read again.
static bool is_too_old(const struct auth *a)
{
    int64_t limit = a->api->token_age_us;
    return limit && tokens_age_us(a) > limit;
}

static enum problem judge(struct auth *a, bool *ret_known_form)
{
    unsigned count;
    const struct token *token;
    struct snapshot *s = tokens_of(a);
    struct str header = http_request_header(a->request, "Authorization", &count);
    *ret_known_form = false;
    a->wall_us = clock_wall_us(a->api->clock);
    if (!s->tokens)
        return PROBLEM_not_ready; // nothing was ever loaded
    if (count == 0 && a->allow_open && s->has_open_project) {
        if (is_too_old(a))
            return PROBLEM_database_unavailable;
        a->token = s->open_token;
        return PROBLEM_NONE;
    }
    enum problem problem =
        gate_check(s->tokens, header, count, a->scopes, a->wall_us, &token, ret_known_form);
    if (problem == PROBLEM_NONE && is_too_old(a))
        problem = PROBLEM_database_unavailable;
    if (!problem)
        a->token = *token;
    return problem;
}

static enum auth_result let_in(struct auth *a)
{
    if (a->token.id && limiter_use_is_due(a->api->limiter, &a->token))
        catalog_note_use(a->api->catalog, a->token.id, a->wall_us);
    return AUTH_OK;
}

enum auth_result auth_begin(struct auth *a, struct api *api, struct http_request *request, unsigned scopes,
                            bool allow_open)
{
    bool known_form;
    a->request = request;
    a->api = api;
    a->scopes = scopes;
    a->allow_open = allow_open;
    a->snapshot = catalog_get(api->catalog);
    enum problem problem = judge(a, &known_form);
    if (!problem)
        return let_in(a);
    bool unjudged = problem == PROBLEM_not_ready || problem == PROBLEM_database_unavailable;
    if (!unjudged && !admit_attempt(api, request))
        return AUTH_ANSWERED;
    if (problem == PROBLEM_token_invalid && known_form)
        return AUTH_REFRESH;
    http_reply_problem(request, problem, STR_NULL, NULL, 0);
    return AUTH_ANSWERED;
}

static void on_refreshed(struct catalog_waiter *waiter, bool fresh)
{
    struct auth *a = CONTAINER_OF(waiter, struct auth, waiter);
    a->fresh = fresh;
    http_wake(a->request);
}

void auth_refresh(struct auth *a, http_handler *resume)
{
    a->waiter.done = on_refreshed;
    http_park(a->request, resume);
    catalog_await(a->api->catalog, &a->waiter);
}

enum auth_result auth_again(struct auth *a)
{
    bool known_form;
    snapshot_unref(a->snapshot);
    a->snapshot = catalog_get(a->api->catalog);
    enum problem problem = judge(a, &known_form);
    if (!problem)
        return let_in(a);
    // Without word from the database nobody can say that the token is bad: the client must keep what it has.
    if (problem == PROBLEM_token_invalid && !a->fresh)
        problem = PROBLEM_database_unavailable;
    http_reply_problem(a->request, problem, STR_NULL, NULL, 0);
    return AUTH_ANSWERED;
}

static bool is_over(const struct auth *a)
{
    return a->token.expires_at != INT64_MAX && clock_wall_us(a->api->clock) >= a->token.expires_at;
}

// Of tokens that were read before the request began nobody can say that one is over: its end may have been
// put off since.
static enum problem judge_again(struct auth *a)
{
    bool known_form;
    enum problem problem = judge(a, &known_form);
    if (problem != PROBLEM_token_invalid || auth_loaded_at(a) > http_request_began_at(a->request))
        return problem;
    catalog_refresh(a->api->catalog);
    return PROBLEM_not_ready;
}

enum problem auth_renew(struct auth *a)
{
    if (catalog_is_current(a->api->catalog, tokens_of(a)))
        return is_over(a) || is_too_old(a) ? judge_again(a) : PROBLEM_NONE;
    struct snapshot *before = a->renewed; // the token's texts lie there until it is read anew
    a->renewed = catalog_get(a->api->catalog);
    enum problem problem = judge_again(a);
    snapshot_unref(problem ? a->renewed : before);
    if (problem)
        a->renewed = before;
    return problem;
}

// Were the tokens read again since this one was first asked for? If not, that it was asked for is noted. Two
// that share a slot push each other out: then they are asked to come again, which is true of both.
static bool asked_before_load(struct auth *a)
{
    struct asked_tokens *asked = &a->api->asked;
    struct str header = http_request_header(a->request, "Authorization", NULL);
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t name;
    crypto_shorthash(hash, (const uint8_t *)header.ptr, header.len, asked->key);
    memcpy(&name, hash, sizeof(name));
    struct asked_token *slot = &asked->slots[name % ARRAY_LEN(asked->slots)];
    if (slot->name == name && slot->at)
        return a->snapshot->loaded_at > slot->at;
    *slot = (struct asked_token){.name = name, .at = clock_mono_us(a->api->clock)};
    return false;
}

void auth_refuse_stranger(struct auth *a)
{
    if (asked_before_load(a)) {
        http_reply_problem(a->request, PROBLEM_token_invalid, STR_NULL, NULL, 0);
        return;
    }
    catalog_refresh(a->api->catalog);
    http_reply_problem(a->request, PROBLEM_not_ready,
                       STR("The token is not known yet; the tokens are being read again. Wait as "
                           "Retry-After says, then send again."),
                       NULL, 0);
}

void auth_release(struct auth *a)
{
    snapshot_unref(a->renewed);
    snapshot_unref(a->snapshot);
    a->renewed = NULL;
    a->snapshot = NULL;
}
