// SPDX-License-Identifier: Apache-2.0
// vox-telemetry status: what waits, where, and what upload would do with it.
#include "client/common.h"
#include "client/consent.h"
#include "client/settings.h"
#include "client/style.h"
#include "client/text.h"
#include "lib/base/clock.h"
#include "lib/spool/kept.h"
#include "lib/spool/limits.h"

static const char *const source_words[] = {
    [SPOOL_FROM_OPTION] = "option",
    [SPOOL_FROM_ENVIRONMENT] = "environment",
    [SPOOL_FROM_REPOSITORY] = "repository",
    [SPOOL_FROM_HOME] = "home",
};

struct state {
    struct spool_place place;
    bool exists;
    struct spool_count counts[SPOOL_FOLDERS];
    struct spool_kept_count kept;
    struct spool_dropped dropped;
    uint64_t held; // by consent
    bool url_ok, token_ok, may_send;
    struct endpoint endpoint;
    struct err url_error, token_error, consent_error;
    const char *token_source;
    char shown_url[URL_MAX_BYTES];
    char token[TOKEN_MASK_BYTES]; // empty: none
};

static bool count_older(struct spool *spool, int64_t before_us, uint64_t *ret_count, struct err *err)
{
    const char *name;
    uint64_t count = 0;
    bool ok;
    struct spool_iter *iter = spool_iter_new(spool, SPOOL_PENDING);
    if (!iter)
        return err_set(err, "out of memory");
    while ((ok = spool_iter_next(iter, &name, err)) && name) {
        int64_t time_us;
        struct err why;
        if (spool_age_of(spool, SPOOL_PENDING, name, &time_us, &why) == SPOOL_AGAIN_DONE)
            count += time_us < before_us;
    }
    spool_iter_free(iter);
    *ret_count = count;
    return ok;
}

static bool collect_spool(struct spool *spool, struct state *state, struct err *err)
{
    int64_t not_before_us = INT64_MIN;
    bool ok = true;
    state->exists = spool_exists(spool);
    for (size_t i = 0; ok && i < SPOOL_FOLDERS; i++)
        ok = spool_count(spool, (enum spool_folder)i, &state->counts[i], err);
    ok = ok && spool_kept_count(spool, &state->kept, err) && spool_dropped(spool, &state->dropped, err);
    state->may_send = consent_gate(&not_before_us, &state->consent_error);
    if (ok && state->may_send && not_before_us != INT64_MIN)
        ok = count_older(spool, not_before_us, &state->held, err);
    return ok;
}

static bool collect(const struct options *options, struct state *state, struct err *err)
{
    struct spool *spool;
    struct token token;
    if (!open_spool(options, false, &state->place, &spool, err))
        return false;
    bool ok = collect_spool(spool, state, err);
    spool_close(spool);
    state->url_ok = settings_endpoint(options->url, options->allow_http, &state->endpoint, &state->url_error);
    if (state->url_ok)
        endpoint_shown(&state->endpoint, state->shown_url);
    state->token_ok = settings_token(&token, &state->token_error);
    if (state->token_ok) {
        state->token_source = token.source;
        if (token.text.len)
            token_mask(buf_str(&token.text), state->token);
        token_release(&token);
    }
    return ok;
}

static const char *next_step(const struct state *state)
{
    if (!state->counts[SPOOL_PENDING].entries)
        return "nothing to upload";
    if (!state->may_send)
        return "nothing is sent as things are; see Consent";
    if (!state->url_ok || !state->token_ok)
        return "mend what is named above";
    if (!state->shown_url[0])
        return "set VOX_TELEMETRY_UPLOAD_URL, then vox-telemetry upload";
    if (state->held == state->counts[SPOOL_PENDING].entries)
        return "vox-telemetry upload --include-older sends what is held";
    return "vox-telemetry upload (--dry-run shows what it would send)";
}

static void put_name(const char *name, enum style which)
{
    printf("%s%-9s%s ", style(stdout, which), name, style(stdout, STYLE_PLAIN));
}

static void put_error(const char *name, const struct err *error)
{
    put_name(name, STYLE_BAD);
    text_put_wrapped(stdout, str_from(error->text), sizeof(error->text), 10, 10);
}

// A count with what it means, left out where it is 0 and `always` is off.
static void put_count(const char *name, uint64_t n, const char *text, bool always)
{
    char count[TEXT_SHORT];
    if (!n && !always)
        return;
    text_count(n, count);
    put_name(name, n ? STYLE_WARN : STYLE_BOLD);
    printf("%s%s%s\n", count, n ? "  " : "", n ? text : "");
}

static void put_pending(const struct spool_count *pending)
{
    char count[TEXT_SHORT], bytes[TEXT_SHORT], age[TEXT_SHORT];
    text_count(pending->entries, count);
    text_bytes(pending->bytes, bytes);
    put_name("Pending", STYLE_BOLD);
    printf("%s", count);
    if (pending->entries) {
        text_age(clock_wall_us(clock_system()) - pending->oldest_us, age);
        printf("  %s, the oldest %s old", bytes, age);
    }
    putchar('\n');
    put_count("", pending->ignored, "other files (.*, #*#, *~, *.tmp, *.part …), left alone", false);
    put_count("", pending->young, "without .json, wait until they are a minute old", false);
}

static void put_states(const struct state *state)
{
    char text[96], bytes[TEXT_SHORT];
    put_pending(&state->counts[SPOOL_PENDING]);
    put_count("Held", state->held, "older than your consent; upload --include-older", false);
    put_count("Kept", state->kept.unknown_contract,
              "unknown_contract: wait for the sink's contracts to change", false);
    put_count("", state->kept.contract_not_allowed + state->kept.class_not_allowed,
              "not allowed there; once a day again, or retry --state kept", false);
    put_count("Rejected", state->counts[SPOOL_REJECTED].entries, "by a sink; see rejected/*.answer", true);
    put_count("Bad", state->counts[SPOOL_BAD].entries, "not one JSON object; see bad/*.reason", true);
    text_bytes(state->dropped.bytes, bytes);
    snprintf(text, sizeof(text), "(%s) by enqueue --drop-oldest", bytes);
    put_count("Dropped", state->dropped.entries, text, false);
}

static void put_text(const struct state *state)
{
    put_name("Spool", STYLE_BOLD);
    text_put_safe(stdout, str_from(state->place.path), SPOOL_PATH_MAX);
    printf("\n%-9s %s%s%s%s\n", "", style(stdout, STYLE_DIM), source_text(state->place.source),
           state->exists ? "" : "; not there yet", style(stdout, STYLE_PLAIN));
    put_states(state);
    if (!state->may_send)
        put_error("Consent", &state->consent_error);
    if (!state->url_ok) {
        put_error("URL", &state->url_error);
    } else {
        put_name("URL", STYLE_BOLD);
        if (state->shown_url[0])
            printf("%s (%s)\n", state->shown_url, state->endpoint.source);
        else
            printf("none\n");
    }
    if (!state->token_ok) {
        put_error("Token", &state->token_error);
    } else {
        put_name("Token", STYLE_BOLD);
        if (state->token[0])
            printf("%s (%s)\n", state->token, state->token_source);
        else
            printf("none\n");
    }
    put_name("Next", STYLE_BOLD);
    printf("%s\n", next_step(state));
}

static void put_folder(struct json_writer *w, const char *key, const struct spool_count *count)
{
    char at[RFC3339_LEN + 1];
    json_key(w, key);
    json_begin_object(w);
    json_u64(w, "entries", count->entries);
    json_u64(w, "bytes", count->bytes);
    json_u64(w, "ignored", count->ignored);
    json_u64(w, "young", count->young);
    bool has_time = count->entries && spool_time_can_be_said(count->oldest_us);
    if (has_time)
        rfc3339_format(count->oldest_us, at);
    json_str(w, "oldest", has_time ? str_from(at) : STR_NULL);
    json_end_object(w);
}

static void put_kept(struct json_writer *w, const struct state *state)
{
    json_key(w, "kept");
    json_begin_object(w);
    json_u64(w, "unknown_contract", state->kept.unknown_contract);
    json_u64(w, "contract_not_allowed", state->kept.contract_not_allowed);
    json_u64(w, "class_not_allowed", state->kept.class_not_allowed);
    json_end_object(w);
    json_u64(w, "held", state->held);
    json_key(w, "dropped");
    json_begin_object(w);
    json_u64(w, "entries", state->dropped.entries);
    json_u64(w, "bytes", state->dropped.bytes);
    json_end_object(w);
}

static void put_json(const struct state *state)
{
    struct buf buf;
    struct json_writer w;
    buf_init(&buf, 64 * 1024);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "spool", str_from(state->place.path));
    json_str(&w, "spool_source", str_from(source_words[state->place.source]));
    json_bool(&w, "exists", state->exists);
    put_folder(&w, "pending", &state->counts[SPOOL_PENDING]);
    put_folder(&w, "rejected", &state->counts[SPOOL_REJECTED]);
    put_folder(&w, "bad", &state->counts[SPOOL_BAD]);
    put_kept(&w, state);
    json_bool(&w, "may_send", state->may_send);
    json_str(&w, "refused_because", state->may_send ? STR_NULL : str_from(state->consent_error.text));
    json_str(&w, "url", state->shown_url[0] ? str_from(state->shown_url) : STR_NULL);
    json_str(&w, "url_error", state->url_ok ? STR_NULL : str_from(state->url_error.text));
    json_str(&w, "token", state->token[0] ? str_from(state->token) : STR_NULL);
    json_str(&w, "token_error", state->token_ok ? STR_NULL : str_from(state->token_error.text));
    json_str(&w, "next", str_from(next_step(state)));
    json_end_object(&w);
    printf("%.*s\n", STR_FMT(buf_str(&buf)));
    buf_release(&buf);
}

static enum client_exit run(const struct options *options)
{
    struct state state = {0};
    struct err err;
    if (!collect(options, &state, &err))
        return complain(EXIT_IS_CONFIG, &err);
    if (options->json)
        put_json(&state);
    else
        put_text(&state);
    return EXIT_IS_OK;
}

static const struct option_row option_rows[] = {
    OPTION_SPOOL,
    OPTION("url", "URL", url, "where upload would send, instead of the configured URL"),
    OPTION("allow-http", NULL, allow_http, "take an http URL of another machine"),
    OPTION("json", NULL, json, "as one JSON object"),
};
static const enum client_exit exits[] = {EXIT_IS_OK, EXIT_IS_USAGE, EXIT_IS_CONFIG, EXIT_IS_IO};

const struct command cmd_status = {
    .name = "status",
    .summary = "Show what waits in the spool and where it would go",
    COMMAND_TABLES(option_rows, exits),
    .run = run,
};
