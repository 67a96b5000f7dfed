# SPDX-License-Identifier: Apache-2.0
"""Two sinks on one database: one id, one row, also at the same moment and across a rotation of the ledger."""

import json
import threading
import time

from voxtest import Load, SinkCase, model_call, uuid7, wait_until


class TwoSinks(SinkCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.new_sink(**cls.options).start().ready()

    def race(self, pairs):
        """Posts pairs[i][0] to one sink and pairs[i][1] to the other at one moment, all i at once.

        Each side retries its 503s with the same id, as a client would. Returns the final answers.
        """
        results = [[None, None] for _ in pairs]
        barrier = threading.Barrier(2 * len(pairs))

        def work(index, side, event_id, body):
            sink = (self.sink, self.other)[side]
            with sink.connect() as connection:
                barrier.wait(120)
                end = time.monotonic() + 120
                while time.monotonic() < end:
                    answer = connection.request("POST", "/v1/events", json.dumps(body).encode(),
                                                token=self.write_token, headers=[("Idempotency-Key", event_id)])
                    results[index][side] = answer
                    if answer.status != 503:
                        return
        threads = []
        for index, bodies in enumerate(pairs):
            event_id = self.ids[index]
            threads += [threading.Thread(target=work, args=(index, side, event_id, bodies[side])) for side in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        return results

    def test_same_content(self):
        self.ids = [uuid7() for _ in range(40)]
        pairs = [(model_call(i), model_call(i)) for i in self.ids]
        for event_id, answers in zip(self.ids, self.race(pairs)):
            self.assertEqual(sorted(a.status for a in answers), [200, 201], answers)
            receipts = [a.json() for a in answers]
            self.assertEqual({**receipts[0], "duplicate": None}, {**receipts[1], "duplicate": None})
            self.assertEqual(self.stored(event_id), 1)

    def test_other_content(self):
        self.ids = [uuid7() for _ in range(40)]
        pairs = [(model_call("left"), model_call("right")) for _ in self.ids]
        for event_id, answers in zip(self.ids, self.race(pairs)):
            self.assertEqual(sorted(a.status for a in answers), [201, 409], answers)
            winner = next(a for a in answers if a.status == 201).json()
            self.assertEqual(self.sql("SELECT encode(sha256, 'hex') FROM telemetry.events "
                                      f"WHERE event_id = '{event_id}'"), [[winner["sha256"]]])
            self.assert_problem(next(a for a in answers if a.status == 409), "event_id_reused")

    def test_load_on_both(self):
        load = Load([self.sink.address, self.other.address], self.write_token, 32).start()
        wait_until(lambda: load.count() >= 2000, "the load runs", 300)
        load.finish()
        self.assertEqual(self.sink.process.poll(), None)
        self.assert_loaded(load)

    def assert_loaded(self, load):
        self.assertEqual((load.refusals, load.unresolved), ([], set()))
        ids = ",".join(f"'{i}'" for i in load.acked)
        found = self.sql(f"SELECT event_id, count(*) FROM telemetry.events WHERE event_id IN ({ids}) GROUP BY 1")
        self.assertEqual({row[0] for row in found}, set(load.acked))
        self.assertEqual({row[1] for row in found}, {"1"})

    # -- the ledger's generations

    def rotate(self, days):
        """A rotation as it happens `days` from now: by the function that the keeper calls."""
        self.sql(f"SELECT telemetry.rotate_ledger(now() + interval '{days} days', 90, 3)")

    def generations(self):
        return int(self.value("SELECT count(DISTINCT tableoid) FROM telemetry.event_keys"))

    def test_across_a_rotation(self):
        kept = [(uuid7(), model_call(f"kept-{n}")) for n in range(20)]
        first = {}
        for event_id, event in kept:
            first[event_id] = self.assert_receipt(self.sink.post(event, self.write_token, event_id), 201)
        load = Load([self.sink.address, self.other.address], self.write_token, 32).start()
        wait_until(lambda: load.count() >= 500, "the load runs", 300)
        self.rotate(91)
        after = load.count() + 500
        wait_until(lambda: load.count() >= after, "the load goes on", 300)
        load.finish()
        self.assert_loaded(load)
        self.assertEqual(self.generations(), 2, "the rotation opened a generation that is used")
        # What was stored before the rotation is known after it, at both sinks.
        for sink in (self.sink, self.other):
            for event_id, event in kept:
                again = self.assert_receipt(sink.post(event, self.write_token, event_id), 200)
                self.assertEqual({**again, "duplicate": False}, first[event_id])
                self.assert_problem(sink.post(model_call("else"), self.write_token, event_id), "event_id_reused")
            answer = self.settled(lambda: sink.get(f"/v1/receipts/{kept[0][0]}", token=self.read_token))
            self.assertEqual(answer.json()["received_at"], first[kept[0][0]]["received_at"])
        # And each of the load's ids too, whichever generation it is in.
        for event_id in list(load.acked)[::50]:
            self.assertEqual(self.stored(event_id), 1)

    def test_rotations_at_the_moment_of_a_race(self):
        """Both sinks take one id while a generation is opened: still one row.

        One for each race: an id is known for as long as two more generations, and whoever posts late finds it.
        """
        for day in range(200, 200 + 12 * 91, 91):
            self.ids = [uuid7() for _ in range(20)]
            thread = threading.Thread(target=self.rotate, args=(day,))
            thread.start()
            try:
                results = self.race([(model_call(i), model_call(i)) for i in self.ids])
            finally:
                thread.join(300)
            for event_id, answers in zip(self.ids, results):
                self.assertEqual(sorted(a.status for a in answers), [200, 201], answers)
                self.assertEqual(self.stored(event_id), 1)
