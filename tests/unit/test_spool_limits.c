// SPDX-License-Identifier: Apache-2.0
// Limits on pending/: refused by default, dropped only where told, and counted.
#include "test_spool_temp.h"

#include "check_main.h"
#include "lib/base/clock.h"
#include "lib/spool/limits.h"

#include <sodium.h>

#define NOW (1893456000LL * USEC_PER_SEC)

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

static enum spool_put put(struct spool *spool, int64_t at_us, struct err *err)
{
    struct uuid id;
    return spool_enqueue(spool, STR("{\"a\":1234}"), at_us, &id, err); // 10 bytes
}

static struct spool *full_of(unsigned entries, const struct spool_limits *limits)
{
    temp_enter();
    struct spool *spool = temp_spool(true);
    for (unsigned i = 0; i < entries; i++) { // without the syncs of an enqueue
        char path[64 + UUID_TEXT_LEN], id_text[UUID_TEXT_LEN + 1];
        struct uuid id = uuid_v7(NOW + i * USEC_PER_SEC);
        uuid_format(&id, id_text);
        snprintf(path, sizeof(path), "spool/pending/%s.json", id_text);
        temp_write(path, "{\"a\":1234}");
    }
    spool_set_limits(spool, limits);
    return spool;
}

static void done(struct spool *spool)
{
    spool_close(spool);
    temp_leave();
}

START_TEST(spool_limits__refuse_what_does_not_fit)
{
    static const struct {
        struct spool_limits limits;
        int64_t at_us;
        enum spool_put want;
        const char *why;
    } rows[] = {
        {{0}, NOW, SPOOL_PUT_STORED, ""},
        {{.entries = 4}, NOW, SPOOL_PUT_STORED, ""},
        {{.entries = 3}, NOW, SPOOL_PUT_FULL, "entries"},
        {{.bytes = 40}, NOW, SPOOL_PUT_STORED, ""},
        {{.bytes = 39}, NOW, SPOOL_PUT_FULL, "bytes"},
        {{.bytes = 9, .drop_oldest = true}, NOW, SPOOL_PUT_FULL, "bytes"}, // it would not help
        {{.age_us = USEC_PER_DAY}, NOW + USEC_PER_DAY, SPOOL_PUT_STORED, ""},
        {{.age_us = USEC_PER_DAY}, NOW + 2 * USEC_PER_DAY, SPOOL_PUT_FULL, "age"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {""};
        struct spool *spool = full_of(3, &rows[i].limits);
        ck_assert_msg(put(spool, rows[i].at_us, &err) == rows[i].want, "row %zu: %s", i, err.text);
        ck_assert_msg(strstr(err.text, rows[i].why) != NULL, "row %zu: %s", i, err.text);
        ck_assert_uint_eq(temp_count(spool, SPOOL_PENDING), 3 + (rows[i].want == SPOOL_PUT_STORED));
        ck_assert(!temp_exists("spool/dropped"));
        done(spool);
    }
}
END_TEST

START_TEST(spool_limits__drop_the_oldest_and_count_them)
{
    static const struct {
        struct spool_limits limits;
        int64_t at_us;
        uint64_t dropped;
    } rows[] = {
        {{.entries = 600, .drop_oldest = true}, NOW + USEC_PER_DAY, 1},
        {{.entries = 10, .drop_oldest = true}, NOW + USEC_PER_DAY, 591}, // more than one pass looks at
        {{.bytes = 30, .drop_oldest = true}, NOW + USEC_PER_DAY, 598},
        {{.age_us = 100 * USEC_PER_SEC, .drop_oldest = true}, NOW + 400 * USEC_PER_SEC, 300},
        {{.age_us = USEC_PER_SEC, .drop_oldest = true}, NOW + USEC_PER_DAY, 600},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err err = {""};
        struct spool_dropped dropped;
        struct spool_count count;
        struct spool *spool = full_of(600, &rows[i].limits);
        ck_assert_msg(put(spool, rows[i].at_us, &err) == SPOOL_PUT_STORED, "row %zu: %s", i, err.text);
        ck_assert(spool_dropped(spool, &dropped, &err));
        ck_assert_msg(dropped.entries == rows[i].dropped, "row %zu: %u", i, (unsigned)dropped.entries);
        ck_assert_uint_eq(dropped.bytes, 10 * rows[i].dropped);
        ck_assert(spool_count(spool, SPOOL_PENDING, &count, &err));
        ck_assert_uint_eq(count.entries, 601 - rows[i].dropped);
        // What is left is the youngest.
        int64_t oldest =
            rows[i].dropped < 600 ? NOW + (int64_t)rows[i].dropped * USEC_PER_SEC : rows[i].at_us;
        ck_assert_int_eq(count.oldest_us, oldest);
        done(spool);
    }
}
END_TEST

START_TEST(spool_limits__drop_nothing_that_is_not_ours)
{
    static const struct spool_limits limits = {.entries = 1, .drop_oldest = true};
    struct err err = {""};
    struct spool_dropped dropped;
    struct spool *spool = full_of(0, &limits);
    temp_write("target", "{}");
    ck_assert_int_eq(symlink(temp_path("target"), temp_path("spool/pending/link.json")), 0);
    ck_assert_int_eq(put(spool, NOW, &err), SPOOL_PUT_FULL);
    ck_assert(temp_exists("spool/pending/link.json"));
    ck_assert(spool_dropped(spool, &dropped, &err));
    ck_assert_uint_eq(dropped.entries, 0);
    temp_write("spool/dropped", "many\n");
    ck_assert(!spool_dropped(spool, &dropped, &err));
    done(spool);
}
END_TEST

// Neither counted nor dropped while it may still be written.
START_TEST(spool_limits__drop_nothing_that_is_still_written)
{
    static const struct spool_limits limits = {.entries = 1, .drop_oldest = true};
    struct err err = {""};
    struct spool *spool = full_of(1, &limits);
    int64_t now_us = clock_wall_us(clock_system());
    temp_write("spool/pending/x.json.AB12CD", "{");
    temp_age("spool/pending/x.json.AB12CD", 30);
    temp_write("spool/pending/old", "{}");
    temp_age("spool/pending/old", 86400);
    ck_assert_msg(put(spool, now_us, &err) == SPOOL_PUT_STORED, "%s", err.text);
    ck_assert(temp_exists("spool/pending/x.json.AB12CD"));
    ck_assert(!temp_exists("spool/pending/old"));
    // By the clock of whoever enqueues.
    ck_assert_int_eq(put(spool, now_us + 120 * USEC_PER_SEC, &err), SPOOL_PUT_STORED);
    ck_assert(!temp_exists("spool/pending/x.json.AB12CD"));
    done(spool);
}
END_TEST

CHECK_MAIN_WITH(setup, "spool_limits", spool_limits__refuse_what_does_not_fit,
                spool_limits__drop_the_oldest_and_count_them, spool_limits__drop_nothing_that_is_not_ours,
                spool_limits__drop_nothing_that_is_still_written)
