# SPDX-License-Identifier: Apache-2.0
"""A row that PostgreSQL refuses, past every check of the door, costs nobody but its sender."""

import concurrent.futures
import json

from voxtest import SinkCase, model_call, uuid7, wait_until

CLIENTS = 10
EVENTS = 100


class PoisonRow(SinkCase):
    # Longer than the slowest machine needs to send all while the database stands still.
    options = {"commit_deadline": 60_000, "stop_deadline": 70}

    def test_one_of_a_hundred(self):
        """The database refuses by a constraint that only this test has: 99 events get 201, one its own 422."""
        self.sql("ALTER TABLE telemetry.events ADD CONSTRAINT only_in_this_test "
                 "CHECK (payload->'ModelCall'->>'trace_id' <> 'poison')")
        tokens = [self.sink.token("demo", "ingest", "--label", f"client-{i}") for i in range(CLIENTS)]
        ids = [uuid7() for _ in range(EVENTS)]
        bodies = [json.dumps(model_call("poison" if i == 37 else f"good-{i}")).encode() for i in range(EVENTS)]
        # Tokens made a moment ago are known before the writer is held.
        for i, token in enumerate(tokens):
            self.assert_receipt(self.sink.post(model_call(f"warm-{i}"), token))
        with concurrent.futures.ThreadPoolExecutor(EVENTS + 1) as pool:
            with self.cluster.frozen():
                # What comes first is with the writer, the rest waits: then it goes as one batch.
                first = pool.submit(self.sink.post, model_call("first"), self.write_token)
                answers = [pool.submit(self.sink.post, bodies[i], tokens[i % CLIENTS], ids[i])
                           for i in range(EVENTS)]
                # How many of them the writer took with the first is chance: count who waits for an answer, and us.
                wait_until(lambda: self.sink.metrics()["vox_sink_connections", ()] >= EVENTS + 2,
                           "the events wait for one transaction")
            self.assert_receipt(first.result())
            answers = [answer.result() for answer in answers]
        for i, answer in enumerate(answers):
            if i == 37:
                self.assert_problem(answer, "storage_refused")
            else:
                self.assert_receipt(answer, event_id=ids[i])
            self.assertEqual(self.stored(ids[i]), 0 if i == 37 else 1)
        metrics = self.sink.metrics()
        self.assertGreaterEqual(metrics["vox_sink_batches_total", (("outcome", "data_error"),)], 1)
        self.assertEqual(metrics["vox_sink_events_total",
                                 (("contract", "model-call.v1"), ("outcome", "storage_refused"))], 1)
