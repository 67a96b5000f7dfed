// SPDX-License-Identifier: Apache-2.0
// The client's edges: URL, token, options, text for terminals.
#include "client/advice.h"
#include "client/command.h"
#include "client/consent.h"
#include "client/settings.h"
#include "client/sink.h"
#include "client/text.h"
#include "client/units.h"
#include "test_spool_temp.h"

#include "check_main.h"
#include "lib/base/clock.h"
#include "lib/wire/problem.h"
#include "lib/wire/token.h"

#include <sodium.h>

START_TEST(client__takes_only_safe_urls)
{
    static const struct {
        const char *text;
        bool allow_http;
        const char *want; // NULL: refused
        bool loopback;
    } rows[] = {
        {"https://sink.example/v1/events", false, "https://sink.example/v1/events", false},
        {"https://sink.example", false, "https://sink.example/v1/events", false},
        {"https://sink.example/", false, "https://sink.example/v1/events", false},
        {"https://sink.example:8443/prefix/v1/events?x=1#frag", false,
         "https://sink.example:8443/prefix/v1/events?x=1", false},
        {"http://127.0.0.1:8787", false, "http://127.0.0.1:8787/v1/events", true},
        {"http://127.8.8.8/x", false, "http://127.8.8.8/x", true},
        {"http://localhost:1/x", false, "http://localhost:1/x", true},
        {"http://[::1]:1/x", false, "http://[::1]:1/x", true},
        {"https://localhost/x", false, "https://localhost/x", true},
        {"http://sink.example/x", false, NULL, false},
        {"http://sink.example/x", true, "http://sink.example/x", false},
        {"http://127.0.0.1.evil.example/x", false, NULL, false},
        {"http://localhost.evil.example/x", false, NULL, false},
        {"http://128.0.0.1/x", false, NULL, false},
        {"http://[::2]/x", false, NULL, false},
        {"http://user@127.0.0.1/x", false, NULL, false},
        {"https://user:secret@sink.example/x", false, NULL, false},
        {"ftp://sink.example/x", true, NULL, false},
        {"file:///etc/passwd", true, NULL, false},
        {"sink.example", true, NULL, false},
        {"https://sink.example/a b", false, NULL, false},
        {"https://sink.example/a\r\nX: y", false, NULL, false},
        {"", false, NULL, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct endpoint endpoint = {.source = "test"};
        struct err err = {""};
        bool ok = endpoint_parse(rows[i].text, rows[i].allow_http, &endpoint, &err);
        ck_assert_msg(ok == (rows[i].want != NULL), "%s: %s", rows[i].text, err.text);
        if (!ok)
            continue;
        ck_assert_str_eq(endpoint.url, rows[i].want);
        ck_assert_msg(endpoint.loopback == rows[i].loopback, "%s", rows[i].text);
    }
}
END_TEST

static void set_token(const char *text, const char *file)
{
    unsetenv("VOX_TELEMETRY_UPLOAD_TOKEN");
    unsetenv("VOX_TELEMETRY_UPLOAD_TOKEN_FILE");
    if (text)
        setenv("VOX_TELEMETRY_UPLOAD_TOKEN", text, 1);
    if (file)
        setenv("VOX_TELEMETRY_UPLOAD_TOKEN_FILE", file, 1);
}

START_TEST(client__takes_tokens_that_fit_a_header)
{
    char own[TOKEN_TEXT_LEN + 1], typo[TOKEN_TEXT_LEN + 1];
    token_generate(own);
    memcpy(typo, own, sizeof(typo));
    typo[20] = typo[20] == 'a' ? 'b' : 'a';
    const struct {
        const char *text;
        bool ok;
    } rows[] = {{"abc", true},          {own, true},      {typo, false}, {"a b", false}, {"a\r\nX: y", false},
                {"caf\xc3\xa9", false}, {"vts_x", false}, {"", true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct token token;
        struct err err = {""};
        set_token(rows[i].text, NULL);
        bool ok = settings_token(&token, &err);
        ck_assert_msg(ok == rows[i].ok, "row %zu: %s", i, err.text);
        ck_assert_msg(!strstr(err.text, "abc") && !strstr(err.text, typo), "row %zu tells the token", i);
        if (ok) {
            ck_assert_view_eq(buf_str(&token.text), rows[i].text);
            token_release(&token);
        }
    }
    set_token(NULL, NULL);
}
END_TEST

START_TEST(client__takes_token_files_that_nobody_else_reads)
{
    struct token token;
    struct err err = {""};
    temp_enter();
    temp_write("token", "abc\n");
    set_token(NULL, temp_path("token"));
    ck_assert_msg(settings_token(&token, &err), "%s", err.text);
    ck_assert_view_eq(buf_str(&token.text), "abc");
    token_release(&token);
    set_token("abc", temp_path("token"));
    ck_assert(!settings_token(&token, &err));
    set_token(NULL, temp_path("token"));
    chmod(temp_path("token"), 0640);
    ck_assert(!settings_token(&token, &err));
    ck_assert_msg(strstr(err.text, "chmod 600") != NULL, "%s", err.text);
    temp_write("token", "");
    chmod(temp_path("token"), 0600);
    ck_assert(!settings_token(&token, &err));
    set_token(NULL, temp_path("absent"));
    ck_assert(!settings_token(&token, &err));
    set_token(NULL, NULL);
    temp_leave();
}
END_TEST

START_TEST(client__shows_no_more_of_a_token_than_its_key_id)
{
    char own[TOKEN_TEXT_LEN + 1], mask[TOKEN_MASK_BYTES];
    token_generate(own);
    token_mask(str_from(own), mask);
    ck_assert_int_eq(strncmp(mask, own, 4 + TOKEN_KEY_ID_LEN), 0);
    ck_assert_str_eq(mask + 4 + TOKEN_KEY_ID_LEN, "_...");
    token_mask(STR("abc"), mask);
    ck_assert_str_eq(mask, "(hidden)");
}
END_TEST

static const struct option_row option_rows[] = {
    OPTION("json", "FILE", input, ""),
    OPTION("spool", "DIR", spool, ""),
    OPTION("quiet", NULL, quiet, ""),
};
static const enum client_exit exits[] = {EXIT_IS_OK};
static const struct command command = {
    .name = "test", .summary = "", COMMAND_TABLES(option_rows, exits), .required = "json"};

START_TEST(client__parses_options)
{
    static const struct {
        const char *argv[5];
        enum parse_result want;
    } rows[] = {
        {{"--json", "a"}, PARSE_RUN},
        {{"--json=a", "--quiet", "--spool", "--x"}, PARSE_RUN},
        {{"--json="}, PARSE_RUN},
        {{"--help"}, PARSE_HELP},
        {{"--quiet", "-h"}, PARSE_HELP},
        {{NULL}, PARSE_WRONG},
        {{"--quiet"}, PARSE_WRONG},
        {{"--json"}, PARSE_WRONG},
        {{"--json", "a", "--quiet=1"}, PARSE_WRONG},
        {{"--json", "a", "--no"}, PARSE_WRONG},
        {{"--json", "a", "b"}, PARSE_WRONG},
        {{"--json", "a", "--"}, PARSE_WRONG},
        {{"--json", "a", "-q"}, PARSE_WRONG},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct options options;
        char *argv[5];
        int argc = 0;
        for (; argc < 5 && rows[i].argv[argc]; argc++)
            argv[argc] = (char *)(uintptr_t)rows[i].argv[argc];
        enum parse_result got = command_parse(&command, argc, argv, &options);
        ck_assert_msg(got == rows[i].want, "row %zu: %d", i, got);
        if (i == 1)
            ck_assert(options.quiet && strcmp(options.spool, "--x") == 0 && strcmp(options.input, "a") == 0);
    }
}
END_TEST

// Who is told that the token or the signature will not do is told what to do about it, in lines that fit.
START_TEST(client__advises_where_it_stops)
{
    for (int i = PROBLEM_NONE + 1; i < PROBLEM_COUNT; i++) {
        const struct problem_info *info = problem_info((enum problem)i);
        const char *advice = advice_for(info->code);
        if (info->status == 401 || info->status == 403)
            ck_assert_msg(advice != NULL, "%s", info->code);
        struct str rest = str_from(advice);
        while (rest.len)
            ck_assert_uint_le(str_cut(&rest, '\n').len, 79);
    }
    ck_assert_ptr_null(advice_for("nothing of the kind"));
}
END_TEST

START_TEST(client__lets_no_control_character_through)
{
    static const struct {
        const char *in, *safe, *json;
    } rows[] = {
        {"plain \xc3\xa9 \xc4\x9b", "plain \xc3\xa9 \xc4\x9b", "plain \xc3\xa9 \xc4\x9b"},
        {"a\x1b[2Jb\n", "a\\x1b[2Jb\\x0a", NULL},
        {"\x7f|\xc2\x9b", "\\x7f|\\xc2\\x9b", "\\u007f|\\u009b"},
        {"\x9b", "\\x9b", NULL},
        {"\xc3", "\\xc3", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = NULL;
        size_t len = 0;
        FILE *file = open_memstream(&text, &len);
        text_put_safe(file, str_from(rows[i].in), 100);
        fflush(file);
        ck_assert_str_eq(text, rows[i].safe);
        rewind(file);
        text_put_json(file, str_from(rows[i].in));
        putc('\0', file);
        fclose(file);
        if (rows[i].json)
            ck_assert_str_eq(text, rows[i].json);
        free(text);
    }
}
END_TEST

START_TEST(client__writes_numbers_for_people)
{
    char text[TEXT_SHORT];
    text_count(0, text);
    ck_assert_str_eq(text, "0");
    text_count(8605, text);
    ck_assert_str_eq(text, "8,605");
    text_count(UINT64_MAX, text);
    ck_assert_str_eq(text, "18,446,744,073,709,551,615");
    text_bytes(999, text);
    ck_assert_str_eq(text, "999 bytes");
    text_bytes(34500, text);
    ck_assert_str_eq(text, "34.5 kB");
    text_bytes(999960, text);
    ck_assert_str_eq(text, "1.0 MB");
    text_age(-5, text);
    ck_assert_str_eq(text, "0 s");
    text_age(5 * USEC_PER_DAY, text);
    ck_assert_str_eq(text, "5 days");
}
END_TEST

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

START_TEST(client__wraps_at_80_columns)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"short", "short\n"},
        {"a b\x1b[31m", "a b\\x1b[31m\n"},
        {"0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 01 345678 end",
         "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 01\n  345678 end\n"},
        {"01234567890123456789012345678901234567890123456789012345678901234567890123456789 b",
         "01234567890123456789012345678901234567890123456789012345678901234567890123456789\n  b\n"},
        {"two\nlines", "two lines\n"},
        {"", "\n"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *out = NULL;
        size_t len = 0;
        FILE *file = open_memstream(&out, &len);
        ck_assert_ptr_nonnull(file);
        text_put_wrapped(file, str_from(rows[i].text), 200, 8, 2);
        fclose(file);
        ck_assert_str_eq(out, rows[i].want);
        free(out);
    }
}
END_TEST

START_TEST(client__reads_units)
{
    static const struct {
        const char *text;
        uint64_t bytes;
        int64_t seconds;
    } rows[] = {{"1", 1, 0},
                {"64kB", 64000, 0},
                {"10MiB", 10485760, 0},
                {"2GiB", 2147483648, 0},
                {"30s", 0, 30},
                {"15m", 0, 900},
                {"12h", 0, 43200},
                {"7d", 0, 604800},
                {"0", 0, 0},
                {"-1", 0, 0},
                {"", 0, 0},
                {"7 d", 0, 0},
                {"1kb", 0, 0},
                {"40000d", 0, 0},
                {"d", 0, 0},
                {"99999999999999999999", 0, 0},
                {"18446744073709551615GiB", 0, 0}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t bytes = 0;
        int64_t us = 0;
        ck_assert_msg(units_bytes(rows[i].text, &bytes) == (rows[i].bytes > 0), "%s", rows[i].text);
        ck_assert_msg(units_duration(rows[i].text, &us) == (rows[i].seconds > 0), "%s", rows[i].text);
        ck_assert_uint_eq(bytes, rows[i].bytes);
        ck_assert_int_eq(us, rows[i].seconds * USEC_PER_SEC);
    }
    int64_t at = 0;
    ck_assert(units_moment("1970-01-02", 5, &at) && at == USEC_PER_DAY);
    ck_assert(units_moment("1970-01-01T00:00:01Z", 5, &at) && at == USEC_PER_SEC);
    ck_assert(units_moment("1s", 5 * USEC_PER_SEC, &at) && at == 4 * USEC_PER_SEC);
    ck_assert(!units_moment("yesterday", 5, &at));
}
END_TEST

START_TEST(client__finds_the_sinks_other_pages)
{
    static const struct {
        const char *url, *want;
    } rows[] = {{"https://h/v1/events", "https://h/version"},
                {"https://h:1/a/v1/events?x=/v1/y", "https://h:1/a/version"},
                {"https://h/v1/v1/events", "https://h/v1/version"},
                {"https://h/ingest", "https://h/version"},
                {"https://h", "https://h/version"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char url[URL_MAX_BYTES];
        ck_assert(sink_url(rows[i].url, "/version", url));
        ck_assert_str_eq(url, rows[i].want);
    }
}
END_TEST

static void set_environment(const char *vox, const char *track)
{
    unsetenv("VOX_TELEMETRY");
    unsetenv("DO_NOT_TRACK");
    if (vox)
        setenv("VOX_TELEMETRY", vox, 1);
    if (track)
        setenv("DO_NOT_TRACK", track, 1);
}

START_TEST(client__heeds_the_variables_that_say_no)
{
    static const struct {
        const char *vox, *track, *want;
    } rows[] = {{NULL, NULL, NULL},
                {"off", NULL, "VOX_TELEMETRY"},
                {"OFF", NULL, "VOX_TELEMETRY"},
                {"0", NULL, "VOX_TELEMETRY"},
                {"on", NULL, NULL},
                {"", NULL, NULL},
                {NULL, "1", "DO_NOT_TRACK"},
                {NULL, "true", "DO_NOT_TRACK"},
                {NULL, "0", NULL},
                {NULL, "", NULL},
                {"on", "1", "DO_NOT_TRACK"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        set_environment(rows[i].vox, rows[i].track);
        const char *found = consent_refusing_variable();
        ck_assert_msg((!found && !rows[i].want) ||
                          (found && rows[i].want && strcmp(found, rows[i].want) == 0),
                      "row %zu: %s", i, found ? found : "none");
    }
    set_environment(NULL, NULL);
}
END_TEST

START_TEST(client__keeps_the_record_of_consent)
{
    struct consent consent;
    struct err err = {""};
    int64_t from = 0;
    temp_enter();
    setenv("XDG_CONFIG_HOME", temp_path("config"), 1);
    ck_assert(consent_load(&consent, &err) && consent.state == CONSENT_NONE);
    ck_assert(consent_gate(&from, &err) && from == INT64_MIN);
    consent.state = CONSENT_GIVEN;
    consent.from_us = 5 * USEC_PER_DAY;
    ck_assert_msg(consent_store(&consent, 9 * USEC_PER_DAY, &err), "%s", err.text);
    ck_assert_uint_eq(temp_mode("config/vox-telemetry/consent.json"), 0600);
    ck_assert(consent_load(&consent, &err) && consent.state == CONSENT_GIVEN);
    ck_assert_int_eq(consent.at_us, 9 * USEC_PER_DAY);
    ck_assert(consent.by[0]);
    ck_assert(consent_gate(&from, &err) && from == 5 * USEC_PER_DAY);
    consent.state = CONSENT_REVOKED;
    ck_assert(consent_store(&consent, 9 * USEC_PER_DAY, &err));
    ck_assert(!consent_gate(&from, &err));
    ck_assert_msg(strstr(err.text, "revoked on 1970-01-10"), "%s", err.text);
    // What is not understood, or what others could have written, is no consent.
    temp_write("config/vox-telemetry/consent.json", "{\"consent\":\"given\"}");
    ck_assert(!consent_gate(&from, &err));
    consent.state = CONSENT_GIVEN;
    ck_assert(consent_store(&consent, 9 * USEC_PER_DAY, &err));
    ck_assert_int_eq(chmod(temp_path("config/vox-telemetry/consent.json"), 0666), 0);
    ck_assert(!consent_gate(&from, &err));
    unlink(temp_path("config/vox-telemetry/consent.json"));
    ck_assert_int_eq(symlink("/etc/passwd", temp_path("config/vox-telemetry/consent.json")), 0);
    ck_assert(!consent_gate(&from, &err));
    unsetenv("XDG_CONFIG_HOME");
    temp_leave();
}
END_TEST

CHECK_MAIN_WITH(setup, "client", client__takes_only_safe_urls, client__takes_tokens_that_fit_a_header,
                client__takes_token_files_that_nobody_else_reads,
                client__shows_no_more_of_a_token_than_its_key_id, client__parses_options,
                client__advises_where_it_stops, client__lets_no_control_character_through,
                client__writes_numbers_for_people, client__reads_units, client__wraps_at_80_columns,
                client__finds_the_sinks_other_pages, client__heeds_the_variables_that_say_no,
                client__keeps_the_record_of_consent)
