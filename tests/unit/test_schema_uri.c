// SPDX-License-Identifier: Apache-2.0
// Resolving URI references, and JSON Pointer escapes.
#include "lib/schema/uri.h"

#include "tests/unit/check_main.h"

START_TEST(schema_uri__resolves_as_rfc_3986)
{
    static const struct {
        const char *base, *reference, *wanted;
    } rows[] = {
        // Section 5.4, without the fragments.
        {"http://a/b/c/d;p?q", "g:h", "g:h"},
        {"http://a/b/c/d;p?q", "g", "http://a/b/c/g"},
        {"http://a/b/c/d;p?q", "./g", "http://a/b/c/g"},
        {"http://a/b/c/d;p?q", "g/", "http://a/b/c/g/"},
        {"http://a/b/c/d;p?q", "/g", "http://a/g"},
        {"http://a/b/c/d;p?q", "//g", "http://g"},
        {"http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"},
        {"http://a/b/c/d;p?q", "g?y#s", "http://a/b/c/g?y"},
        {"http://a/b/c/d;p?q", "#s", "http://a/b/c/d;p?q"},
        {"http://a/b/c/d;p?q", ";x", "http://a/b/c/;x"},
        {"http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q"},
        {"http://a/b/c/d;p?q", ".", "http://a/b/c/"},
        {"http://a/b/c/d;p?q", "./", "http://a/b/c/"},
        {"http://a/b/c/d;p?q", "..", "http://a/b/"},
        {"http://a/b/c/d;p?q", "../g", "http://a/b/g"},
        {"http://a/b/c/d;p?q", "../..", "http://a/"},
        {"http://a/b/c/d;p?q", "../../g", "http://a/g"},
        {"http://a/b/c/d;p?q", "../../../g", "http://a/g"},
        {"http://a/b/c/d;p?q", "/./g", "http://a/g"},
        {"http://a/b/c/d;p?q", "/../g", "http://a/g"},
        {"http://a/b/c/d;p?q", "g.", "http://a/b/c/g."},
        {"http://a/b/c/d;p?q", "..g", "http://a/b/c/..g"},
        {"http://a/b/c/d;p?q", "./g/.", "http://a/b/c/g/"},
        {"http://a/b/c/d;p?q", "g/../h", "http://a/b/c/h"},
        {"http://a/b/c/d;p?q", "g;x=1/../y", "http://a/b/c/y"},
        {"http://a/b/c/d;p?q", "g?y/../x", "http://a/b/c/g?y/../x"},
        {"http://a", "g", "http://a/g"},
        {"file:///a/b", "c", "file:///a/c"},
        {"urn:uuid:deadbeef", "#/x", "urn:uuid:deadbeef"},
        {"urn:uuid:deadbeef", "tag:x,1:y", "tag:x,1:y"},
        {"", "a/../b", "b"},
        {"", "http://h/a/./b/../c", "http://h/a/c"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf out;
        buf_init(&out, 1024);
        uri_resolve(&out, str_from(rows[i].base), str_from(rows[i].reference));
        struct str got = buf_str(&out);
        ck_assert_msg(str_eq(got, str_from(rows[i].wanted)), "%s with %s: %.*s", rows[i].base,
                      rows[i].reference, STR_FMT(got));
        buf_release(&out);
    }
}
END_TEST

START_TEST(schema_uri__escapes)
{
    struct buf out;
    buf_init(&out, 1024);
    ck_assert(uri_decode(&out, STR("/a%25%7Eb%c3%a9")));
    ck_assert_view_eq(buf_str(&out), "/a%~b\xc3\xa9");
    ck_assert(!uri_decode(&out, STR("%2")));
    ck_assert(!uri_decode(&out, STR("%g0")));
    ck_assert(!uri_decode(&out, STR("%00")));
    buf_clear(&out);
    uri_encode_fragment(&out, STR("/a b%\"\xc3\xa9~"));
    ck_assert_view_eq(buf_str(&out), "/a%20b%25%22%C3%A9~");
    buf_clear(&out);
    pointer_put_name(&out, STR("a/b~"));
    ck_assert_view_eq(buf_str(&out), "/a~1b~0");
    struct str rest = STR("/a~1b~0//c");
    buf_clear(&out);
    ck_assert(pointer_next(&rest, &out));
    ck_assert_view_eq(buf_str(&out), "a/b~");
    buf_clear(&out);
    ck_assert(pointer_next(&rest, &out));
    ck_assert_view_eq(buf_str(&out), "");
    ck_assert_view_eq(rest, "/c");
    rest = STR("/~2");
    ck_assert(!pointer_next(&rest, &out));
    buf_release(&out);
}
END_TEST

CHECK_MAIN("schema_uri", schema_uri__resolves_as_rfc_3986, schema_uri__escapes)
