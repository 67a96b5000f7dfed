// SPDX-License-Identifier: Apache-2.0
// One bare single-row transaction after the other: the same two tables, one prepared statement, one
// connection.
//
//     VOX_SINK_DATABASE_URL=… bench_bare BODY_FILE SECONDS
//
// prints `rate` and latency percentiles: what a lone durable write costs here without a sink.
#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/base/uuid.h"

#include "bench/stats.h"
#include "bench/trace.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <sodium.h>

static const char insert_sql[] =
    "WITH key AS (INSERT INTO telemetry.event_keys (received_at, event_id, project_id, gen, contract_id, "
    "expires_on, "
    "sha256) SELECT now(), $1::uuid, 1, gen, 1, current_date + 365, sha256($1::text::bytea) FROM "
    "telemetry.ledger) "
    "INSERT INTO telemetry.events (received_at, event_id, project_id, contract_id, token_id, expires_on, "
    "due_on, class, sha256, trace_id, payload) VALUES (now(), $1::uuid, 1, 1, 1, current_date + 365, "
    "current_date + 365, 1, sha256($1::text::bytea), $3, $2::jsonb)";

static bool ok(PGresult *result, ExecStatusType expected)
{
    bool good = PQresultStatus(result) == expected;
    if (!good)
        fprintf(stderr, "%s", PQresultErrorMessage(result));
    PQclear(result);
    return good;
}

int main(int argc, char **argv)
{
    const char *url = getenv("VOX_SINK_DATABASE_URL");
    struct err err;
    struct buf body;
    struct stats stats = {0};
    if (argc != 3 || !url) {
        fprintf(stderr, "usage: VOX_SINK_DATABASE_URL=… bench_bare BODY_FILE SECONDS\n");
        return 2;
    }
    buf_init(&body, 2 << 20);
    if (sodium_init() < 0 || !file_read_at(AT_FDCWD, argv[1], &body, &err) || !buf_put_char(&body, '\0')) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    char *trace = str_dup_cstr(trace_of(str_slice(body.ptr, body.len - 1)));
    PGconn *conn = PQconnectdb(url);
    if (!ok(PQprepare(conn, "insert", insert_sql, 0, NULL), PGRES_COMMAND_OK))
        return 1;
    int64_t began = clock_mono_us(clock_system()), now = began,
            ends = began + (int64_t)(strtod(argv[2], NULL) * 1e6);
    while (now < ends) {
        char id[UUID_TEXT_LEN + 1];
        struct uuid uuid = uuid_v7(clock_wall_us(clock_system()));
        const char *values[] = {id, body.ptr, trace};
        uuid_format(&uuid, id);
        int64_t start = clock_mono_us(clock_system());
        if (!ok(PQexecPrepared(conn, "insert", ARRAY_LEN(values), values, NULL, NULL, 0), PGRES_COMMAND_OK))
            return 1;
        now = clock_mono_us(clock_system());
        stats_add(&stats, now - start);
    }
    printf("rate: %.1f\n", (double)stats.count / ((double)(now - began) / 1e6));
    stats_print(&stats);
    PQfinish(conn);
    free(trace);
    buf_release(&body);
    return 0;
}
