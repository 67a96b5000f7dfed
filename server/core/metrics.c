// SPDX-License-Identifier: Apache-2.0
// A table of series behind one mutex, and the exposition text.
#include "server/core/metrics.h"

#include <pthread.h>

#define SERIES_MAX   4096
#define SERIES_TOTAL (SERIES_MAX + METRIC_COUNT) // each family's "other" fits when all else is full
#define SLOTS        8192                        // about twice the series, so that probing ends soon
#define LABEL_MAX    64
#define BUCKETS      16

struct metric_info {
    enum metric_type type;
    const char *name;
    const char *label[2];
    const char *help;
};

static const struct metric_info infos[METRIC_COUNT] = {
#define METRIC(id, type, name, label1, label2, help) \
    [METRIC_##id] = {METRIC_TYPE_##type, name, {label1, label2}, help},
#include "server/core/metrics.def"
#undef METRIC
};

// Upper bounds; the last bucket is +Inf. Sizes count, seconds are in microseconds.
static const uint64_t size_bounds[BUCKETS - 1] = {1,   2,   4,    8,    16,   32,   64,   128,
                                                  256, 512, 1024, 2048, 4096, 8192, 16384};
static const uint64_t second_bounds[BUCKETS - 1] = {
    100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000, 5000000};

struct series {
    enum metric metric;
    char label[2][LABEL_MAX];
    uint64_t count;
    double gauge;
};

struct histogram {
    uint64_t bucket[BUCKETS];
    uint64_t count;
    uint64_t sum;
};

struct values {
    struct histogram histograms[METRIC_COUNT];
    size_t count;
    struct series series[SERIES_TOTAL]; // in order of their first values
};

struct metrics {
    pthread_mutex_t mutex;
    uint16_t slots[SLOTS]; // hash table: 1 + place in `series`, 0 is free
    struct values values;
};

struct metrics *metrics_new(void)
{
    struct metrics *metrics = calloc(1, sizeof(*metrics));
    if (metrics)
        pthread_mutex_init(&metrics->mutex, NULL);
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    pthread_mutex_destroy(&metrics->mutex);
    free(metrics);
}

// FNV-1a over the family and its labels.
static size_t slot_of(enum metric metric, const char *label[2])
{
    uint64_t hash = 1469598103934665603ULL ^ (uint64_t)metric;
    for (int i = 0; i < 2; i++) {
        for (const char *p = label[i]; p && *p; p++)
            hash = (hash ^ (unsigned char)*p) * 1099511628211ULL;
        hash = (hash ^ 0xff) * 1099511628211ULL;
    }
    return (size_t)(hash ^ (hash >> 32)) % SLOTS;
}

static bool label_is(const char *stored, const char *label)
{
    return strncmp(stored, label ? label : "", LABEL_MAX - 1) == 0;
}

// The slot of the series, or the free one where it would go. Called with the mutex held.
static uint16_t *find_slot(struct metrics *metrics, enum metric metric, const char *label1,
                           const char *label2)
{
    const char *label[2] = {label1, label2};
    for (size_t slot = slot_of(metric, label);; slot = (slot + 1) % SLOTS) {
        uint16_t *place = &metrics->slots[slot];
        if (!*place)
            return place;
        const struct series *s = &metrics->values.series[*place - 1];
        if (s->metric == metric && label_is(s->label[0], label1) && label_is(s->label[1], label2))
            return place;
    }
}

static const char *other_of(const char *label)
{
    return label ? "other" : NULL;
}

// The series, made if need be. Called with the mutex held.
static struct series *need_series(struct metrics *metrics, enum metric metric, const char *label1,
                                  const char *label2)
{
    struct values *v = &metrics->values;
    const char *label[2] = {label1, label2};
    uint16_t *place = find_slot(metrics, metric, label1, label2);
    if (!*place && v->count >= SERIES_MAX) {
        // Full: everything new of a family shares one series.
        label[0] = other_of(label1);
        label[1] = other_of(label2);
        place = find_slot(metrics, metric, label[0], label[1]);
    }
    if (!*place) {
        BUG_ON(v->count >= SERIES_TOTAL);
        struct series *s = &v->series[v->count++];
        s->metric = metric;
        for (int i = 0; i < 2; i++)
            snprintf(s->label[i], LABEL_MAX, "%s", label[i] ? label[i] : "");
        *place = (uint16_t)v->count;
    }
    return &v->series[*place - 1];
}

void metrics_add(struct metrics *metrics, enum metric metric, const char *label1, const char *label2,
                 uint64_t n)
{
    pthread_mutex_lock(&metrics->mutex);
    need_series(metrics, metric, label1, label2)->count += n;
    pthread_mutex_unlock(&metrics->mutex);
}

void metrics_set(struct metrics *metrics, enum metric metric, const char *label1, const char *label2,
                 double value)
{
    pthread_mutex_lock(&metrics->mutex);
    need_series(metrics, metric, label1, label2)->gauge = value;
    pthread_mutex_unlock(&metrics->mutex);
}

static const uint64_t *bounds_of(enum metric metric)
{
    return infos[metric].type == METRIC_TYPE_SIZES ? size_bounds : second_bounds;
}

void metrics_observe(struct metrics *metrics, enum metric metric, uint64_t value)
{
    const uint64_t *bounds = bounds_of(metric);
    size_t bucket = 0;
    while (bucket < BUCKETS - 1 && value > bounds[bucket])
        bucket++;
    pthread_mutex_lock(&metrics->mutex);
    struct histogram *h = &metrics->values.histograms[metric];
    h->bucket[bucket]++;
    h->count++;
    h->sum += value;
    pthread_mutex_unlock(&metrics->mutex);
}

uint64_t metrics_get(struct metrics *metrics, enum metric metric, const char *label1, const char *label2)
{
    pthread_mutex_lock(&metrics->mutex);
    uint16_t place = *find_slot(metrics, metric, label1, label2);
    uint64_t count = place ? metrics->values.series[place - 1].count : 0;
    pthread_mutex_unlock(&metrics->mutex);
    return count;
}

static void render_histogram(const struct histogram *h, enum metric metric, struct buf *buf)
{
    const struct metric_info *info = &infos[metric];
    bool seconds = info->type == METRIC_TYPE_SECONDS;
    uint64_t total = 0;
    for (size_t i = 0; i < BUCKETS - 1; i++) {
        total += h->bucket[i];
        if (seconds)
            buf_putf(buf, "%s_bucket{le=\"%g\"} %llu\n", info->name, (double)second_bounds[i] / 1e6,
                     (unsigned long long)total);
        else
            buf_putf(buf, "%s_bucket{le=\"%llu\"} %llu\n", info->name, (unsigned long long)size_bounds[i],
                     (unsigned long long)total);
    }
    buf_putf(buf, "%s_bucket{le=\"+Inf\"} %llu\n", info->name, (unsigned long long)h->count);
    buf_putf(buf, "%s_sum %.6f\n", info->name, seconds ? (double)h->sum / 1e6 : (double)h->sum);
    buf_putf(buf, "%s_count %llu\n", info->name, (unsigned long long)h->count);
}

static void render_series(const struct series *s, struct buf *buf)
{
    const struct metric_info *info = &infos[s->metric];
    buf_put_cstr(buf, info->name);
    for (int i = 0; i < 2 && info->label[i]; i++)
        buf_putf(buf, "%s%s=\"%s\"", i ? "," : "{", info->label[i], s->label[i]);
    buf_put_cstr(buf, info->label[0] ? "} " : " ");
    if (info->type == METRIC_TYPE_GAUGE)
        buf_putf(buf, "%.15g\n", s->gauge);
    else
        buf_putf(buf, "%llu\n", (unsigned long long)s->count);
}

// What has a value, copied so that nobody who counts waits for the formatting. NULL when memory is out.
static struct values *copy_values(struct metrics *metrics)
{
    struct values *copy = malloc(sizeof(*copy));
    if (!copy)
        return NULL;
    pthread_mutex_lock(&metrics->mutex);
    memcpy(copy, &metrics->values,
           offsetof(struct values, series) + metrics->values.count * sizeof(struct series));
    pthread_mutex_unlock(&metrics->mutex);
    return copy;
}

void metrics_render(struct metrics *metrics, struct buf *buf)
{
    static const char *const types[] = {"counter", "gauge", "histogram", "histogram"};
    struct values *v = copy_values(metrics);
    if (!v) {
        buf->failed = true;
        return;
    }
    for (size_t m = 0; m < METRIC_COUNT; m++) {
        const struct metric_info *info = &infos[m];
        buf_putf(buf, "# HELP %s %s\n# TYPE %s %s\n", info->name, info->help, info->name, types[info->type]);
        if (info->type == METRIC_TYPE_SIZES || info->type == METRIC_TYPE_SECONDS) {
            render_histogram(&v->histograms[m], (enum metric)m, buf);
            continue;
        }
        for (size_t i = 0; i < v->count; i++)
            if (v->series[i].metric == (enum metric)m)
                render_series(&v->series[i], buf);
    }
    free(v);
}
