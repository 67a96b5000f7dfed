// SPDX-License-Identifier: Apache-2.0
// vox-telemetry consent: gives, revokes or shows the user's consent to sending.
#include "client/common.h"
#include "client/consent.h"
#include "client/style.h"
#include "client/text.h"
#include "client/units.h"
#include "lib/base/clock.h"

static const char *const state_names[] = {
    [CONSENT_NONE] = "none", [CONSENT_GIVEN] = "given", [CONSENT_REVOKED] = "revoked"};

static void put_json(const struct consent *consent)
{
    struct buf buf;
    struct json_writer w;
    char at[RFC3339_LEN + 1], from[RFC3339_LEN + 1];
    const char *variable = consent_refusing_variable();
    bool said = consent->state != CONSENT_NONE, given = consent->state == CONSENT_GIVEN;
    rfc3339_format(consent->at_us, at);
    rfc3339_format(consent->from_us, from);
    buf_init(&buf, 32 * 1024);
    json_writer_init(&w, &buf);
    json_begin_object(&w);
    json_str(&w, "consent", str_from(state_names[consent->state]));
    json_str(&w, "by", said ? str_from(consent->by) : STR_NULL);
    json_str(&w, "at", said ? str_from(at) : STR_NULL);
    json_str(&w, "from", given ? str_from(from) : STR_NULL);
    json_str(&w, "record", said ? str_from(consent->path) : STR_NULL);
    json_str(&w, "refused_by", variable ? str_from(variable) : STR_NULL);
    json_end_object(&w);
    printf("%.*s\n", STR_FMT(buf_str(&buf)));
    buf_release(&buf);
}

static void put_text(const struct consent *consent)
{
    static const enum style styles[] = {
        [CONSENT_NONE] = STYLE_BOLD, [CONSENT_GIVEN] = STYLE_GOOD, [CONSENT_REVOKED] = STYLE_WARN};
    char at[RFC3339_LEN + 1];
    const char *variable = consent_refusing_variable();
    printf("%-9s %s%s%s", "Consent", style(stdout, styles[consent->state]), state_names[consent->state],
           style(stdout, STYLE_PLAIN));
    if (consent->state != CONSENT_NONE) {
        rfc3339_format(consent->at_us, at);
        printf(" by ");
        text_put_safe(stdout, str_from(consent->by), sizeof(consent->by));
        printf(" at %.19sZ", at);
    }
    putchar('\n');
    if (consent->state == CONSENT_GIVEN) {
        rfc3339_format(consent->from_us, at);
        printf("%-9s %.19sZ; older ones are held (upload --include-older)\n", "From", at);
    }
    if (consent->state == CONSENT_NONE) {
        printf("%-9s there is no record: running upload is the consent, each time\n", "");
    } else {
        printf("%-9s ", "Record");
        text_put_safe(stdout, str_from(consent->path), CONSENT_PATH_MAX);
        putchar('\n');
    }
    if (variable)
        printf("%-9s nothing is sent while %s is set as it is\n", "But", variable);
}

static enum client_exit run(const struct options *options)
{
    struct consent consent;
    struct err err;
    int64_t now = clock_wall_us(clock_system()), from = now;
    const char *what = options->operands[0];
    bool show = strcmp(what, "show") == 0, give = strcmp(what, "give") == 0;
    if (options->from && (!give || !units_moment(options->from, now, &from))) {
        err_set(&err, give ? "--from needs a time, a date or a duration such as 7d"
                           : "--from belongs to consent give");
        return complain(EXIT_IS_USAGE, &err);
    }
    bool ok = consent_load(&consent, &err);
    if (!ok && (show || !consent.path[0]))
        return complain(EXIT_IS_CONFIG, &err);
    if (give && !consent_may_give(&consent, &err))
        return complain(EXIT_IS_CONFIG, &err);
    if (!show) {
        consent.state = give ? CONSENT_GIVEN : CONSENT_REVOKED;
        consent.from_us = from;
        if (!consent_store(&consent, now, &err))
            return complain(EXIT_IS_IO, &err);
    }
    if (options->json)
        put_json(&consent);
    else
        put_text(&consent);
    return EXIT_IS_OK;
}

static const struct option_row option_rows[] = {
    OPTION("from", "WHEN", from, "give: for events from then on; a time, a date, or 7d"),
    OPTION("json", NULL, json, "as one JSON object"),
};
static const enum client_exit exits[] = {EXIT_IS_OK, EXIT_IS_USAGE, EXIT_IS_CONFIG, EXIT_IS_IO};

const struct command cmd_consent = {
    .name = "consent",
    .summary = "Give, revoke or show your consent to sending",
    .about = "The record is yours, for all spools, and lies in your configuration folder,\n"
             "never in a repository. Without one the upload command itself is the consent.\n"
             "Given, events from its moment on are sent by upload, older ones are held and\n"
             "counted. Revoked, nothing is sent.",
    COMMAND_TABLES(option_rows, exits),
    .operands = "give|revoke|show",
    .words = "give revoke show",
    .operand_min = 1,
    .operand_max = 1,
    .run = run,
};
