// SPDX-License-Identifier: Apache-2.0
// vox-telemetry status: what waits, where, and what upload would do with it.
#include "client/common.h"
#include "client/settings.h"
#include "client/text.h"
#include "lib/base/clock.h"

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
    bool url_ok, token_ok;
    struct endpoint endpoint;
    struct err url_error, token_error;
    const char *token_source;
    char token[TOKEN_MASK_BYTES]; // empty: none
};

static bool collect(const struct options *options, struct state *state, struct err *err)
{
    struct spool *spool;
    struct token token;
    if (!open_spool(options, false, &state->place, &spool, err))
        return false;
    bool ok = true;
    state->exists = spool_exists(spool);
    for (size_t i = 0; ok && i < SPOOL_FOLDERS; i++)
        ok = spool_count(spool, (enum spool_folder)i, &state->counts[i], err);
    spool_close(spool);
    state->url_ok = settings_endpoint(options->url, options->allow_http, &state->endpoint, &state->url_error);
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
    if (!state->url_ok || !state->token_ok)
        return "mend what is named above";
    if (!state->endpoint.url[0])
        return "set VOX_TELEMETRY_UPLOAD_URL, then vox-telemetry upload";
    return "vox-telemetry upload --dry-run shows what would be sent; upload sends it";
}

static void put_error(const char *name, const struct err *error)
{
    printf("%-9s not usable: ", name);
    text_put_safe(stdout, str_from(error->text), sizeof(error->text));
    putchar('\n');
}

static void put_text(const struct state *state)
{
    const struct spool_count *pending = &state->counts[SPOOL_PENDING];
    char count[TEXT_SHORT], bytes[TEXT_SHORT], age[TEXT_SHORT];
    printf("%-9s ", "Spool");
    text_put_safe(stdout, str_from(state->place.path), SPOOL_PATH_MAX);
    printf("\n          (%s%s)\n", source_text(state->place.source), state->exists ? "" : "; not there yet");
    text_count(pending->entries, count);
    text_bytes(pending->bytes, bytes);
    printf("%-9s %s", "Pending", count);
    if (pending->entries) {
        text_age(clock_wall_us(clock_system()) - pending->oldest_us, age);
        printf(" (%s), the oldest %s old", bytes, age);
    }
    putchar('\n');
    if (pending->ignored) {
        text_count(pending->ignored, count);
        printf("%-9s %s other files in pending/, left alone\n", "", count);
    }
    text_count(state->counts[SPOOL_REJECTED].entries, count);
    printf("%-9s %s%s\n", "Rejected", count,
           state->counts[SPOOL_REJECTED].entries ? "   refused by a sink; the .answer files say why" : "");
    text_count(state->counts[SPOOL_BAD].entries, count);
    printf("%-9s %s%s\n", "Bad", count,
           state->counts[SPOOL_BAD].entries ? "   not one JSON object; the .reason files say why" : "");
    if (!state->url_ok)
        put_error("URL", &state->url_error);
    else if (state->endpoint.url[0])
        printf("%-9s %s (%s)\n", "URL", state->endpoint.url, state->endpoint.source);
    else
        printf("%-9s none\n", "URL");
    if (!state->token_ok)
        put_error("Token", &state->token_error);
    else if (state->token[0])
        printf("%-9s %s (%s)\n", "Token", state->token, state->token_source);
    else
        printf("%-9s none\n", "Token");
    printf("%-9s %s\n", "Next", next_step(state));
}

static void put_folder(struct json_writer *w, const char *key, const struct spool_count *count)
{
    char at[RFC3339_LEN + 1];
    json_key(w, key);
    json_begin_object(w);
    json_u64(w, "entries", count->entries);
    json_u64(w, "bytes", count->bytes);
    json_u64(w, "ignored", count->ignored);
    bool has_time = count->entries && spool_time_can_be_said(count->oldest_us);
    if (has_time)
        rfc3339_format(count->oldest_us, at);
    json_str(w, "oldest", has_time ? str_from(at) : STR_NULL);
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
    json_str(&w, "url", state->endpoint.url[0] ? str_from(state->endpoint.url) : STR_NULL);
    json_str(&w, "url_error", state->url_ok ? STR_NULL : str_from(state->url_error.text));
    json_str(&w, "token", state->token[0] ? str_from(state->token) : STR_NULL);
    json_str(&w, "token_error", state->token_ok ? STR_NULL : str_from(state->token_error.text));
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
