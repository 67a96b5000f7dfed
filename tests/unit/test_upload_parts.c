// SPDX-License-Identifier: Apache-2.0
// What an upload is made of: pacing, links, groups of entries, the journal of attempts.
#include "client/flight.h"
#include "client/link.h"
#include "client/pace.h"
#include "lib/spool/attempts.h"
#include "test_spool_temp.h"

#include "check_main.h"

#include <sodium.h>

static struct http_reply limits(const char *policy, const char *rate)
{
    struct http_reply reply = {0};
    snprintf(reply.rate_policy, sizeof(reply.rate_policy), "%s", policy);
    snprintf(reply.rate, sizeof(reply.rate), "%s", rate);
    return reply;
}

START_TEST(pace__waits_for_the_next_token)
{
    struct pace pace = {0};
    ck_assert_int_eq(pace_delay(&pace, 0), 0);
    struct http_reply reply = limits("\"burst\";q=30;w=3", "\"burst\";r=1;t=1");
    pace_learn(&pace, &reply, 0, 0);
    ck_assert_int_eq(pace_delay(&pace, 0), 0);
    pace_take(&pace, 0);
    ck_assert_int_ge(pace_delay(&pace, 0), 100 * USEC_PER_MSEC); // ten a second
    ck_assert_int_le(pace_delay(&pace, 0), 101 * USEC_PER_MSEC);
    ck_assert_int_eq(pace_delay(&pace, 101 * USEC_PER_MSEC), 0);
    // Never more at once than the sink says, however long ago.
    for (int i = 0; i < 30; i++)
        pace_take(&pace, 1000 * USEC_PER_SEC);
    ck_assert_int_gt(pace_delay(&pace, 1000 * USEC_PER_SEC), 0);
    // Requests under way are counted before the sink counts them.
    reply = limits("\"burst\";q=30;w=3", "\"burst\";r=2;t=1");
    pace_learn(&pace, &reply, 2, 0);
    ck_assert_int_gt(pace_delay(&pace, 0), 0);
}
END_TEST

START_TEST(pace__heeds_the_strictest_of_several_limits)
{
    static const struct {
        const char *policy, *rate;
        int64_t least, most;
    } rows[] = {
        // Behind what is left there is another limit with nothing left: its time counts.
        {"\"minute\";q=100;w=60, \"daily\";q=1000;w=86400", "\"minute\";r=100;t=1, \"daily\";r=0;t=2",
         2 * USEC_PER_SEC, 2 * USEC_PER_SEC + 1},
        {"\"daily\";q=1000;w=86400,\"minute\";q=100;w=60", "\"daily\";r=0;t=2,\"minute\";r=100;t=1",
         2 * USEC_PER_SEC, 2 * USEC_PER_SEC + 1},
        {"", "\"burst\";r=0;t=3", 3 * USEC_PER_SEC, 3 * USEC_PER_SEC + 1},
        {"", "\"burst\";r=7;t=3", 0, 0},
        {"\"other\";q=1;w=60", "\"burst\";r=0;t=3", 3 * USEC_PER_SEC, 3 * USEC_PER_SEC + 1},
        {"\"burst\";q=30;w=3", "\"burst\";r=0;t=1", USEC_PER_SEC / 10, USEC_PER_SEC / 10 + 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pace pace = {0};
        struct http_reply reply = limits(rows[i].policy, rows[i].rate);
        pace_learn(&pace, &reply, 0, 0);
        ck_assert_int_ge(pace_delay(&pace, 0), rows[i].least);
        ck_assert_int_le(pace_delay(&pace, 0), rows[i].most);
    }
}
END_TEST

START_TEST(pace__leaves_out_what_it_cannot_read)
{
    static const char *const rows[][2] = {{"", ""},
                                          {"\"burst\";q=30;w=0", "\"burst\";r=0"},
                                          {"\"burst\";q=0;w=3", "\"burst\";r=0"},
                                          {"\"burst\";q=x;w=3", "\"burst\";r=0"},
                                          {"\"burst\";q=99999999999999999999;w=3", "\"burst\";r=0"},
                                          {"\"burst\";q=30;w=3", "\"burst\";t=1"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pace pace = {0};
        struct http_reply reply = limits(rows[i][0], rows[i][1]);
        pace_learn(&pace, &reply, 0, 0);
        ck_assert_msg(!pace.known, "row %zu", i);
    }
    struct pace slow = {0};
    struct http_reply reply = limits("\"day\";q=1;w=86400", "\"day\";r=0;t=86400");
    pace_learn(&slow, &reply, 0, 0);
    ck_assert_int_eq(pace_delay(&slow, 0), PACE_CAP_US);
}
END_TEST

START_TEST(link__finds_batches_of_the_same_origin_only)
{
    static const struct {
        const char *header, *want; // NULL: none
    } rows[] = {
        {"</v1/batch>; rel=\"batch\"", "https://a.example/v1/batch"},
        {"<batch>;rel=batch", "https://a.example/v1/batch"},
        {"<https://a.example:443/x>; title=\"a, b; rel=batch\"; rel=\"self BATCH\"",
         "https://a.example:443/x"},
        {"</help>; rel=help, </b>; rel=batch", "https://a.example/b"},
        {"<https://b.example/x>; rel=batch", NULL},
        {"<http://a.example/x>; rel=batch", NULL},
        {"<https://a.example:444/x>; rel=batch", NULL},
        {"<//b.example/x>; rel=batch", NULL},
        {"<https://b.example/x>; rel=batch, </y>; rel=batch", "https://a.example/y"},
        {"</x>; rel=\"batches\"", NULL},
        {"</x>", NULL},
        {"<>; rel=batch", NULL},
        {"<; rel=batch", NULL},
        {"</x>; rel=\"batch", NULL},
        {"junk", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char url[URL_MAX_BYTES] = "";
        bool found = link_batch(rows[i].header, "https://a.example/v1/events?k=1", url);
        ck_assert_msg(found == (rows[i].want != NULL), "row %zu: %s", i, url);
        if (found)
            ck_assert_str_eq(url, rows[i].want);
    }
}
END_TEST

static struct spool_entry entry_of(const char *name, const char *text)
{
    struct spool_entry entry = {.name = name, .text = str_from(text), .has_time = true};
    sha256(entry.text, entry.sha256);
    entry.id = spool_entry_id(name, entry.sha256);
    return entry;
}

START_TEST(flight__asks_for_what_is_not_settled)
{
    struct flight flight;
    flight_init(&flight, NULL);
    for (int i = 0; i < 100; i++) {
        char name[32], text[32];
        snprintf(name, sizeof(name), "e%02d.json", i);
        snprintf(text, sizeof(text), "{\"n\":%d}", i);
        const struct spool_entry entry = entry_of(name, text);
        ck_assert(flight_add(&flight, &entry));
    }
    flight_close(&flight);
    ck_assert_str_eq(flight.entries[42].entry.name, "e42.json");
    ck_assert_view_eq(flight.entries[42].entry.text, "{\"n\":42}");
    flight_settle(&flight, &flight.entries[0]);
    flight_settle(&flight, &flight.entries[2]);
    flight.span = 3;
    ck_assert(flight_make_body(&flight, 1 << 20, false));
    ck_assert_uint_eq(flight.asked_count, 3);
    ck_assert_uint_eq(flight.asked[0], 1);
    ck_assert_uint_eq(flight.asked[1], 3);
    ck_assert(str_starts(buf_str(&flight.body), STR("{\"id\":\"")));
    ck_assert(str_ends(buf_str(&flight.body), STR("\"event\":{\"n\":4}}\n")));
    struct uuid first = flight_batch_id(&flight), again = flight_batch_id(&flight);
    ck_assert(uuid_eq(&first, &again));
    // By size: one line at least.
    ck_assert(flight_make_body(&flight, 1, true));
    ck_assert_uint_eq(flight.asked_count, 1);
    ck_assert_uint_eq(flight.left, 98);
    ck_assert_ptr_eq(flight_first(&flight), &flight.entries[1]);
    flight_clear(&flight);
    ck_assert_int_eq(flight.state, FLIGHT_EMPTY);
    flight_release(&flight);
}
END_TEST

static struct spool_attempts *load(struct spool *spool, const char *url)
{
    struct spool_attempts *attempts;
    struct err err;
    ck_assert(spool_attempts_load(spool, url, &attempts, &err));
    return attempts;
}

START_TEST(attempts__outlive_the_process_as_long_as_the_entry)
{
    struct spool_attempt attempt;
    struct err err;
    int64_t oldest;
    bool refused;
    temp_enter();
    struct spool *spool = temp_spool(true);
    temp_write("spool/pending/a.json", "{}");
    temp_write("spool/pending/b.json", "{}");
    struct spool_attempts *attempts = load(spool, "https://x/");
    ck_assert(!spool_attempts_any(attempts, &oldest, &refused));
    ck_assert(spool_attempts_add(attempts, "a.json", 5));
    ck_assert(spool_attempts_add(attempts, "gone.json", 5));
    ck_assert(spool_attempts_sync(attempts, &err));
    ck_assert(spool_attempts_add(attempts, "b.json", 6));
    ck_assert(spool_attempts_mark(attempts, "b.json", 7));
    ck_assert(spool_attempts_close(attempts, &err));
    // A line cut by a crash spoils no other.
    int fd = open(temp_path("spool/attempts.log"), O_WRONLY | O_APPEND);
    ck_assert(write(fd, "+ torn", 6) == 6);
    close(fd);
    attempts = load(spool, "https://x/");
    ck_assert(spool_attempts_any(attempts, &oldest, &refused) && oldest == 5 && refused);
    ck_assert(spool_attempts_find(attempts, "a.json", &attempt) && attempt.first_us == 5 && !attempt.refused);
    ck_assert(spool_attempts_find(attempts, "b.json", &attempt) && attempt.first_us == 6 && attempt.refused);
    ck_assert(!spool_attempts_find(attempts, "gone.json", &attempt));
    ck_assert(spool_attempts_add(attempts, "c.json", 8));
    ck_assert(spool_attempts_close(attempts, &err));
    attempts = load(spool, "https://y/");
    ck_assert(!spool_attempts_find(attempts, "a.json", &attempt));
    ck_assert_int_eq(unlink(temp_path("spool/pending/a.json")) | unlink(temp_path("spool/pending/b.json")),
                     0);
    ck_assert(spool_attempts_add(attempts, "new\nline.json", 9));
    ck_assert(spool_attempts_add(attempts, "d.json", 9));
    ck_assert(spool_attempts_close(attempts, &err));
    ck_assert(!temp_exists("spool/attempts.log"));
    spool_close(spool);
    temp_leave();
}
END_TEST

// A line with a NUL in it is none; the one behind it counts.
START_TEST(attempts__lose_only_the_line_that_is_spoilt)
{
    static const char text[] = "@ 5 https://x/\n+ a.js\0on\n+ b.json\n\0\n+ c.json\n";
    struct err err;
    struct spool_attempt attempt;
    temp_enter();
    struct spool *spool = temp_spool(true);
    int fd = open(temp_path("spool/attempts.log"), O_WRONLY | O_CREAT, 0600);
    ck_assert(write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
    close(fd);
    struct spool_attempts *attempts = load(spool, "https://x/");
    ck_assert(!spool_attempts_find(attempts, "a.json", &attempt));
    ck_assert(spool_attempts_find(attempts, "b.json", &attempt) && attempt.first_us == 5);
    ck_assert(spool_attempts_find(attempts, "c.json", &attempt) && attempt.first_us == 5);
    ck_assert(spool_attempts_close(attempts, &err));
    spool_close(spool);
    temp_leave();
}
END_TEST

// Heads once had the query as it is.
START_TEST(attempts__know_a_sink_by_its_query_however_it_was_written)
{
    static const char url[] = "https://x/e?key=secret", other[] = "https://x/e?key=other";
    struct err err;
    struct spool_attempt attempt;
    char key[URL_KEY_BYTES], again[URL_KEY_BYTES], text[URL_KEY_BYTES];
    temp_enter();
    struct spool *spool = temp_spool(true);
    temp_write("spool/pending/a.json", "{}");
    temp_write("spool/pending/b.json", "{}");
    ck_assert_ptr_null(strstr(url_key(url, key), "secret"));
    ck_assert_str_eq(url_key(key, again), key);
    ck_assert_str_ne(url_key(other, again), key);
    temp_write("spool/attempts.log", "@ 5 https://x/e?key=secret\n+ a.json\n@ x y?key=secret\n+ b.json\n");
    for (int round = 0; round < 2; round++) {
        struct spool_attempts *attempts = load(spool, other);
        ck_assert(!spool_attempts_find(attempts, "a.json", &attempt));
        ck_assert(spool_attempts_close(attempts, &err));
        attempts = load(spool, url);
        ck_assert(spool_attempts_find(attempts, "a.json", &attempt) && attempt.first_us == 5);
        ck_assert(!spool_attempts_find(attempts, "b.json", &attempt));
        ck_assert(spool_attempts_close(attempts, &err)); // shortened: with the key
    }
    int fd = open(temp_path("spool/attempts.log"), O_RDONLY);
    ssize_t len = read(fd, text, sizeof(text) - 1);
    close(fd);
    ck_assert_int_gt(len, 0);
    text[len] = '\0';
    ck_assert_ptr_nonnull(strstr(text, key));
    ck_assert_ptr_null(strstr(text, "secret"));
    spool_close(spool);
    temp_leave();
}
END_TEST

static void setup(void)
{
    BUG_ON(sodium_init() < 0);
}

CHECK_MAIN_WITH(setup, "upload_parts", pace__waits_for_the_next_token,
                pace__heeds_the_strictest_of_several_limits, pace__leaves_out_what_it_cannot_read,
                link__finds_batches_of_the_same_origin_only, flight__asks_for_what_is_not_settled,
                attempts__outlive_the_process_as_long_as_the_entry,
                attempts__lose_only_the_line_that_is_spoilt,
                attempts__know_a_sink_by_its_query_however_it_was_written)
