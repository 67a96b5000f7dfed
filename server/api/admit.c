// SPDX-License-Identifier: Apache-2.0
// Who is charged, what is said about it, and the 429.
#include "server/api/admit.h"

#define NSEC_PER_SEC  1000000000LL
#define NSEC_PER_USEC 1000LL
#define LINES_MAX     16 // of a forwarding header; the last ones count

// Whole seconds, none less than asked for and none of 0: a client that waited as told must be let in.
static long long seconds_up(int64_t ns)
{
    return MAX((ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC, 1LL);
}

// "burst" and two numbers by their letters.
static void write_burst(char room[static RATE_TEXT_MAX], const char *first, int64_t a, const char *second,
                        int64_t b)
{
    struct buf text;
    buf_init_fixed(&text, room, RATE_TEXT_MAX);
    buf_put_cstr(&text, "\"burst\";");
    buf_put_cstr(&text, first);
    buf_put_u64(&text, (uint64_t)a);
    buf_put_cstr(&text, second);
    buf_put_u64(&text, (uint64_t)b);
    buf_put_char(&text, '\0');
    BUG_ON(!buf_ok(&text));
}

// What the last answer said is most often what this one has to.
static const char *policy_text(struct rate_policy *policy, int64_t burst, int64_t window_s)
{
    if (policy->burst != burst || policy->window_s != window_s) {
        policy->burst = burst;
        policy->window_s = window_s;
        write_burst(policy->text, "q=", burst, ";w=", window_s);
    }
    return policy->text;
}

// draft-ietf-httpapi-ratelimit-headers: the burst, how much of it is left, and when there is more.
static void tell(struct api *api, struct http_request *request, const struct gcra_verdict *v)
{
    struct texts {
        char policy[RATE_TEXT_MAX], rate[RATE_TEXT_MAX];
    } *texts = arena_alloc(http_request_arena(request), sizeof(*texts));
    if (!texts)
        return;
    memcpy(texts->policy, policy_text(&api->policy, v->burst, seconds_up(v->window_ns)), RATE_TEXT_MAX);
    write_burst(texts->rate, "r=", v->remaining, ";t=", seconds_up(v->more_ns));
    http_request_set_header(request, "RateLimit-Policy", str_from(texts->policy));
    http_request_set_header(request, "RateLimit", str_from(texts->rate));
}

// The used-up quota of the day beside it: who reads RateLimit alone must not see room where there is none.
static void tell_used(struct http_request *request, const struct gcra_verdict *v, int64_t until_ns)
{
    const size_t size = RATE_TEXT_MAX + 64;
    char *text = arena_alloc(http_request_arena(request), size);
    if (!text)
        return;
    text[0] = '\0';
    if (v->limited)
        write_burst(text, "r=", v->remaining, ";t=", seconds_up(v->more_ns));
    size_t len = strlen(text);
    snprintf(text + len, size - len, "%s\"daily\";r=0;t=%lld", len ? ", " : "", seconds_up(until_ns));
    http_request_set_header(request, "RateLimit", str_from(text));
}

static void count(struct api *api, const char *reason, const char *outcome)
{
    metrics_add(api->metrics, METRIC_LIMITED, reason, outcome, 1);
}

static void refuse(struct http_request *request, enum problem problem, int64_t wait_ns)
{
    char text[32];
    snprintf(text, sizeof(text), "%lld", seconds_up(wait_ns));
    struct str value = arena_dup(http_request_arena(request), str_from(text));
    if (value.ptr)
        http_request_set_header(request, "Retry-After", value);
    http_reply_problem(request, problem, STR_NULL, NULL, 0);
}

static struct client_address address_of(struct api *api, const struct http_request *request)
{
    struct trusted_proxies trusted;
    enum forwarded_form form = FORWARDED_RFC7239;
    struct str lines[LINES_MAX];
    unsigned many = 0, first = 0;
    if (limiter_proxies(api->limiter, &trusted, &form)) {
        const char *name = form == FORWARDED_RFC7239 ? "Forwarded" : "X-Forwarded-For";
        (void)http_request_header(request, name, &many);
        first = many > LINES_MAX ? many - LINES_MAX : 0;
        for (unsigned i = first; i < many; i++)
            lines[i - first] = http_request_header_at(request, name, i);
    }
    struct client_address address =
        client_address_of(&trusted, http_request_peer(request), form, lines, many - first);
    return client_address_network(&address);
}

static struct gcra_verdict take_by_address(const struct auth *auth, enum limit_kind kind, int64_t n,
                                           bool may_wait)
{
    struct client_address address = address_of(auth->api, auth->request);
    return limiter_address(auth->api->limiter, &address, kind, n, may_wait);
}

static const char *whose(const struct auth *auth)
{
    return auth->token.id ? "token" : "address";
}

// The database's days are those of quotas.
static int32_t today(const struct auth *auth)
{
    return (int32_t)(auth_database_us(auth) / USEC_PER_DAY);
}

static int64_t to_midnight_ns(const struct auth *auth)
{
    int64_t into = auth_database_us(auth) % USEC_PER_DAY;
    return (USEC_PER_DAY - into) * NSEC_PER_USEC;
}

// True if nothing of it is left, and counts that.
static bool is_used(const struct auth *auth, enum limit_quota quota)
{
    if (quota != QUOTA_EVENTS_USED && quota != QUOTA_BYTES_USED)
        return false;
    count(auth->api, quota == QUOTA_EVENTS_USED ? "quota_events" : "quota_bytes", "refused");
    return true;
}

static struct gcra_verdict take_by_token(const struct auth *auth, int64_t n, bool may_wait, bool reads,
                                         enum limit_quota *ret_quota)
{
    struct limiter *limiter = auth->api->limiter;
    return reads ? limiter_token(limiter, &auth->token, LIMIT_REQUESTS, n, may_wait)
                 : limiter_request(limiter, &auth->token, auth_loaded_at(auth), today(auth), n, may_wait,
                                   ret_quota);
}

// `n` 0: would it be let in? What `reads` uses nothing of a quota.
static bool admit(const struct auth *auth, int64_t n, bool reads, struct admission *ret_admission)
{
    struct http_request *request = auth->request;
    struct api *api = auth->api;
    bool may_wait = http_request_keeps_alive(request) && !http_request_expects_continue(request);
    enum limit_quota quota = QUOTA_NONE;
    struct gcra_verdict verdict = auth->token.id ? take_by_token(auth, n, may_wait, reads, &quota)
                                                 : take_by_address(auth, LIMIT_REQUESTS, n, may_wait);
    if (verdict.limited)
        tell(api, request, &verdict);
    if (!verdict.admitted) {
        count(api, whose(auth), "refused");
        refuse(request, PROBLEM_rate_limited, verdict.wait_ns);
        return false;
    }
    if (is_used(auth, quota)) {
        int64_t until_ns = to_midnight_ns(auth);
        tell_used(request, &verdict, until_ns);
        refuse(request, PROBLEM_quota_exceeded, until_ns);
        return false;
    }
    *ret_admission = (struct admission){0};
    if (verdict.wait_ns && n) {
        count(api, whose(auth), "paced");
        ret_admission->due_at = clock_mono_us(api->clock) + verdict.wait_ns / NSEC_PER_USEC;
    }
    return true;
}

bool admit_request(const struct auth *auth, struct admission *ret_admission)
{
    return admit(auth, 1, false, ret_admission);
}

bool admit_read(const struct auth *auth, struct admission *ret_admission)
{
    return admit(auth, 1, true, ret_admission);
}

static bool admit_forgery(const struct auth *auth, int64_t n)
{
    struct client_address address = address_of(auth->api, auth->request);
    struct gcra_verdict verdict = limiter_forged(auth->api->limiter, &address, auth->token.id, n);
    if (!verdict.admitted) {
        count(auth->api, "signatures", "refused");
        refuse(auth->request, PROBLEM_rate_limited, verdict.wait_ns);
    }
    return verdict.admitted;
}

bool admit_signed(const struct auth *auth)
{
    struct admission unused;
    return admit_forgery(auth, 0) && admit(auth, 0, false, &unused);
}

bool admit_forged(const struct auth *auth)
{
    return admit_forgery(auth, 1);
}

bool admit_attempt(struct api *api, struct http_request *request)
{
    struct client_address address = address_of(api, request);
    struct gcra_verdict verdict = limiter_address(api->limiter, &address, LIMIT_REQUESTS, 1, false);
    if (verdict.limited)
        tell(api, request, &verdict);
    if (verdict.admitted)
        return true;
    count(api, "attempts", "refused");
    refuse(request, PROBLEM_rate_limited, verdict.wait_ns);
    return false;
}

enum problem admit_event(const struct auth *auth, bool may_wait, int64_t *ret_wait_us)
{
    struct limiter *limiter = auth->api->limiter;
    struct gcra_verdict verdict = auth->token.id
                                      ? limiter_token(limiter, &auth->token, LIMIT_EVENTS, 1, may_wait)
                                      : take_by_address(auth, LIMIT_EVENTS, 1, may_wait);
    *ret_wait_us = (verdict.wait_ns + NSEC_PER_USEC - 1) / NSEC_PER_USEC;
    if (!verdict.admitted) {
        count(auth->api, "events", "refused");
        return PROBLEM_rate_limited;
    }
    if (verdict.wait_ns)
        count(auth->api, "events", "paced");
    if (!is_used(auth, limiter_quota(limiter, &auth->token, auth_loaded_at(auth), today(auth))))
        return PROBLEM_NONE;
    *ret_wait_us = to_midnight_ns(auth) / NSEC_PER_USEC;
    return PROBLEM_quota_exceeded;
}

void admit_begin(const struct auth *auth, struct event *event)
{
    event->counted = limiter_has_quota(auth->api->limiter, &auth->token);
    if (event->counted)
        limiter_begin(auth->api->limiter, event->token_id, event->text.len);
}

void admit_end(struct api *api, const struct event *event)
{
    bool stored = event->outcome == EVENT_STORED;
    if (event->counted)
        limiter_end(api->limiter, event->token_id, event->text.len, stored,
                    stored ? (int32_t)(event->received_at / USEC_PER_DAY) : 0);
}
