// SPDX-License-Identifier: Apache-2.0
// Where to send and as whom: the URL and the token, from options, environment and files.
#ifndef VOX_CLIENT_SETTINGS_H
#define VOX_CLIENT_SETTINGS_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

#include "lib/wire/signing_key.h"

#define URL_MAX_BYTES   2048
#define TOKEN_MAX_BYTES 4096 // other sinks of the vox-v1 profile may use longer ones than ours

struct endpoint {
    char url[URL_MAX_BYTES]; // empty: none is configured
    const char *source;      // the option or variable that named it
    bool loopback;           // no proxy is used for it
};

// https, or http to this machine, or http at all with `allow_http`; without user name, password and fragment.
// A URL without a path gets /v1/events.
MUST_CHECK bool endpoint_parse(const char *text, bool allow_http, struct endpoint *ret_endpoint,
                               struct err *err);
// --url, else VOX_TELEMETRY_UPLOAD_URL, else the file that VOX_TELEMETRY_UPLOAD_URL_FILE names.
MUST_CHECK bool settings_endpoint(const char *option, bool allow_http, struct endpoint *ret_endpoint,
                                  struct err *err);

// The URL for people: what its query says is hidden, it may be a secret.
void endpoint_shown(const struct endpoint *endpoint, char ret_text[static URL_MAX_BYTES]);
const char *url_shown(const char *url, char ret_text[static URL_MAX_BYTES]); // gives ret_text

struct token {
    struct buf text; // empty: none is configured
    const char *source;
};

// Token and signing secret leave what /proc shows of the environment; they are found as before. At the start,
// before any thread.
MUST_CHECK bool settings_hide_secrets(struct err *err);

// VOX_TELEMETRY_UPLOAD_TOKEN, or the file that …_FILE names, which nobody else may be able to read.
MUST_CHECK bool settings_token(struct token *ret_token, struct err *err);
void token_release(struct token *token); // wipes it
// The key that requests are signed with: VOX_TELEMETRY_SIGNING_SECRET (whsec_…), or the file that …_FILE
// names. `*ret_present` is false if none is configured. Wipe it.
MUST_CHECK bool settings_signing_key(struct signing_key *ret_key, bool *ret_present, struct err *err);
// "vts_0123456789_..." (the key id is public), "(hidden)" for other forms.
#define TOKEN_MASK_BYTES 32
void token_mask(struct str token, char ret_text[static TOKEN_MASK_BYTES]);

#endif
