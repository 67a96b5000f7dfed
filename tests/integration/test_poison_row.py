# SPDX-License-Identifier: Apache-2.0
"""A row that PostgreSQL refuses, past every check of the door, costs nobody but its sender."""

import concurrent.futures
import json

from voxtest import SinkCase, model_call, uuid7, wait_until

CLIENTS = 10
EVENTS = 100


class PoisonRow(SinkCase):
    def hold_ledger(self):
        """A session that keeps the writer waiting until it is closed, so that what is sent forms one batch."""
        import subprocess
        holder = subprocess.Popen(
            [str(self.cluster.bin / "psql"), "-XAtq", "-d", self.cluster.url(self.database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holder.stdin.write("BEGIN; SELECT pg_advisory_xact_lock(1987016564, 1); SELECT 'held';\n")
        holder.stdin.flush()
        while holder.stdout.readline().strip() != "held":
            pass
        return holder

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
        holder = self.hold_ledger()
        try:
            with concurrent.futures.ThreadPoolExecutor(EVENTS) as pool:
                answers = [pool.submit(self.sink.post, bodies[i], tokens[i % CLIENTS], ids[i])
                           for i in range(EVENTS)]
                # One is with the writer, the rest waits: then they go as one batch.
                wait_until(lambda: self.sink.metrics()["vox_sink_queue_events", ()] >= EVENTS - 10,
                           "the events wait for one transaction")
                holder.stdin.close()
                answers = [answer.result() for answer in answers]
        finally:
            holder.stdin.close()
            holder.wait(30)
            holder.stdout.close()
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
