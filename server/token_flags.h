// SPDX-License-Identifier: Apache-2.0
// What the token commands share: settings given as flags, how a token and its secret are shown, signing keys
// made.
//
// A command's flags begin with TOKEN_SETTING_FLAGS; token_settings() reads those that were given.
#ifndef VOX_SERVER_TOKEN_FLAGS_H
#define VOX_SERVER_TOKEN_FLAGS_H

#include "lib/base/json.h"
#include "server/command.h"
#include "server/gate/seal.h"
#include "server/store/tokens.h"

enum token_setting {
    SETTING_LABEL,
    SETTING_EXPIRES,
    SETTING_CONTRACTS,
    SETTING_RATE,
    SETTING_BURST,
    SETTING_QUOTA,
    SETTING_QUOTA_BYTES,
    SETTING_SIGNATURE,
    SETTING_ON_INVALID,
    SETTING_COUNT
};

// clang-format off
#define TOKEN_SETTING_FLAGS \
    [SETTING_LABEL] = {"label", "TEXT", "what people call it"}, \
    [SETTING_EXPIRES] = {"expires", "WHEN", "90d or 12h from now, or 2027-01-31T00:00:00Z, or never [never]"}, \
    [SETTING_CONTRACTS] = {"contracts", "A,B", "contracts it may send, as model-call or model-call.v1; or all [all]"}, \
    [SETTING_RATE] = {"rate", "N/s", "requests it may send, also N/min; or default [the sink's]"}, \
    [SETTING_BURST] = {"burst", "N", "requests at once before the rate holds; or default"}, \
    [SETTING_QUOTA] = {"quota", "N/day", "events it may store on a day; or default"}, \
    [SETTING_QUOTA_BYTES] = {"quota-bytes", "N/day", "bytes of events it may store on a day; or default"}, \
    [SETTING_SIGNATURE] = {"signature", "POLICY", "off, optional (checked where sent) or required [off]", "off|optional|required"}, \
    [SETTING_ON_INVALID] = {"on-invalid", "WHAT", "reject or quarantine events that fail their schema [reject]", "reject|quarantine"}
// clang-format on

// Into `row` what the flags say, and which (enum token_field, or-ed). Strings are the flags'.
MUST_CHECK bool token_settings(const struct flag *flags, struct token_row *row, unsigned *ret_fields,
                               struct err *err);
// Says on stderr which of these contracts this machine's contracts folder does not have.
void token_warn_contracts(const struct call *call, struct str contracts);
// Says on stderr where a rate, 0 the sink's own, is lower than pacing can hide from a client that never
// waits.
void token_warn_rate(const struct call *call, int64_t rate_milli);
// The key id that a word names: itself, or a whole token's. False if it is a damaged token, which has been
// said.
MUST_CHECK bool token_word(const struct call *call, struct str *ret_key_id);

// The members of a token's JSON object.
void token_json(struct json_writer *w, const struct token_row *row);

// The configured master key; NULL after saying what to do, with the exit code.
MUST_CHECK struct master_key *token_master_key(const struct call *call, int *ret_code);

// A signing key being made, in locked memory.
struct token_secret {
    struct signing_key key;
    uint8_t sealed[SEALED_MAX];
    char text[SIGNING_SECRET_TEXT_MAX]; // whsec_…
};
// A fresh secret for the token, and its row, whose strings point into it. NULL when memory is out.
// sodium_free() it.
MUST_CHECK struct token_secret *token_secret_new(const struct master_key *master, struct str key_id,
                                                 struct token_key_row *ret_row);

// Prints a new token, and the secret if there is one (else NULL): the token alone on stdout and the secret on
// stderr, or all as one JSON object on stdout.
int token_print(const char *token, const struct token_row *row, const struct token_secret *secret, bool json);

// Writes a fixed buffer and a newline to stdout, and wipes it; the exit code.
int token_write_wiped(struct buf *buf);

#endif
