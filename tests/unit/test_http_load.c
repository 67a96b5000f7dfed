// SPDX-License-Identifier: Apache-2.0
// Many connections at once: no wake-up is lost and nothing stalls, at the counts where batches of epoll fill
// exactly too.
#include "check_main.h"
#include "test_http_site.h"

#include <errno.h>
#include <sys/resource.h>

#define GET     "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
#define PARK    "POST /park HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
#define ROUNDS  5
#define MOST    1000
#define FAST_US (USEC_PER_SEC / 2) // the stalls to be caught are a second and more
#define WAKERS  2
// The machine may stand still for so many rounds of one count, and of the whole program. A stall at a count
// comes in each of its rounds, a lost wake-up in some of those of all counts.
#define SLOW_AT_ONE  20
#define SLOW_AT_MOST 40

static struct site site;
static int fds[MOST];
static unsigned slow_rounds;

static void dial_all(unsigned count)
{
    struct rlimit limit;
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (unsigned i = 0; i < count; i++)
        fds[i] = dial(&site);
}

static void hang_up_all(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        close(fds[i]);
}

static void send_all(unsigned count, const char *request)
{
    for (unsigned i = 0; i < count; i++)
        send_text(fds[i], request);
}

// Returns the longest time between two answers.
static int64_t read_all(unsigned count)
{
    int64_t before = clock_mono_us(clock_system()), worst = 0;
    for (unsigned i = 0; i < count; i++) {
        struct answer answer = read_answer(fds[i]);
        ck_assert_msg(answer.status == 200, "connection %u got %d", i, answer.status);
        answer_release(&answer);
        int64_t now = clock_mono_us(clock_system());
        worst = MAX(worst, now - before);
        before = now;
    }
    return worst;
}

static int64_t get_all(unsigned count)
{
    send_all(count, GET);
    return read_all(count);
}

// All are parked before the first is woken, so that the whole count becomes ready in one batch.
static int64_t wake_all(unsigned count)
{
    send_all(count, PARK);
    site_await_parked(&site, count);
    site_wake_all(&site);
    return read_all(count);
}

static int64_t park_all(unsigned count)
{
    send_all(count, PARK);
    return read_all(count);
}

// So many rounds without a stall; how many it took.
static unsigned run_rounds(const char *what, unsigned count, unsigned rounds, int64_t (*round)(unsigned))
{
    unsigned slow = 0;
    int64_t worst = 0;
    for (unsigned good = 0; good < rounds;) {
        int64_t gap = round(count);
        worst = MAX(worst, gap);
        if (gap < FAST_US)
            good++;
        else
            slow++;
        ck_assert_msg(slow <= SLOW_AT_ONE, "%s stalls at %u connections: %u times, for %lld us at most", what,
                      count, slow, (long long)worst);
    }
    slow_rounds += slow;
    printf("%s at %u connections: longest gap %lld us\n", what, count, (long long)worst);
    ck_assert_msg(slow_rounds <= SLOW_AT_MOST, "%u rounds stalled", slow_rounds);
    return rounds + slow;
}

START_TEST(http_load__never_stalls)
{
    static const unsigned counts[] = {1, 2, 63, 64, 65, 127, 128, 129, 255, 256, 257, 512, MOST};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        site_open(&site, 0, 60);
        dial_all(counts[i]);
        run_rounds("GET", counts[i], ROUNDS, get_all);
        hang_up_all(counts[i]);
        site_close(&site);
    }
}
END_TEST

START_TEST(http_load__wakes_all_at_once)
{
    static const unsigned counts[] = {1, 2, 63, 64, 65, 127, 128, 129, 255, 256, 257, 512, MOST};
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        site_open(&site, 0, 60);
        dial_all(counts[i]);
        unsigned rounds = run_rounds("wake", counts[i], ROUNDS, wake_all);
        hang_up_all(counts[i]);
        site_close(&site);
        ck_assert_uint_eq(site.released, counts[i] * rounds);
    }
}
END_TEST

static _Atomic bool stop_waking;

static void *wake_some(void *cls)
{
    (void)cls;
    for (struct http_request *request; (request = site_take_parked(&site, &stop_waking));)
        http_wake(request);
    return NULL;
}

// Two threads wake while the loop parks: every interleaving of the queue's ends and the eventfd.
START_TEST(http_load__wakes_from_two_threads)
{
    enum { COUNT = 257, WAKE_ROUNDS = 40 };
    pthread_t wakers[WAKERS];
    site_open(&site, 0, 60);
    atomic_store(&stop_waking, false);
    for (int i = 0; i < WAKERS; i++)
        ck_assert_int_eq(pthread_create(&wakers[i], NULL, wake_some, NULL), 0);
    dial_all(COUNT);
    run_rounds("wake by two threads", COUNT, WAKE_ROUNDS, park_all);
    run_rounds("lone wake", 1, 500, park_all); // alone, a lost wake-up is not saved by a neighbour's
    pthread_mutex_lock(&site.lock);
    atomic_store(&stop_waking, true);
    pthread_cond_broadcast(&site.changed);
    pthread_mutex_unlock(&site.lock);
    for (int i = 0; i < WAKERS; i++)
        pthread_join(wakers[i], NULL);
    hang_up_all(COUNT);
    site_close(&site);
}
END_TEST

// Stopping while the loop is busy and clients come and go.
START_TEST(http_load__stops_under_load)
{
    for (int round = 0; round < 20; round++) {
        site_open(&site, 0, 60);
        dial_all(40);
        send_all(40, GET);
        send_all(20, PARK);
        http_server_quiesce(site.server);
        // Connections that were never accepted are reset; the others are served in whatever order.
        int64_t deadline = clock_mono_us(clock_system()) + SITE_PATIENCE_MS * USEC_PER_MSEC;
        while (!http_server_wait_idle(site.server, clock_mono_us(&site.clock) + 1000)) {
            site_wake_all(&site);
            ck_assert_int_lt(clock_mono_us(clock_system()), deadline);
        }
        site_wake_all(&site);
        site_close(&site);
        hang_up_all(40);
    }
}
END_TEST

CHECK_MAIN("http_load", http_load__never_stalls, http_load__wakes_all_at_once,
           http_load__wakes_from_two_threads, http_load__stops_under_load)
