// SPDX-License-Identifier: Apache-2.0
// lib/base/uuid.
#include "lib/base/uuid.h"
#include "tests/unit/check_main.h"

#include <sodium.h>

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

START_TEST(uuid__reads_and_writes_text)
{
    static const struct {
        const char *text, *canonical; // NULL: refused
    } rows[] = {
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"},
        {"017F22E2-79B0-7CC3-98C4-DC0C0C07398F", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"},
        {"00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"},
        {"ffffffff-FFFF-ffff-ffff-ffffffffffff", "ffffffff-ffff-ffff-ffff-ffffffffffff"},
        {"", NULL},
        {"017f22e279b07cc398c4dc0c0c07398f", NULL},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398", NULL},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398ff", NULL},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398g", NULL},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398 ", NULL},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398:", NULL},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398/", NULL},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398`", NULL},
        {"017f22e2-79b0-7cc3-98c4-dc0c0c07398@", NULL},
        {"017f22e2-79b0-7cc3-98c4+dc0c0c07398f", NULL},
        {"017f22e2-79b07-cc3-98c4-dc0c0c07398f", NULL},
        {"{17f22e2-79b0-7cc3-98c4-dc0c0c07398}", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct uuid uuid;
        bool ok = uuid_parse(str_from(rows[i].text), &uuid);
        ck_assert_msg(ok == (rows[i].canonical != NULL), "%s", rows[i].text);
        if (ok) {
            char text[UUID_TEXT_LEN + 1];
            uuid_format(&uuid, text);
            ck_assert_str_eq(text, rows[i].canonical);
        }
    }
}
END_TEST

START_TEST(uuid__v7_holds_time_and_randomness)
{
    // The example of RFC 9562, appendix A.6.
    struct uuid known, a, b;
    int64_t us = 0;
    ck_assert(uuid_parse(STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), &known));
    ck_assert(uuid_v7_time(&known, &us));
    ck_assert_int_eq(us, 1645557742000000LL);
    a = uuid_v7(1645557742000999LL);
    b = uuid_v7(1645557742000999LL);
    ck_assert(!uuid_eq(&a, &b));
    ck_assert_mem_eq(a.bytes, known.bytes, 6);
    ck_assert_uint_eq(uuid_version(&a), 7);
    ck_assert_uint_eq(a.bytes[8] >> 6, 2);
    struct uuid later = uuid_v7(1645557742001000LL);
    ck_assert_int_lt(uuid_cmp(&a, &later), 0);
    ck_assert_int_gt(uuid_cmp(&later, &a), 0);
}
END_TEST

START_TEST(uuid__v8_keeps_the_digest)
{
    uint8_t digest[32];
    char text[UUID_TEXT_LEN + 1];
    int64_t us = 42;
    memset(digest, 0xff, sizeof(digest));
    struct uuid uuid = uuid_v8(digest), same = uuid_v8(digest);
    uuid_format(&uuid, text);
    ck_assert_str_eq(text, "ffffffff-ffff-8fff-bfff-ffffffffffff");
    ck_assert(uuid_eq(&uuid, &same));
    ck_assert_uint_eq(uuid_version(&uuid), 8);
    ck_assert(!uuid_v7_time(&uuid, &us));
    ck_assert_int_eq(us, 42);
}
END_TEST

CHECK_MAIN_WITH(setup, "uuid", uuid__reads_and_writes_text, uuid__v7_holds_time_and_randomness,
                uuid__v8_keeps_the_digest)
