// SPDX-License-Identifier: Apache-2.0
// The shared part of the token commands.
#include "server/token_flags.h"

#include "lib/base/clock.h"
#include "lib/contracts/contracts.h"
#include "server/config/args.h"
#include "server/gate/gate.h"

#include <sodium.h>

#define LABEL_MAX  200
#define QUOTA_MAX  1000000000000000LL
#define OUTPUT_MAX 16384

static bool is_default(const char *text)
{
    return strcmp(text, "default") == 0;
}

static bool read_label(const char *text, struct token_row *row, struct err *err)
{
    row->label = str_from(text);
    if (row->label.len > LABEL_MAX)
        return err_set(err, "--label is longer than %d bytes", LABEL_MAX);
    for (size_t i = 0; i < row->label.len; i++)
        if ((unsigned char)row->label.ptr[i] < 0x20 || row->label.ptr[i] == 0x7f)
            return err_set(err, "--label holds a line break or another control character");
    if (row->label.len == 0)
        row->label = STR_NULL;
    return true;
}

static bool read_expires(const char *text, struct token_row *row, struct err *err)
{
    row->expires_at = INT64_MAX;
    return strcmp(text, "never") == 0 ||
           args_expiry(text, clock_wall_us(clock_system()), &row->expires_at, err);
}

static bool read_contracts(const char *text, struct token_row *row, struct err *err)
{
    row->contracts = STR_NULL;
    if (strcmp(text, "all") == 0)
        return true;
    row->contracts = str_from(text);
    return args_contracts(text, err);
}

static bool read_rate(const char *text, struct token_row *row, struct err *err)
{
    row->rate_milli = 0;
    return is_default(text) || args_rate(text, &row->rate_milli, err);
}

static bool read_burst(const char *text, struct token_row *row, struct err *err)
{
    row->burst = 0;
    return is_default(text) || args_count("burst", text, "", INT32_MAX, &row->burst, err);
}

static bool read_quota(const char *text, struct token_row *row, struct err *err)
{
    row->quota_events = 0;
    return is_default(text) || args_count("quota", text, "day", QUOTA_MAX, &row->quota_events, err);
}

static bool read_quota_bytes(const char *text, struct token_row *row, struct err *err)
{
    row->quota_bytes = 0;
    return is_default(text) || args_count("quota-bytes", text, "day", QUOTA_MAX, &row->quota_bytes, err);
}

static bool read_signature(const char *text, struct token_row *row, struct err *err)
{
    enum signature_policy policy;
    row->signature = str_from(text);
    return signature_policy_parse(row->signature, &policy) ||
           err_set(err, "--signature takes off, optional or required; \"%.40s\" is none of them", text);
}

static bool read_on_invalid(const char *text, struct token_row *row, struct err *err)
{
    row->on_invalid = str_from(text);
    return str_eq(row->on_invalid, STR("reject")) || str_eq(row->on_invalid, STR("quarantine")) ||
           err_set(err, "--on-invalid takes reject or quarantine; \"%.40s\" is neither", text);
}

bool token_settings(const struct flag *flags, struct token_row *row, unsigned *ret_fields, struct err *err)
{
    static const struct {
        bool (*read)(const char *text, struct token_row *row, struct err *err);
        enum token_field field;
    } settings[SETTING_COUNT] = {
        [SETTING_LABEL] = {read_label, TOKEN_LABEL},
        [SETTING_EXPIRES] = {read_expires, TOKEN_EXPIRES},
        [SETTING_CONTRACTS] = {read_contracts, TOKEN_CONTRACTS},
        [SETTING_RATE] = {read_rate, TOKEN_RATE},
        [SETTING_BURST] = {read_burst, TOKEN_BURST},
        [SETTING_QUOTA] = {read_quota, TOKEN_QUOTA_EVENTS},
        [SETTING_QUOTA_BYTES] = {read_quota_bytes, TOKEN_QUOTA_BYTES},
        [SETTING_SIGNATURE] = {read_signature, TOKEN_SIGNATURE},
        [SETTING_ON_INVALID] = {read_on_invalid, TOKEN_ON_INVALID},
    };
    *ret_fields = 0;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (!flags[i].given)
            continue;
        if (!settings[i].read(flags[i].value, row, err))
            return false;
        *ret_fields |= settings[i].field;
    }
    return true;
}

static bool has_contract(const struct contract_set *set, struct str name)
{
    for (size_t i = 0; i < contract_set_count(set); i++) {
        const struct contract *c = contract_set_at(set, i);
        if (str_eq(c->name, name) || str_eq(c->id, name))
            return true;
    }
    return false;
}

void token_warn_contracts(const struct call *call, struct str contracts)
{
    struct contract_set *set;
    struct err err;
    if (!contracts.ptr ||
        !contract_set_load(call->config.contracts_dir, call->config.contracts_overrides, &set, &err))
        return; // the sink may have others, and says itself what is wrong with them
    while (contracts.ptr) {
        struct str name = str_cut(&contracts, ',');
        if (!has_contract(set, name))
            command_error(0, "warning: %s has no contract %.*s", call->config.contracts_dir, STR_FMT(name));
    }
    contract_set_unref(set);
}

void token_warn_rate(const struct call *call, int64_t rate_milli)
{
    int64_t pacing_ms = call->config.pacing;
    int64_t apart_ms = rate_milli ? 1000000 / rate_milli : 0;
    if (pacing_ms && apart_ms > pacing_ms)
        command_error(0,
                      "warning: at this rate requests are %.1f s apart, and one over the limit is held back "
                      "%.1f s at most (pacing): a client that sends one after the other will hear 429",
                      (double)apart_ms / 1e3, (double)pacing_ms / 1e3);
}

bool token_word(const struct call *call, struct str *ret_key_id)
{
    struct str key_id = str_from(call->word[0]), ignored;
    // A whole token is what people have at hand; its key id is all that is needed.
    if (str_starts(key_id, STR("vts_")) && !token_parse(key_id, &key_id, &ignored))
        return command_error(EXIT_USAGE,
                             "this looks like a token, but it is damaged; vox-sink token list shows key"
                             " ids") == EXIT_OK;
    if (!signing_kid_is(key_id))
        return command_error(EXIT_USAGE,
                             "a key id is 10 letters and digits; vox-sink token list shows them") == EXIT_OK;
    *ret_key_id = key_id;
    return true;
}

// ---- output

static void put_time(struct json_writer *w, const char *name, int64_t wall_us)
{
    char text[RFC3339_LEN + 1];
    if (wall_us != INT64_MAX)
        rfc3339_format(wall_us, text);
    json_str(w, name, wall_us == INT64_MAX ? STR_NULL : str_from(text));
}

static void put_limit(struct json_writer *w, const char *name, int64_t value)
{
    json_key(w, name);
    if (value)
        json_value_i64(w, value);
    else
        json_value_null(w);
}

static void put_list(struct json_writer *w, const char *name, struct str items)
{
    json_key(w, name);
    if (!items.ptr) {
        json_value_null(w);
        return;
    }
    json_begin_array(w);
    while (items.ptr)
        json_value_str(w, str_cut(&items, ','));
    json_end_array(w);
}

void token_json(struct json_writer *w, const struct token_row *row)
{
    char rate[40];
    json_str(w, "key_id", row->key_id);
    json_str(w, "project", row->project);
    put_list(w, "scopes", row->scopes);
    json_str(w, "label", row->label);
    put_time(w, "expires_at", row->expires_at);
    put_list(w, "contracts", row->contracts);
    snprintf(rate, sizeof(rate), "%lld.%03d", (long long)(row->rate_milli / 1000),
             (int)(row->rate_milli % 1000));
    json_key(w, "rate_per_second");
    if (row->rate_milli)
        json_value_raw(w, str_from(rate));
    else
        json_value_null(w);
    put_limit(w, "burst", row->burst);
    put_limit(w, "quota_events_per_day", row->quota_events);
    put_limit(w, "quota_bytes_per_day", row->quota_bytes);
    json_str(w, "signature", row->signature.ptr ? row->signature : STR("off"));
    json_str(w, "on_invalid", row->on_invalid.ptr ? row->on_invalid : STR("reject"));
}

int token_write_wiped(struct buf *buf)
{
    buf_put_char(buf, '\n');
    bool ok = buf_ok(buf) && fwrite(buf->ptr, 1, buf->len, stdout) == buf->len && fflush(stdout) == 0;
    sodium_memzero(buf->ptr, buf->cap);
    return ok ? EXIT_OK : command_error(EXIT_FAILED, "cannot write to standard output");
}

static int print_json(const char *token, const struct token_row *row, const struct token_secret *secret)
{
    struct buf buf;
    struct json_writer w;
    char room[OUTPUT_MAX];
    buf_init_fixed(&buf, room, sizeof(room));
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "token", str_from(token));
    token_json(&w, row);
    if (secret) {
        json_str(&w, "signing_secret", str_from(secret->text));
        json_str(&w, "signing_kid", str_slice(secret->key.kid, SIGNING_KID_LEN));
    }
    json_end_object(&w);
    return token_write_wiped(&buf);
}

int token_print(const char *token, const struct token_row *row, const struct token_secret *secret, bool json)
{
    if (json)
        return print_json(token, row, secret);
    puts(token);
    fflush(stdout);
    if (secret)
        fprintf(stderr, "signing secret, shown only now: %s\n", secret->text);
    if (isatty(STDOUT_FILENO))
        fprintf(stderr, "This is the only time the token is shown. vox-sink token revoke %.*s ends it.\n",
                STR_FMT(row->key_id));
    return EXIT_OK;
}

// ---- keys

struct master_key *token_master_key(const struct call *call, int *ret_code)
{
    struct err err;
    if (!call->config.master_key) {
        *ret_code = command_error(
            EXIT_CONFIG, "signing secrets are sealed under a master key, and none is configured: make one"
                         " with vox-sink master-key create FILE, and set VOX_SINK_MASTER_KEY_FILE=FILE here"
                         " and for every sink");
        return NULL;
    }
    struct master_key *key = master_key_new(str_from(call->config.master_key), &err);
    if (!key)
        *ret_code = command_error(EXIT_CONFIG, "%s", err.text);
    return key;
}

struct token_secret *token_secret_new(const struct master_key *master, struct str key_id,
                                      struct token_key_row *ret_row)
{
    struct token_secret *secret = sodium_malloc(sizeof(*secret));
    if (!secret)
        return NULL;
    signing_secret_generate(&secret->key);
    signing_kid_generate(secret->key.kid);
    signing_secret_format(&secret->key, secret->text);
    size_t len = seal_secret(master, key_id, &secret->key, secret->sealed);
    *ret_row = (struct token_key_row){.token = key_id,
                                      .kid = str_slice(secret->key.kid, SIGNING_KID_LEN),
                                      .sealed = str_slice(secret->sealed, len)};
    master_key_check(master, ret_row->key_check);
    return secret;
}
