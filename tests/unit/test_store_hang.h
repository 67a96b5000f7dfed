// SPDX-License-Identifier: Apache-2.0
// A PostgreSQL that accepts connections and says nothing: the cluster's processes stopped, and continued.
#ifndef VOX_TESTS_UNIT_TEST_STORE_HANG_H
#define VOX_TESTS_UNIT_TEST_STORE_HANG_H

#include "test_store_cluster.h"

#include <signal.h>

// How often something that is to be quick is tried, where the machine may stand still meanwhile.
#define QUICK_TRIES 10

static pid_t hung[64];
static size_t hung_count;

// The postmaster and every session but the one that asks.
static inline void cluster_hang(const char *url)
{
    PGconn *session = cluster_session(url);
    PGresult *result =
        PQexec(session, "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) UNION ALL"
                        " SELECT pid::text FROM pg_stat_activity WHERE backend_type = 'client backend'"
                        " AND pid <> pg_backend_pid()");
    BUG_ON(!pg_is_ok(result) || PQntuples(result) > (int)ARRAY_LEN(hung));
    hung_count = 0;
    for (int i = 0; i < PQntuples(result); i++) {
        int64_t pid;
        BUG_ON(!str_to_i64(str_from(PQgetvalue(result, i, 0)), &pid));
        hung[hung_count++] = (pid_t)pid;
    }
    PQclear(result);
    PQfinish(session);
    for (size_t i = 0; i < hung_count; i++)
        kill(hung[i], SIGSTOP);
}

static inline void cluster_continue(void)
{
    for (size_t i = 0; i < hung_count; i++)
        kill(hung[i], SIGCONT);
    hung_count = 0;
}

#endif
