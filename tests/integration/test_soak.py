# SPDX-License-Identifier: Apache-2.0
"""Ten minutes of mixed load leave the sink as large as the first five did: what leaks a little shows in the end."""

import collections
import gzip
import itertools
import json
import statistics
import threading
import time

from voxtest import LONG, SANITIZED, SinkCase, model_call, uuid7, zstd

SECONDS = 600
EVERY = 2  # seconds between two looks at the memory
LINES = 200  # of a batch
KEYED = 8  # connections with single events; of everything else there is one
# Over the second half: four bytes of a million requests; what allocators and caches give and take is less.
GROWTH_MB = 4
BATCH = ("Content-Type", "application/vnd.vox.telemetry.batch+ndjson")


def text(call):
    return json.dumps(call, separators=(",", ":")).encode()


class Mix:
    """Threads that each do one kind of request over and over; any answer but the wanted one, or 503, is a fault."""

    def __init__(self, case):
        self.case = case
        self.stored = collections.deque([self.fresh()], 1000)
        self.stop = threading.Event()
        self.answers = collections.Counter()
        self.faults = []
        kinds = [self.keyed] * KEYED + [self.packed, self.batch, self.duplicate, self.reused, self.invalid, self.reads,
                                        self.pages, self.strangers]
        self.threads = [threading.Thread(target=self.work, args=(kind,)) for kind in kinds]

    def fresh(self):
        key = uuid7()
        self.case.assert_receipt(self.case.sink.post(model_call(key), self.case.write_token, key))
        return key

    def start(self):
        for thread in self.threads:
            thread.start()

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(120)
        self.case.assertFalse(any(thread.is_alive() for thread in self.threads), "each load comes to its end")

    def work(self, kind):
        try:
            with self.case.sink.connect() as connection:
                for number in itertools.count():
                    if self.stop.is_set():
                        return
                    kind(connection, number)
        except Exception as error:  # noqa: BLE001  (told by the test's own thread)
            self.faults.append(f"{kind.__name__}: {error!r}")

    def take(self, kind, answer, *wanted):
        self.answers[kind, answer.status] += 1
        if answer.status not in (*wanted, 503):
            raise AssertionError(answer)
        return answer.status in wanted

    def post(self, connection, body, *headers, key=None, target="/v1/events", token=None):
        keys = [("Idempotency-Key", key)] if key else []
        return connection.request("POST", target, body, [*keys, *headers], token or self.case.write_token)

    def get(self, connection, target, token):
        return connection.request("GET", target, token=token)

    def keyed(self, connection, number):
        key = uuid7()
        if self.take("event", self.post(connection, text(model_call(key)), key=key), 201) and number % 50 == 0:
            self.stored.append(key)

    def packed(self, connection, number):
        coding, pack = (("gzip", gzip.compress), ("zstd", zstd))[number % 20 == 0]
        body = pack(text(model_call(uuid7())))
        self.take(coding, self.post(connection, body, ("Content-Encoding", coding), key=uuid7()), 201)

    def batch(self, connection, _):
        """Two lines in three are good, every third is of a kind that is refused."""
        wrong = itertools.cycle([{"Unheard": {}}, model_call(latency_ms=-1), model_call("/home/someone/x"), 7])
        lines = [text({"id": uuid7(), "event": next(wrong) if i % 3 == 2 else model_call(uuid7())}) for i in range(LINES)]
        answer = self.post(connection, b"\n".join(lines), BATCH, target="/v1/batch")
        if self.take("batch", answer, 200):
            for line in answer.body.splitlines():
                self.answers["line", json.loads(line).get("status")] += 1

    def duplicate(self, connection, _):
        key = self.stored[-1]
        self.take("duplicate", self.post(connection, text(model_call(key)), key=key), 200)

    def reused(self, connection, _):
        self.take("id reused", self.post(connection, text(model_call("other")), key=self.stored[-1]), 409)

    def invalid(self, connection, number):
        body, status = ((b"{", 400), (b'{"Unheard":{}}', 422), (text(model_call(latency_ms=-1)), 422),
                        (text(model_call("/home/someone/x")), 422))[number % 4]
        self.take("invalid", self.post(connection, body, key=uuid7()), status)

    def reads(self, connection, number):
        target = (f"/v1/receipts/{self.stored[-1]}", "/v1/contracts", "/readyz", "/metrics", "/version")[number % 5]
        self.take("read", self.get(connection, target, self.case.write_token), 200)

    def pages(self, connection, number):
        target = f"/v1/admin/events?contract=model-call.v1&limit={1 + number % 100}"
        self.take("page", self.get(connection, target, self.case.read_token), 200)

    def strangers(self, _, number):
        """A connection of its own each, now and then one that ends in the middle of a request."""
        with self.case.sink.connect() as connection:
            if number % 3 == 0:
                connection.send(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
            else:
                self.take("stranger", self.post(connection, b"{}", token="nobody"), 401)


class Soak(SinkCase):
    def test_memory_does_not_grow(self):
        if not LONG or SANITIZED:
            self.skipTest("only in the long run, and without a sanitizer")
        mix = Mix(self)
        mix.start()
        began = time.monotonic()
        seen = []
        while (at := time.monotonic() - began) < SECONDS and not mix.faults:
            seen.append((at, self.sink.rss() / 1e6))
            mix.stop.wait(EVERY)
        descriptors = self.sink.descriptors()
        mix.finish()
        self.assertEqual(mix.faults, [])
        half = [(at, mb) for at, mb in seen if at >= SECONDS / 2]
        growth = statistics.linear_regression(*zip(*half)).slope * SECONDS / 2
        counts = ", ".join(f"{kind} {status}: {count}" for (kind, status), count in sorted(mix.answers.items(), key=str))
        print(f"    {counts}\n    {seen[0][1]:.1f} MB at first, {half[0][1]:.1f} after half the time, {seen[-1][1]:.1f} in "
              f"the end, {max(mb for _, mb in seen):.1f} at most; {descriptors} descriptors\n    rss_growth_mb: {growth:.2f}")
        self.assertLess(growth, GROWTH_MB)
