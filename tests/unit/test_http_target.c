// SPDX-License-Identifier: Apache-2.0
// server/http/target: escapes, and the parameters of a query.
#include "check_main.h"
#include "server/http/target.h"

START_TEST(http_target__decodes)
{
    static const struct {
        const char *text;
        const char *plain, *with_blanks; // NULL: refused
    } rows[] = {
        {"", "", ""},
        {"/v1/events", "/v1/events", "/v1/events"},
        {"a+b", "a+b", "a b"},
        {"%2b+", "++", "+ "},
        {"%41%62%63", "Abc", "Abc"},
        {"%c3%A9", "\xc3\xa9", "\xc3\xa9"},
        {"%2541", "%41", "%41"},
        {"%01%ff", "\x01\xff", "\x01\xff"},
        {"%", NULL, NULL},
        {"a%4", NULL, NULL},
        {"%4g", NULL, NULL},
        {"%g4", NULL, NULL},
        {"%%41", NULL, NULL},
        {"% 1", NULL, NULL},
        {"a%00b", NULL, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (int plus = 0; plus <= 1; plus++) {
            const char *want = plus ? rows[i].with_blanks : rows[i].plain;
            size_t text_len = strlen(rows[i].text), len = 99;
            char *place = malloc(text_len + 1), *text = place + 1; // of the exact size; decoded in place
            ck_assert_ptr_nonnull(place);
            memcpy(text, rows[i].text, text_len);
            bool done = target_decode(str_slice(text, text_len), plus, text, &len);
            ck_assert_msg(done == (want != NULL), "row %zu", i);
            if (want)
                ck_assert_view_eq(str_slice(text, len), want);
            else
                ck_assert_uint_eq(len, 99);
            free(place);
        }
    }
}
END_TEST

struct walk {
    char seen[200];
    unsigned count, stop_at;
};

static bool on_parameter(void *context, struct str name, struct str value)
{
    struct walk *walk = context;
    size_t len = strlen(walk->seen);
    ck_assert(name.ptr[name.len] == '\0' && value.ptr[value.len] == '\0');
    snprintf(walk->seen + len, sizeof(walk->seen) - len, "(%s|%s)", name.ptr, value.ptr);
    return ++walk->count != walk->stop_at;
}

START_TEST(http_target__walks_queries)
{
    static const struct {
        const char *query;
        unsigned stop_at; // 0: never
        const char *seen;
        enum target_result result;
    } rows[] = {
        {"", 0, "", TARGET_WHOLE},
        {"a=b&c=d", 0, "(a|b)(c|d)", TARGET_WHOLE},
        {"a&b=", 0, "(a|)(b|)", TARGET_WHOLE},
        {"a&&b", 0, "(a|)(|)(b|)", TARGET_WHOLE},
        {"&", 0, "(|)", TARGET_WHOLE},
        {"&&", 0, "(|)(|)", TARGET_WHOLE},
        {"a&", 0, "(a|)", TARGET_WHOLE},
        {"=v", 0, "(|v)", TARGET_WHOLE},
        {"=", 0, "(|)", TARGET_WHOLE},
        {"a=b=c", 0, "(a|b=c)", TARGET_WHOLE},
        {"a+b=c+d%20e%26", 0, "(a b|c d e&)", TARGET_WHOLE},
        {"a%3db=1?/", 0, "(a=b|1?/)", TARGET_WHOLE},
        {"a=1&b=2&c=3", 2, "(a|1)(b|2)", TARGET_STOPPED},
        {"a=1&b=%4&c=3", 0, "(a|1)", TARGET_STOPPED},
        {"a=1&%zz=1", 0, "(a|1)", TARGET_STOPPED},
        {"a=%00", 0, "", TARGET_STOPPED},
    };
    struct arena arena;
    arena_init(&arena, 64, 4096);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct walk walk = {.stop_at = rows[i].stop_at};
        arena_reset(&arena);
        enum target_result result = target_query(str_from(rows[i].query), &arena, on_parameter, &walk);
        ck_assert_msg(result == rows[i].result && strcmp(walk.seen, rows[i].seen) == 0, "row %zu: %s", i,
                      walk.seen);
    }
    arena_release(&arena);
    ck_assert_int_eq(target_query(STR_NULL, &arena, on_parameter, NULL), TARGET_WHOLE);
}
END_TEST

START_TEST(http_target__says_when_memory_is_out)
{
    struct arena arena;
    struct walk walk = {.count = 0};
    arena_init(&arena, 64, 8);
    ck_assert_int_eq(target_query(STR("a=b"), &arena, on_parameter, &walk), TARGET_NO_MEMORY);
    ck_assert_uint_eq(walk.count, 0);
    arena_release(&arena);
}
END_TEST

CHECK_MAIN("http_target", http_target__decodes, http_target__walks_queries,
           http_target__says_when_memory_is_out)
