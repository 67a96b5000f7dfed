// SPDX-License-Identifier: Apache-2.0
#include "lib/wire/batch_line.h"

#include "check_main.h"

// Splits `text` given in pieces of `step` bytes; "|" after each line, "!" for one that was too long.
static void split(const char *text, size_t step, char *ret, size_t cap)
{
    struct line_splitter s;
    struct buf out;
    struct str rest = str_from(text), line;
    line_splitter_init(&s);
    buf_init_fixed(&out, ret, cap - 1);
    while (rest.len) {
        struct str piece = str_slice(rest.ptr, MIN(step, rest.len));
        rest = str_skip(rest, piece.len);
        bool failed;
        while (line_next(&s, &piece, &line, &failed) == LINE_WHOLE) {
            buf_put_str(&out, line);
            buf_put_char(&out, '|');
        }
        ck_assert(!failed);
        ck_assert_uint_eq(piece.len, 0);
    }
    if (line_last(&s, &line) == LINE_WHOLE)
        buf_put_str(&out, line);
    ck_assert(buf_ok(&out));
    ret[out.len] = '\0';
    line_splitter_release(&s);
}

START_TEST(batch_line__splits_wherever_the_pieces_end)
{
    static const char *const rows[][2] = {
        {"", ""},
        {"a", "a"},
        {"a\n", "a|"},
        {"a\nb", "a|b"},
        {"\n\na\n", "||a|"},
        {"abc\r\nde\n", "abc\r|de|"},
        {"abc\n\nxyz", "abc||xyz"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (size_t step = 1; step < 12; step++) {
            char got[64];
            split(rows[i][0], step, got, sizeof(got));
            ck_assert_str_eq(got, rows[i][1]);
        }
    }
}
END_TEST

START_TEST(batch_line__passes_over_long_lines)
{
    static char text[3 * LIMIT_BATCH_LINE];
    static const size_t steps[] = {1000, 65536, sizeof(text)};
    static const struct {
        size_t len;
        enum line_found found;
    } rows[] = {{LIMIT_BATCH_LINE, LINE_WHOLE}, {LIMIT_BATCH_LINE + 1, LINE_TOO_LONG}};
    memset(text, 'x', sizeof(text));
    for (size_t r = 0; r < ARRAY_LEN(rows); r++) {
        text[rows[r].len] = '\n';
        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
            struct line_splitter s;
            struct str rest = str_slice(text, rows[r].len + 3), line = STR_NULL;
            enum line_found found = LINE_NONE;
            bool failed = false;
            line_splitter_init(&s);
            while (rest.len && found == LINE_NONE) {
                struct str piece = str_slice(rest.ptr, MIN(steps[i], rest.len));
                size_t had = piece.len;
                found = line_next(&s, &piece, &line, &failed);
                rest = str_skip(rest, had - piece.len);
            }
            ck_assert_int_eq((int)found, (int)rows[r].found);
            ck_assert_uint_le(s.carry.cap, LIMIT_BATCH_LINE);
            ck_assert_int_eq((int)line_next(&s, &rest, &line, &failed), LINE_NONE);
            ck_assert_int_eq((int)line_last(&s, &line), LINE_WHOLE);
            ck_assert_view_eq(line, "xx");
            line_splitter_release(&s);
        }
        text[rows[r].len] = 'x';
    }
}
END_TEST

START_TEST(batch_line__reads_envelopes)
{
    static const struct {
        const char *text, *id, *at, *contract, *event; // event NULL: refused
    } rows[] = {
        {"{\"event\":{}}", NULL, NULL, NULL, "{}"},
        {" { \"id\" : \"i\" ,\t\"at\":\"t\", \"contract\":\"c\",\"event\": {\"a\":[1,\"}\\\"\"]} } \r", "i",
         "t", "c", "{\"a\":[1,\"}\\\"\"]}"},
        {"{\"event\":{\"event\":{}},\"id\":null,\"at\":null,\"contract\":null}", NULL, NULL, NULL,
         "{\"event\":{}}"},
        {"{\"id\":\"\",\"event\":{}}", "", NULL, NULL, "{}"},
        {"", NULL, NULL, NULL, NULL},
        {"{}", NULL, NULL, NULL, NULL},
        {"{\"id\":\"i\"}", NULL, NULL, NULL, NULL},
        {"{\"event\":{}", NULL, NULL, NULL, NULL},
        {"{\"event\":{}}x", NULL, NULL, NULL, NULL},
        {"{\"event\":{},}", NULL, NULL, NULL, NULL},
        {"{\"event\":[]}", NULL, NULL, NULL, NULL},
        {"{\"event\":null}", NULL, NULL, NULL, NULL},
        {"{\"event\":{},\"event\":{}}", NULL, NULL, NULL, NULL},
        {"{\"event\":{},\"ID\":\"i\"}", NULL, NULL, NULL, NULL},
        {"{\"event\":{},\"id\":\"a\\u0062\"}", NULL, NULL, NULL, NULL},
        {"{\"event\":{},\"id\":7}", NULL, NULL, NULL, NULL},
        {"{\"event\":{\"a\":\"\\", NULL, NULL, NULL, NULL},
        {"[{\"event\":{}}]", NULL, NULL, NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct batch_line line = {0};
        enum problem problem = batch_line_parse(str_from(rows[i].text), &line);
        ck_assert_msg((problem == PROBLEM_NONE) == (rows[i].event != NULL), "row %zu", i);
        ck_assert_msg((line.id.ptr != NULL) == (rows[i].id != NULL), "row %zu", i);
        ck_assert_view_eq(line.id, rows[i].id);
        ck_assert_view_eq(line.at, rows[i].at);
        ck_assert_view_eq(line.contract, rows[i].contract);
        ck_assert_view_eq(line.event, rows[i].event);
    }
}
END_TEST

// Where the event ends, looked for byte by byte.
static size_t end_of_event(const char *text)
{
    size_t depth = 0, i = 0;
    for (bool inside = false;; i++) {
        if (inside && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            inside = !inside;
        else if (!inside && strchr("{[", text[i]))
            depth++;
        else if (!inside && strchr("}]", text[i]) && --depth == 0)
            return i + 1;
    }
}

// Marks are looked for many bytes at a time: each kind at any place, behind strings of any length.
START_TEST(batch_line__finds_the_event_whatever_its_length)
{
    static const char *const pieces[] = {"{}", "[]", "\"}{\"", "\"\\\\\"", "\"\\\"]\"", "[{}]", "\"\""};
    static const char filling[] =
        "01234567890123456789012345678901234567890123456789012345678901234567890123456789"
        "01234567890123456789012345678901234567890123456789012345678901234567890123456789";
    for (size_t i = 0; i < ARRAY_LEN(pieces) * 140 * 8; i++) {
        char event[400], line[500];
        struct batch_line parsed;
        snprintf(event, sizeof(event), "{\"%.*s\":[%.*s,%s]}", (int)(i % 140), filling,
                 (int)(i / 140 % 8 * 9), filling, pieces[i / (140 * 8)]);
        snprintf(line, sizeof(line), "{\"event\":%s,\"id\":\"x\"}", event);
        ck_assert_uint_eq(end_of_event(event), strlen(event));
        ck_assert_int_eq(batch_line_parse(str_from(line), &parsed), PROBLEM_NONE);
        ck_assert_view_eq(parsed.event, event);
        line[strlen("{\"event\":") + strlen(event) - 1] = '\0'; // without its last bracket
        ck_assert_int_eq(batch_line_parse(str_from(line), &parsed), PROBLEM_batch_line_malformed);
    }
}
END_TEST

CHECK_MAIN("batch_line", batch_line__splits_wherever_the_pieces_end, batch_line__passes_over_long_lines,
           batch_line__reads_envelopes, batch_line__finds_the_event_whatever_its_length)
