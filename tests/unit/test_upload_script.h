// SPDX-License-Identifier: Apache-2.0
// A sink that answers by a script, and a spool to send from.
#ifndef VOX_TESTS_UNIT_TEST_UPLOAD_SCRIPT_H
#define VOX_TESTS_UNIT_TEST_UPLOAD_SCRIPT_H

#include "client/upload.h"
#include "test_spool_temp.h"

#include "lib/wire/problem.h"

#include <sodium.h>

#define JSON "application/json"
#define HTML "text/html"

// One answer of the script. `body` "receipt" or "duplicate" is made from the request, "other" names another.
struct step {
    enum http_result result;
    int status;
    const char *type, *body;
    enum problem problem;
    int64_t retry_after_s; // 0: not said
};
#define CREATED                             \
    {                                       \
        HTTP_ANSWERED, 201, JSON, "receipt" \
    }
#define DUPLICATE                             \
    {                                         \
        HTTP_ANSWERED, 200, JSON, "duplicate" \
    }
#define REFUSED(p)                            \
    {                                         \
        HTTP_ANSWERED, .problem = PROBLEM_##p \
    }
#define AFTER(p, s)                                                 \
    {                                                               \
        HTTP_ANSWERED, .problem = PROBLEM_##p, .retry_after_s = (s) \
    }
#define PAGE(status)                                        \
    {                                                       \
        HTTP_ANSWERED, (status), HTML, "<html>hello</html>" \
    }
#define DOWN             \
    {                    \
        HTTP_UNREACHABLE \
    }

struct script {
    const struct step *steps;
    size_t count, next;
    unsigned posts, waits, gets;
    const char *contract_set; // what /version says; NULL: there is no such page
    int64_t waited_us, longest_us;
    char ids[64][UUID_TEXT_LEN + 3]; // Idempotency-Key of each post
    char authorization[128], at[64];
    struct buf last_body;
    bool overran;
};

static volatile sig_atomic_t stop;

static inline const char *header(const struct http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (strcmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    return NULL;
}

static inline void put_receipt(struct http_reply *reply, const struct http_request *request, const char *kind)
{
    uint8_t digest[SHA256_LEN];
    char hex[SHA256_HEX_LEN + 1], id[UUID_TEXT_LEN + 1];
    bool other = strcmp(kind, "other") == 0;
    memcpy(id, header(request, "Idempotency-Key") + 1, UUID_TEXT_LEN);
    id[UUID_TEXT_LEN] = '\0';
    sha256(request->body, digest);
    if (other) {
        id[0] = id[0] == '0' ? '1' : '0';
        digest[0] ^= 1;
    }
    sha256_hex(digest, hex);
    buf_putf(&reply->body,
             "{\"event_id\":\"%s\",\"contract\":\"a.v1\",\"received_at\":\"2026-01-01T00:00:00Z\",\"sha256\":"
             "\"%s\",\"duplicate\":%s}",
             id, hex, strcmp(kind, "duplicate") == 0 ? "true" : "false");
    if (strcmp(kind, "truncated") == 0)
        reply->body.len /= 2;
}

static inline enum http_result play_version(struct script *script, const struct http_request *request,
                                            struct http_reply *reply)
{
    script->gets++;
    ck_assert_ptr_nonnull(strstr(request->url, "/version"));
    ck_assert_ptr_null(header(request, "Authorization"));
    reply->complete = true;
    reply->status = script->contract_set ? 200 : 404;
    if (script->contract_set)
        buf_putf(&reply->body, "{\"name\":\"vox-sink\",\"contract_set\":\"%s\"}", script->contract_set);
    return HTTP_ANSWERED;
}

static inline enum http_result play(void *context, const struct http_request *request,
                                    struct http_reply *reply)
{
    struct script *script = context;
    if (request->get)
        return play_version(script, request, reply);
    if (script->next == script->count) {
        script->overran = true;
        return HTTP_MISCONFIGURED;
    }
    const struct step *step = &script->steps[script->next++];
    const char *at = header(request, "X-Vox-Telemetry-At"), *auth = header(request, "Authorization");
    const char *key = header(request, "Idempotency-Key");
    if (key)
        snprintf(script->ids[script->posts % 64], sizeof(script->ids[0]), "%s", key);
    script->posts++;
    snprintf(script->authorization, sizeof(script->authorization), "%s", auth ? auth : "");
    snprintf(script->at, sizeof(script->at), "%s", at ? at : "");
    buf_clear(&script->last_body);
    buf_put_str(&script->last_body, request->body);
    if (step->result != HTTP_ANSWERED) {
        err_set(&reply->why, "nobody is there");
        return step->result;
    }
    reply->complete = true;
    reply->status = step->problem ? problem_info(step->problem)->status : step->status;
    snprintf(reply->content_type, sizeof(reply->content_type), "%s",
             step->problem ? "application/problem+json"
             : step->type  ? step->type
                           : "");
    if (step->retry_after_s)
        reply->retry_after_s = step->retry_after_s;
    if (step->problem)
        problem_write(&reply->body, step->problem, STR_NULL, STR_NULL, NULL, 0);
    else if (step->type && strcmp(step->type, JSON) == 0)
        put_receipt(reply, request, step->body);
    else if (step->body)
        buf_put_cstr(&reply->body, step->body);
    if (step->status >= 300 && step->status < 400)
        snprintf(reply->location, sizeof(reply->location), "https://elsewhere.example/");
    return HTTP_ANSWERED;
}

static inline bool play_wait(void *context, int64_t us)
{
    struct script *script = context;
    script->waits++;
    script->waited_us += us;
    script->longest_us = MAX(script->longest_us, us);
    return true;
}

// With what `more` sets beyond it; may be NULL.
static inline struct upload run_with(struct spool *spool, struct script *script,
                                     const struct transport *transport, const struct upload *more)
{
    static const struct upload_sight blind;
    struct upload upload = {
        .spool = spool,
        .transport = transport,
        .clock = clock_system(),
        .sight = &blind,
        .url = "https://sink.example/v1/events",
        .token = STR("secret"),
        .user_agent = "vox-telemetry/test",
        .not_before_us = more ? more->not_before_us : INT64_MIN,
        .keeper = more ? more->keeper : NULL,
        .sent = more ? more->sent : NULL,
        .stop = &stop,
    };
    buf_init(&script->last_body, SPOOL_FILE_BYTES);
    upload_run(&upload);
    ck_assert_msg(!script->overran, "more requests than the script has answers");
    ck_assert_uint_eq(script->next, script->count);
    buf_release(&script->last_body);
    return upload;
}

static inline struct upload run(struct spool *spool, struct script *script)
{
    const struct transport transport = {play, play_wait, script};
    return run_with(spool, script, &transport, NULL);
}

static inline void script_setup(void)
{
    BUG_ON(sodium_init() < 0);
}

static inline struct spool *spool_of(unsigned entries)
{
    char path[128];
    temp_enter();
    stop = 0;
    struct spool *spool = temp_spool(true);
    for (unsigned i = 0; i < entries; i++) {
        snprintf(path, sizeof(path), "spool/pending/018f0000-0000-7000-8000-%012u.json", i);
        temp_write(path, "{ \"n\" : 1 }");
    }
    return spool;
}

static inline void done(struct spool *spool)
{
    spool_close(spool);
    temp_leave();
}

#endif
