// SPDX-License-Identifier: Apache-2.0
// Counters, gauges and histograms of the process, and their Prometheus text (exposition format 0.0.4).
//
// One table (metrics.def) names every family: name, type, help, label names. Any thread may count at any
// time; a series appears with its first value. At most 4096 series: past that all labels of a new one become
// "other". Label values are ours (routes, codes, contract names), never a client's text.
#ifndef VOX_CORE_METRICS_H
#define VOX_CORE_METRICS_H

#include "lib/base/buf.h"

enum metric {
#define METRIC(id, type, name, label1, label2, help) METRIC_##id,
#include "server/core/metrics.def"
#undef METRIC
    METRIC_COUNT
};

enum metric_type { METRIC_TYPE_COUNTER, METRIC_TYPE_GAUGE, METRIC_TYPE_SIZES, METRIC_TYPE_SECONDS };

struct metrics;

MUST_CHECK struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);
// Labels are C strings, NULL where the family has fewer. They are copied.
void metrics_add(struct metrics *metrics, enum metric metric, const char *label1, const char *label2,
                 uint64_t n);
void metrics_set(struct metrics *metrics, enum metric metric, const char *label1, const char *label2,
                 double value);
// Histograms: SIZES takes a count, SECONDS takes microseconds.
void metrics_observe(struct metrics *metrics, enum metric metric, uint64_t value);
// A counter's value; 0 if it has none yet.
uint64_t metrics_get(struct metrics *metrics, enum metric metric, const char *label1, const char *label2);
// Formats a copy, so that who counts meanwhile does not wait. Out of memory marks `buf` failed.
void metrics_render(struct metrics *metrics, struct buf *buf);

#endif
