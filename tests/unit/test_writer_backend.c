// SPDX-License-Identifier: Apache-2.0
// The writer's connection to a real PostgreSQL: proved by its deadline, and free of it afterwards.
#include "server/writer/backend.h"

#include "test_store_cluster.h"

#include "check_main.h"

#include <poll.h>

START_TEST(writer_backend__connects_by_its_deadline)
{
    char *url = cluster_database();
    struct writer_backend backend = writer_backend_store(url);
    struct err err = {""};
    PGconn *other = cluster_session(url);
    cluster_run(other, "BEGIN; LOCK TABLE telemetry.schema_migrations");
    // Less than the lock's timeout of 500 ms.
    void *connection = backend.connect(backend.context, pg_deadline_in(200 * USEC_PER_MSEC), &err);
    PQfinish(other);
    ck_assert_ptr_null(connection);
    // Who comes to look only after that timeout finds its error there.
    ck_assert_msg(strstr(err.text, "in time") || strstr(err.text, "55P03"), "%s", err.text);
    free(url);
}
END_TEST

START_TEST(writer_backend__commits_past_the_deadline_of_its_connecting)
{
    char *url = cluster_database();
    struct writer_backend backend = writer_backend_store(url);
    struct err err = {""};
    struct event event, *list = &event;
    int64_t deadline = 0;
    void *connection = NULL;
    for (int64_t seconds = 2; !connection && seconds < 100; seconds *= 2) {
        deadline = pg_deadline_in(seconds * USEC_PER_SEC);
        connection = backend.connect(backend.context, deadline, &err);
    }
    ck_assert_msg(connection, "%s", err.text);
    event_make(&event, 1, "{}");
    while (pg_deadline_in(0) <= deadline)
        poll(NULL, 0, 50);
    ck_assert(backend.alive(connection));
    ck_assert_int_eq(backend.commit(connection, &list, 1, NULL, pg_deadline_in(120 * USEC_PER_SEC), &err),
                     COMMIT_DONE);
    backend.close(connection);
    free(url);
}
END_TEST

CHECK_MAIN_WITH(cluster_start, "writer_backend", writer_backend__connects_by_its_deadline,
                writer_backend__commits_past_the_deadline_of_its_connecting)
