// SPDX-License-Identifier: Apache-2.0
// Counters, gauges, histograms and their text.
#include "server/core/metrics.h"

#include "tests/unit/check_main.h"

static bool has_line(struct metrics *metrics, const char *line)
{
    struct buf buf;
    buf_init(&buf, 1 << 20);
    metrics_render(metrics, &buf);
    buf_put_char(&buf, '\0');
    ck_assert(buf_ok(&buf));
    bool found = strstr(buf.ptr, line) != NULL;
    buf_release(&buf);
    return found;
}

START_TEST(metrics__counts_by_labels)
{
    struct metrics *metrics = metrics_new();
    metrics_add(metrics, METRIC_REQUESTS, "/v1/events", "201", 2);
    metrics_add(metrics, METRIC_REQUESTS, "/v1/events", "201", 1);
    metrics_add(metrics, METRIC_REQUESTS, "/v1/events", "422", 1);
    ck_assert_uint_eq(metrics_get(metrics, METRIC_REQUESTS, "/v1/events", "201"), 3);
    ck_assert(has_line(metrics, "\nvox_sink_requests_total{route=\"/v1/events\",status=\"201\"} 3\n"));
    ck_assert(has_line(metrics, "\n# TYPE vox_sink_requests_total counter\n"));
    metrics_free(metrics);
}
END_TEST

START_TEST(metrics__gauges_replace)
{
    struct metrics *metrics = metrics_new();
    metrics_set(metrics, METRIC_READY, NULL, NULL, 1);
    metrics_set(metrics, METRIC_READY, NULL, NULL, 0);
    ck_assert(has_line(metrics, "\nvox_sink_ready 0\n"));
    metrics_free(metrics);
}
END_TEST

START_TEST(metrics__histograms_accumulate)
{
    struct metrics *metrics = metrics_new();
    metrics_observe(metrics, METRIC_BATCH_EVENTS, 1);
    metrics_observe(metrics, METRIC_BATCH_EVENTS, 3);
    metrics_observe(metrics, METRIC_BATCH_EVENTS, 1000000);
    metrics_observe(metrics, METRIC_COMMIT_SECONDS, 250);
    ck_assert(has_line(metrics, "\nvox_sink_batch_events_bucket{le=\"1\"} 1\n"));
    ck_assert(has_line(metrics, "\nvox_sink_batch_events_bucket{le=\"4\"} 2\n"));
    ck_assert(has_line(metrics, "\nvox_sink_batch_events_bucket{le=\"+Inf\"} 3\n"));
    ck_assert(has_line(metrics, "\nvox_sink_batch_events_count 3\n"));
    ck_assert(has_line(metrics, "\nvox_sink_commit_seconds_bucket{le=\"0.00025\"} 1\n"));
    ck_assert(has_line(metrics, "\nvox_sink_commit_seconds_sum 0.000250\n"));
    metrics_free(metrics);
}
END_TEST

START_TEST(metrics__series_are_bounded)
{
    struct metrics *metrics = metrics_new();
    for (int i = 0; i < 10000; i++) {
        char label[32];
        snprintf(label, sizeof(label), "c%d", i);
        metrics_add(metrics, METRIC_EVENTS, label, "stored", 1);
    }
    uint64_t other = metrics_get(metrics, METRIC_EVENTS, "other", "other");
    ck_assert_uint_gt(other, 10000 - 4097);
    ck_assert_uint_eq(metrics_get(metrics, METRIC_EVENTS, "c0", "stored"), 1);
    // Every family has room for its own "other", however its labels are called.
    for (int i = 0; i < 10000; i++) {
        char label[32];
        snprintf(label, sizeof(label), "o%d", i);
        metrics_add(metrics, METRIC_RELOADS, "other", label, 1);
        metrics_add(metrics, METRIC_PROBLEMS, label, NULL, 1);
    }
    ck_assert_uint_eq(metrics_get(metrics, METRIC_RELOADS, "other", "other"), 10000);
    ck_assert_uint_eq(metrics_get(metrics, METRIC_PROBLEMS, "other", NULL), 10000);
    ck_assert(has_line(metrics, "\nvox_sink_problems_total{code=\"other\"} 10000\n"));
    metrics_free(metrics);
}
END_TEST

START_TEST(metrics__asking_makes_no_series)
{
    struct metrics *metrics = metrics_new();
    ck_assert_uint_eq(metrics_get(metrics, METRIC_PROBLEMS, "route_unknown", NULL), 0);
    ck_assert(!has_line(metrics, "code=\"route_unknown\""));
    metrics_free(metrics);
}
END_TEST

CHECK_MAIN("metrics", metrics__counts_by_labels, metrics__gauges_replace, metrics__histograms_accumulate,
           metrics__series_are_bounded, metrics__asking_makes_no_series)
