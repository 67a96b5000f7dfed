// SPDX-License-Identifier: Apache-2.0
// lib/base/near: the nearest of some words, and none that is another.
#include "lib/base/near.h"
#include "tests/unit/check_main.h"

START_TEST(near__finds_what_was_meant)
{
    static const char *const words[] = {"status", "enqueue", "upload", "purge",
                                        "a-word-that-is-as-long-as-any-may-be"};
    static const struct {
        const char *name, *want;
    } rows[] = {
        {"uplaod", "upload"},
        {"upload", "upload"},
        {"statuss", "status"},
        {"prge", "purge"},
        {"", NULL},
        {"download", NULL},
        {"history", NULL},
        {"uploadupload", NULL},
        {"a-word-that-is-as-long-as-any-may-by", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct near near;
        near_init(&near, rows[i].name);
        for (size_t k = 0; k < ARRAY_LEN(words); k++)
            ck_assert_int_eq(near_try(&near, words[k]), near.found == words[k] && near.edits < 3);
        ck_assert_pstr_eq(near.found, rows[i].want);
    }
}
END_TEST

CHECK_MAIN("near", near__finds_what_was_meant)
