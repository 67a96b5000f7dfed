// SPDX-License-Identifier: Apache-2.0
// Signature headers taken from a request, and its raw body given to a verifier.
#include "server/api/sign.h"

#include "lib/wire/names.h"
#include "server/api/admit.h"

static struct str header(const struct http_request *request, const char *name, bool *twice)
{
    unsigned count;
    struct str value = http_request_header(request, name, &count);
    *twice = *twice || count > 1;
    return count ? str_trim(value) : STR_NULL;
}

enum problem sign_begin(struct sign *sign, const struct http_request *request, const struct token *token,
                        int64_t now_us, size_t body_max)
{
    bool twice = false;
    const struct signature_headers headers = {
        .vox = header(request, HEADER_SIGNATURE, &twice),
        .webhook_id = header(request, HEADER_WEBHOOK_ID, &twice),
        .webhook_timestamp = header(request, HEADER_WEBHOOK_AT, &twice),
        .webhook_signature = header(request, HEADER_WEBHOOK_SIGN, &twice),
    };
    sign->body_max = body_max;
    enum problem problem = gate_signature(token, &headers, now_us, &sign->gate);
    return !problem && sign->gate.wanted && twice ? PROBLEM_signature_malformed : problem;
}

// When the first bytes are there, so that a client that only says who it is costs nothing.
static void ensure_verifier(struct sign *sign)
{
    if (sign->begun)
        return;
    sign->begun = true;
    if (sign->has_own_id)
        sign->gate.name = STR_NULL;
    gate_verifier_init(&sign->verifier, &sign->gate, sign->body_max);
}

void sign_body(struct sign *sign, struct str raw)
{
    if (!sign->gate.wanted)
        return;
    ensure_verifier(sign);
    signature_verifier_update(&sign->verifier, raw);
}

bool sign_step(struct sign *sign)
{
    return !sign->begun || signature_verifier_step(&sign->verifier);
}

enum problem sign_end(struct sign *sign)
{
    if (!sign->gate.wanted)
        return PROBLEM_NONE;
    ensure_verifier(sign);
    enum problem problem = signature_verifier_finish(&sign->verifier, &sign->id);
    if (!problem)
        sign->maker_count = signature_verifier_makers(&sign->verifier, sign->makers);
    sign->has_id = !problem && !sign->has_own_id && sign->gate.signature.form == SIGNATURE_VOX;
    sign_release(sign); // an Ed25519 body need not be held twice any longer
    return gate_signature_failed(&sign->gate, problem);
}

enum problem sign_renew(const struct sign *sign, const struct auth *auth)
{
    const struct token *token = &auth->token;
    if (token->signature == SIGNATURE_OFF)
        return PROBLEM_NONE;
    if (sign->gate.wanted) {
        int64_t now = clock_wall_us(auth->api->clock);
        bool counts = gate_key_counts(token, sign->makers, sign->maker_count, now);
        return counts ? PROBLEM_NONE : PROBLEM_signature_invalid;
    }
    if (sign->gate.present)
        return PROBLEM_not_ready;
    return token->signature == SIGNATURE_REQUIRED ? PROBLEM_signature_missing : PROBLEM_NONE;
}

void sign_refuse(const struct auth *auth, enum problem problem)
{
    struct str detail =
        STR("A signing key of the token cannot be opened by this server just now; its log says why. "
            "Wait as Retry-After says, then send again.");
    bool failed = problem != PROBLEM_not_ready && problem != PROBLEM_overloaded;
    if (!failed || admit_forged(auth))
        http_reply_problem(auth->request, problem, problem == PROBLEM_not_ready ? detail : STR_NULL, NULL, 0);
}

void sign_release(struct sign *sign)
{
    if (sign->begun)
        signature_verifier_release(&sign->verifier);
    sign->begun = false;
}
