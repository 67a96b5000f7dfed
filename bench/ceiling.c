// SPDX-License-Identifier: Apache-2.0
// The ceiling: the writer's own statements straight from memory through one connection, no HTTP, no judging.
// Its rows are the sink's, with the event's trace_id in its column and index.
//
//     VOX_SINK_DATABASE_URL=… bench_ceiling BODY_FILE BATCH SECONDS
//
// prints `rate` and the latency percentiles of its transactions.
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "server/store/catalog.h"
#include "server/store/events.h"

#include "bench/stats.h"
#include "bench/trace.h"

#include <fcntl.h>
#include <sodium.h>

#define BATCH_MAX 1000

static void on_done(struct event *event UNUSED)
{
}

static void fill(struct event *event, struct str text, struct str trace_id, int32_t contract_id,
                 uint64_t serial)
{
    *event = (struct event){.id = uuid_v7(clock_wall_us(clock_system())),
                            .project_id = 1,
                            .contract_id = contract_id,
                            .token_id = 1,
                            .class_ = 1,
                            .expiry_kind = EXPIRY_DAYS,
                            .expiry_days = 365,
                            .trace_id = trace_id,
                            .text = text,
                            .done = on_done};
    memcpy(event->sha256, &serial, sizeof(serial));
}

static bool run(struct db *db, struct str text, int32_t contract_id, size_t batch, int64_t us,
                struct err *err)
{
    static struct event events[BATCH_MAX];
    static struct event *pointers[BATCH_MAX];
    struct stats stats = {0};
    struct str trace_id = trace_of(text);
    uint64_t serial = 0;
    int64_t began = clock_mono_us(clock_system()), now = began;
    while (now < began + us) {
        for (size_t i = 0; i < batch; i++) {
            fill(&events[i], text, trace_id, contract_id, serial++);
            pointers[i] = &events[i];
        }
        int64_t start = clock_mono_us(clock_system());
        if (store_commit(db, pointers, batch, NULL, start + 60 * USEC_PER_SEC, err) != COMMIT_DONE)
            return false;
        now = clock_mono_us(clock_system());
        stats_add(&stats, now - start);
    }
    printf("rate: %.1f\n", (double)serial / ((double)(now - began) / 1e6));
    stats_print(&stats);
    return true;
}

int main(int argc, char **argv)
{
    const char *url = getenv("VOX_SINK_DATABASE_URL");
    struct err err;
    struct buf body;
    struct db *db;
    if (argc != 4 || !url) {
        fprintf(stderr, "usage: VOX_SINK_DATABASE_URL=… bench_ceiling BODY_FILE BATCH SECONDS\n");
        return 2;
    }
    size_t batch = strtoul(argv[2], NULL, 10);
    int64_t us = (int64_t)(strtod(argv[3], NULL) * 1e6);
    // A contract of its own, so that the sink's rows stay as they are.
    struct contract_row contract = {
        .name = STR("bench-ceiling.v1"), .id = STR("bench-ceiling"), .version = 1, .class_ = 1, .days = 365};
    buf_init(&body, 2 << 20);
    if (batch < 1 || batch > BATCH_MAX || sodium_init() < 0 ||
        !file_read_at(AT_FDCWD, argv[1], &body, &err) ||
        !db_connect(url, DB_WRITER, clock_mono_us(clock_system()) + 10 * USEC_PER_SEC, &db, &err) ||
        !store_contracts_sync(db, &contract, 1, &err) ||
        !run(db, buf_str(&body), contract.ret_id, batch, us, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    db_close(db);
    buf_release(&body);
    return 0;
}
