// SPDX-License-Identifier: Apache-2.0
// Addresses to listen on: what is taken, how it reads back, what is refused.
#include "check_main.h"

#include "server/core/address.h"

START_TEST(address__reads_and_writes)
{
    static const struct {
        const char *text;
        const char *host;
        unsigned port;
        const char *path;
        unsigned mode;
        const char *back; // NULL: the same
    } rows[] = {
        {"127.0.0.1:8787", "127.0.0.1", 8787, "", 0, NULL},
        {"localhost:0", "localhost", 0, "", 0, NULL},
        {"a-b_c.example:65535", "a-b_c.example", 65535, "", 0, NULL},
        {"[::1]:80", "::1", 80, "", 0, NULL},
        {"[FE80::1%eth0]:80", "FE80::1%eth0", 80, "", 0, NULL},
        {"127.0.0.1:00080", "127.0.0.1", 80, "", 0, "127.0.0.1:80"},
        {"unix:/run/sink.sock", "", 0, "/run/sink.sock", 0660, NULL},
        {"unix:/run/sink.sock:0666", "", 0, "/run/sink.sock", 0666, NULL},
        {"unix:/run/sink.sock:0660", "", 0, "/run/sink.sock", 0660, "unix:/run/sink.sock"},
        {"unix:/a", "", 0, "/a", 0660, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct address address;
        struct err err;
        char text[ADDRESS_TEXT_LEN + 1];
        ck_assert_msg(address_parse(str_from(rows[i].text), &address, &err), "%s: %s", rows[i].text,
                      err.text);
        ck_assert_str_eq(address.host, rows[i].host);
        ck_assert_uint_eq(address.port, rows[i].port);
        ck_assert_str_eq(address.path, rows[i].path);
        ck_assert_uint_eq(address.mode, rows[i].mode);
        address_format(&address, text);
        ck_assert_str_eq(text, rows[i].back ? rows[i].back : rows[i].text);
    }
}
END_TEST

START_TEST(address__refuses)
{
    static const char *const rows[] = {
        "",
        ":",
        ":80",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.1:-1",
        "127.0.0.1:+1",
        "127.0.0.1:8x",
        "127.0.0.1:000080",
        "127.0.0.1:80:80",
        "a b:80",
        "a/b:80",
        "::1:80",
        "[::1]",
        "[::1]80",
        "[::1:80",
        "[]:80",
        "[127.0.0.1]:80",
        "[::g]:80",
        "[::1%]:80",
        "[::1%a/b]:80",
        "unix:",
        "unix:run",
        "unix:/",
        "unix:/run/",
        "unix:/run/a b",
        "unix:/run/a:0888",
        "unix:/run/a:660",
        "unix:/run/a:b:0660",
        "unix:@name",
        "unix:/run/a\n",
    };
    char long_path[200] = "unix:/";
    memset(long_path + 6, 'x', sizeof(long_path) - 7);
    struct address address = {.port = 7};
    struct err err;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        ck_assert_msg(!address_parse(str_from(rows[i]), &address, &err), "%s", rows[i]);
        ck_assert_msg(strstr(err.text, "no address to listen on"), "%s", err.text);
    }
    ck_assert(!address_parse(str_from(long_path), &address, &err));
    ck_assert_uint_eq(address.port, 7);
}
END_TEST

START_TEST(address__reads_lists)
{
    struct address list[ADDRESS_MANY];
    struct err err;
    size_t count = 0;
    ck_assert(
        address_parse_list(STR("127.0.0.1:1, [::1]:1,unix:/a ,127.0.0.1:0,127.0.0.1:0"), list, &count, &err));
    ck_assert_uint_eq(count, 5);
    ck_assert_str_eq(list[1].host, "::1");
    ck_assert_str_eq(list[2].path, "/a");
    static const char *const bad[] = {
        ",",
        "127.0.0.1:1,",
        "127.0.0.1:1,,127.0.0.1:2",
        "127.0.0.1:1,127.0.0.1:1",
        "unix:/a,unix:/a:0600",
        "A:1,a:1",
        "h:1,h:2,h:3,h:4,h:5,h:6,h:7,h:8,h:9,h:10,h:11,h:12,h:13,h:14,h:15,h:16,h:17",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        ck_assert_msg(!address_parse_list(str_from(bad[i]), list, &count, &err), "%s", bad[i]);
    ck_assert_uint_eq(count, 5);
}
END_TEST

CHECK_MAIN("address", address__reads_and_writes, address__refuses, address__reads_lists)
