# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL that is there and says nothing: requests are answered, and the sink stops."""

import threading
import time

from voxtest import SinkCase, model_call, wait_until

# A commit under way may take its deadline; what is above it is for a busy machine. Who waits for the database, or for
# the end of the time to stop in, waits longer than that.
OPTIONS = {"commit_deadline": 1000, "query_deadline": 1000, "stop_deadline": 120}
LIMIT = 60


class Hang(SinkCase):
    options = OPTIONS
    own_cluster = True

    def test_answers_and_stops(self):
        before = self.settled(lambda: self.sink.post(model_call("before"), self.write_token))
        self.assertEqual(before.status, 201)
        stranger = self.sink.token("other", "read")
        self.cluster.psql(self.database, "DELETE FROM telemetry.tokens WHERE key_id = '%s'" % stranger[4:14])
        wait_until(lambda: self.sink.get("/v1/admin/events", token=stranger).status == 401, "the token is gone")
        answers = []

        def ask(*request, **more):
            began = time.monotonic()
            answer = self.sink.request(*request, **more)
            answers.append((answer.status, time.monotonic() - began))

        with self.cluster.frozen():
            threads = [
                threading.Thread(target=ask, args=("POST", "/v1/events", model_call("hung")),
                                 kwargs={"token": self.write_token}),
                *(threading.Thread(target=ask, args=("GET", "/v1/admin/events"),
                                   kwargs={"token": self.read_token}) for _ in range(20)),
                threading.Thread(target=ask, args=("GET", "/v1/admin/events"), kwargs={"token": stranger}),
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(len(answers), len(threads))
            self.assertEqual({status for status, _ in answers}, {503})
            self.assertLess(max(seconds for _, seconds in answers), LIMIT)
            began = time.monotonic()
            self.assertEqual(self.sink.stop(), 0)
            self.assertLess(time.monotonic() - began, LIMIT)
