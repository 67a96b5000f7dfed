// SPDX-License-Identifier: Apache-2.0
// lib/base/err.
#include "lib/base/err.h"
#include "tests/unit/check_main.h"

#include <errno.h>

START_TEST(err__set_formats_and_is_false)
{
    struct err err;
    ck_assert(!err_set(&err, "port %d is taken", 80));
    ck_assert_str_eq(err.text, "port 80 is taken");
    ck_assert(!err_set(NULL, "nobody listens to %s", "this"));
}
END_TEST

START_TEST(err__errno_is_named_and_kept)
{
    struct err err;
    errno = ENOENT;
    ck_assert(!err_set_errno(&err, "cannot open %s", "x"));
    ck_assert_str_eq(err.text, "cannot open x: No such file or directory");
    ck_assert_int_eq(errno, ENOENT);
    ck_assert(!err_set_errno(NULL, "x"));
}
END_TEST

START_TEST(err__prefix_stands_before)
{
    struct err err;
    err_set(&err, "it is a folder");
    ck_assert(!err_prefix(&err, "contract %s", "a.v1"));
    ck_assert_str_eq(err.text, "contract a.v1: it is a folder");
    ck_assert(!err_prefix(NULL, "x"));
}
END_TEST

START_TEST(err__long_text_is_cut)
{
    char text[2000];
    struct err err;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    err_set(&err, "%s", text);
    ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
    err_prefix(&err, "%s", text);
    ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
    errno = EIO;
    err_set_errno(&err, "%s", text);
    ck_assert_uint_eq(strlen(err.text), sizeof(err.text) - 1);
}
END_TEST

CHECK_MAIN("err", err__set_formats_and_is_false, err__errno_is_named_and_kept, err__prefix_stands_before,
           err__long_text_is_cut)
