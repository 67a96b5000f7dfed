// SPDX-License-Identifier: Apache-2.0
// lib/base/log.
#include "lib/base/buf.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "tests/unit/check_main.h"
#include "tests/unit/test_parsed.h"

#include <fcntl.h>

#define RENDER(buf, format, message, ...)                                                        \
    log_render((buf), (format), 0, LOG_WARN, (message), (const struct log_field[]){__VA_ARGS__}, \
               ARRAY_LEN(((const struct log_field[]){__VA_ARGS__})))

START_TEST(log__renders_both_formats)
{
    struct buf buf;
    buf_init(&buf, 4096);
    RENDER(&buf, LOG_LOGFMT, "batch committed", LOG_U64("events", 12), LOG_I64("left", -3),
           LOG_F64("seconds", 0.25), LOG_CSTR("code", "ok"), LOG_CSTR("none", NULL));
    ck_assert_view_eq(buf_str(&buf), "ts=1970-01-01T00:00:00.000000Z level=warn msg=\"batch committed\" "
                                     "events=12 left=-3 seconds=0.250 code=ok none=-\n");
    buf_clear(&buf);
    RENDER(&buf, LOG_JSON, "x", LOG_U64("events", UINT64_MAX), LOG_CSTR("none", NULL), LOG_CSTR("empty", ""));
    ck_assert_view_eq(buf_str(&buf),
                      "{\"ts\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"warn\",\"msg\":\"x\","
                      "\"events\":18446744073709551615,\"none\":null,\"empty\":\"\"}\n");
    buf_release(&buf);
}
END_TEST

START_TEST(log__peer_text_cannot_forge)
{
    static const struct {
        const char *text, *rendered;
    } rows[] = {
        {"a b", "\"a b\""},
        {"a=b", "\"a=b\""},
        {"a\nlevel=error", "\"a\\nlevel=error\""},
        {"a\"b\\", "\"a\\\"b\\\\\""},
        {"", "\"\""},
        {"\x1b[31m", "\"\\u001b[31m\""},
        {"\xc2\x9b", "\"\\u009b\""},
        {"\x7f", "\"\\u007f\""},
        {"\xff", "\"\xef\xbf\xbd\""},
        {"\xe2\x80\xa8", "\"\\u2028\""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf buf;
        char want[256];
        buf_init(&buf, 4096);
        RENDER(&buf, LOG_LOGFMT, "m", LOG_CSTR("k", rows[i].text));
        snprintf(want, sizeof(want), "ts=1970-01-01T00:00:00.000000Z level=warn msg=m k=%s\n",
                 rows[i].rendered);
        ck_assert_view_eq(buf_str(&buf), want);
        buf_release(&buf);
    }
}
END_TEST

START_TEST(log__too_long_a_field_is_left_out_whole)
{
    char text[5000];
    memset(text, 'x', sizeof(text));
    for (int format = LOG_LOGFMT; format <= LOG_JSON; format++) {
        for (size_t len = 3900; len < 4100; len++) {
            struct buf buf;
            buf_init(&buf, 4096);
            RENDER(&buf, (enum log_format)format, "m", LOG_STR("k", str_slice(text, len)),
                   LOG_U64("after", 1));
            struct str line = buf_str(&buf);
            ck_assert_msg(buf_ok(&buf) && line.ptr[line.len - 1] == '\n', "length %zu", len);
            if (format == LOG_JSON) {
                const struct json *object = parsed_text(line);
                ck_assert_msg(object != NULL, "length %zu", len);
            }
            buf_release(&buf);
        }
    }
}
END_TEST

START_TEST(log__long_message_is_cut)
{
    char message[5000];
    struct buf buf;
    memset(message, '\1', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    buf_init(&buf, 4096);
    log_render(&buf, LOG_JSON, 0, LOG_INFO, message, NULL, 0);
    struct str line = buf_str(&buf);
    const struct json *object = parsed_text(line);
    ck_assert_ptr_nonnull(object);
    ck_assert_uint_eq(json_text(json_get(object, STR("msg"))).len, 512);
    buf_release(&buf);
}
END_TEST

START_TEST(log__level_decides)
{
    static const struct {
        const char *name;
        int level; // -1: no such name
    } rows[] = {{"debug", LOG_DEBUG}, {"info", LOG_INFO}, {"warn", LOG_WARN},
                {"error", LOG_ERROR}, {"INFO", -1},       {"", -1}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum log_level level = LOG_DEBUG;
        ck_assert_int_eq(log_level_from(str_from(rows[i].name), &level), rows[i].level >= 0);
        if (rows[i].level >= 0)
            ck_assert_int_eq((int)level, rows[i].level);
    }
    ck_assert(log_enabled(LOG_INFO) && !log_enabled(LOG_DEBUG));
    log_set_level(LOG_ERROR);
    ck_assert(!log_enabled(LOG_WARN) && log_enabled(LOG_ERROR));
    log_set_level(LOG_INFO);
}
END_TEST

START_TEST(log__writes_one_line_to_stderr)
{
    int pipe_fds[2], saved = dup(STDERR_FILENO);
    char line[512];
    ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    log_set_format(LOG_JSON);
    log_debug("not shown");
    log_info("shown");
    log_set_format(LOG_LOGFMT);
    log_error("shown too", LOG_I64("n", 1));
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipe_fds[1]);
    ssize_t n = read(pipe_fds[0], line, sizeof(line) - 1);
    close(pipe_fds[0]);
    ck_assert_int_gt(n, 0);
    line[n] = '\0';
    ck_assert_ptr_nonnull(strstr(line, "\"msg\":\"shown\"}\n"));
    ck_assert_ptr_nonnull(strstr(line, "level=error msg=\"shown too\" n=1\n"));
    ck_assert_ptr_null(strstr(line, "not shown"));
}
END_TEST

CHECK_MAIN("log", log__renders_both_formats, log__peer_text_cannot_forge,
           log__too_long_a_field_is_left_out_whole, log__long_message_is_cut, log__level_decides,
           log__writes_one_line_to_stderr)
