// SPDX-License-Identifier: Apache-2.0
// The table of advice.
#include "client/advice.h"
#include "lib/base/base.h"

#define CHECK_TOKEN                                                             \
    "Check VOX_TELEMETRY_UPLOAD_TOKEN or VOX_TELEMETRY_UPLOAD_TOKEN_FILE, or\n" \
    "ask the sink's operator for a new token."
#define CHECK_URL                                                                   \
    "Check the URL: it should name a sink's ingest path, https://HOST/v1/events,\n" \
    "and no login page or proxy should stand in between."

// Lines of at most 79 characters, no newline at the end.
static const struct {
    const char *label;
    const char *text;
} table[] = {
    {"token_missing", "Set VOX_TELEMETRY_UPLOAD_TOKEN or VOX_TELEMETRY_UPLOAD_TOKEN_FILE to a token\n"
                      "of this sink; its operator makes one with vox-sink token create."},
    {"token_invalid", CHECK_TOKEN},
    {"authorization_malformed", CHECK_TOKEN},
    {"unauthorized", CHECK_TOKEN},
    {"forbidden", "The token may not send events here: ask the sink's operator for one with the\n"
                  "scope ingest."},
    {"signature_missing", "Set VOX_TELEMETRY_SIGNING_SECRET or VOX_TELEMETRY_SIGNING_SECRET_FILE to the\n"
                          "secret that belongs to the token; the sink's operator has it."},
    {"signature_invalid", "Check VOX_TELEMETRY_SIGNING_SECRET or VOX_TELEMETRY_SIGNING_SECRET_FILE, or\n"
                          "ask the sink's operator for the secret that belongs to the token."},
    {"signature_stale", "Check this machine's clock: vox-telemetry doctor tells how far it is off."},
    {"head_too_large", "Check the token for what does not belong to it; or a proxy in between may add\n"
                       "headers."},
    {"signature_malformed", "A proxy in between may have changed the request's headers."},
    {"scope_insufficient", "Ask the sink's operator for a token with the scope ingest."},
    {"route_unknown", CHECK_URL},
    {"method_not_allowed", CHECK_URL},
    {"not_a_sink", CHECK_URL},
    {"version_unsupported", "A proxy in between speaks another version of HTTP to the sink: it takes 1.1."},
    {"redirected", "Redirects are not followed, so that neither token nor events go astray.\n"
                   "If the new address is right, set the URL to it."},
    {"cannot_connect", "Check the URL, the certificate and this machine's certificate store."},
    {"unreachable", "Everything not sent is kept. Upload again later."},
    {"before_consent", "older than your consent; upload --include-older sends them too."},
    {"unknown_contract", "the sink does not know these events yet; they are offered again when its\n"
                         "contracts have changed."},
    {"contract_not_allowed", "the token does not cover these events: ask the sink's operator. They are\n"
                             "offered again after a day, or after vox-telemetry retry --state kept."},
    {"class_not_allowed", "events of this sensitivity need the sink operator's leave. They are offered\n"
                          "again after a day, or after vox-telemetry retry --state kept."},
    {"no_receipt", "the answer was not a sink's; the next upload tries again."},
};

const char *advice_for(const char *label)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (strcmp(label, table[i].label) == 0)
            return table[i].text;
    return NULL;
}
