// SPDX-License-Identifier: Apache-2.0
// lib/base/buf.
#include "lib/base/buf.h"
#include "tests/unit/check_main.h"

START_TEST(buf__puts_what_it_is_given)
{
    struct buf buf;
    buf_init(&buf, 1000);
    ck_assert_view_eq(buf_str(&buf), "");
    ck_assert(buf_put(&buf, "ab", 2));
    ck_assert(buf_put(&buf, NULL, 0));
    ck_assert(buf_put_str(&buf, STR("cd")));
    ck_assert(buf_put_str(&buf, STR_NULL));
    ck_assert(buf_put_cstr(&buf, "ef"));
    ck_assert(buf_put_char(&buf, 'g'));
    ck_assert(buf_put_u64(&buf, 7) && buf_putf(&buf, "%s", "h"));
    ck_assert_view_eq(buf_str(&buf), "abcdefg7h");
    ck_assert(buf_ok(&buf));
    buf_release(&buf);
    buf_release(&buf);
}
END_TEST

START_TEST(buf__writes_decimal_numbers)
{
    struct buf buf;
    buf_init(&buf, 64);
    ck_assert(buf_put_u64(&buf, 0) && buf_put_char(&buf, ' '));
    ck_assert(buf_put_u64(&buf, 10) && buf_put_char(&buf, ' '));
    ck_assert(buf_put_u64(&buf, UINT64_MAX));
    ck_assert_view_eq(buf_str(&buf), "0 10 18446744073709551615");
    buf_release(&buf);
}
END_TEST

START_TEST(buf__writes_network_byte_order)
{
    struct buf buf;
    buf_init(&buf, 14);
    buf_put_be16(&buf, 0x0102);
    buf_put_be32(&buf, 0x03040506);
    buf_put_be64(&buf, 0x0708090a0b0c0d0e);
    ck_assert(buf_ok(&buf));
    ck_assert_uint_eq(buf.len, 14);
    for (size_t i = 0; i < buf.len; i++)
        ck_assert_int_eq(buf.ptr[i], (int)i + 1);
    buf_release(&buf);
}
END_TEST

START_TEST(buf__stays_failed_past_its_ceiling)
{
    struct buf buf;
    buf_init(&buf, 4);
    ck_assert(buf_put_cstr(&buf, "abcd"));
    ck_assert(buf_put_cstr(&buf, ""));
    ck_assert(!buf_put_char(&buf, 'e'));
    ck_assert(!buf_ok(&buf));
    ck_assert_view_eq(buf_str(&buf), "abcd");
    ck_assert_msg(!buf_put_cstr(&buf, ""), "a failed buffer took a put");
    ck_assert_ptr_null(buf_detach(&buf, NULL));
    buf_clear(&buf);
    ck_assert(buf_ok(&buf));
    ck_assert(buf_put_cstr(&buf, "wxyz"));
    ck_assert_view_eq(buf_str(&buf), "wxyz");
    buf_release(&buf);
}
END_TEST

START_TEST(buf__formats_long_text)
{
    char text[600];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    static const struct {
        size_t ceiling;
        bool fits;
    } rows[] = {{1000, true}, {604, true}, {600, false}, {100, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf buf;
        buf_init(&buf, rows[i].ceiling);
        buf_put_cstr(&buf, "123");
        ck_assert_msg(buf_putf(&buf, "%s!", text) == rows[i].fits, "row %zu", i);
        ck_assert_uint_eq(buf.len, rows[i].fits ? 603 : 3);
        buf_release(&buf);
    }
}
END_TEST

START_TEST(buf__reserve_does_not_change_what_is_there)
{
    struct buf buf;
    buf_init(&buf, 1 << 20);
    for (unsigned i = 0; i < 5000; i++) {
        ck_assert(buf_reserve(&buf, i));
        ck_assert(buf_put_char(&buf, (char)('a' + i % 26)));
    }
    for (unsigned i = 0; i < 5000; i++)
        ck_assert_int_eq(buf.ptr[i], (char)('a' + i % 26));
    ck_assert_uint_le(buf.cap, buf.ceiling);
    ck_assert(!buf_reserve(&buf, SIZE_MAX));
    buf_release(&buf);
}
END_TEST

START_TEST(buf__detach_hands_the_bytes_over)
{
    struct buf buf;
    size_t len = 99;
    buf_init(&buf, 3);
    char *empty = buf_detach(&buf, &len);
    ck_assert_str_eq(empty, "");
    ck_assert_uint_eq(len, 0);
    buf_put_cstr(&buf, "abc");
    char *text = buf_detach(&buf, &len);
    ck_assert_str_eq(text, "abc");
    ck_assert_uint_eq(len, 3);
    ck_assert_uint_eq(buf.len, 0);
    ck_assert_uint_eq(buf.ceiling, 3);
    free(empty);
    free(text);
    buf_release(&buf);
}
END_TEST

START_TEST(buf__recycle_gives_large_memory_back)
{
    struct buf buf;
    buf_init(&buf, 1 << 16);
    buf_reserve(&buf, 300);
    buf_recycle(&buf, 512);
    ck_assert_uint_ge(buf.cap, 300);
    buf_reserve(&buf, 1 << 15);
    buf_recycle(&buf, 512);
    ck_assert_uint_eq(buf.cap, 0);
    ck_assert(buf_put_cstr(&buf, "again"));
    buf_release(&buf);
}
END_TEST

CHECK_MAIN("buf", buf__puts_what_it_is_given, buf__writes_decimal_numbers, buf__writes_network_byte_order,
           buf__stays_failed_past_its_ceiling, buf__formats_long_text,
           buf__reserve_does_not_change_what_is_there, buf__detach_hands_the_bytes_over,
           buf__recycle_gives_large_memory_back)
