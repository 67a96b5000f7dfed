# SPDX-License-Identifier: Apache-2.0
"""bench/run size: bytes on disk and of WAL that a stored event takes, for docs/SCALING.md's sizing table."""

import json

from batch import Unlimited, body, send
from common import ROOT
from voxtest.http import Connection

SAMPLES = ("model-call.v1/valid/typical", "research-metric.v1/valid/longest-names",
           "research-metric.v1/valid/large-metadata")
ROWS = 200_000  # of the first sample; a quarter of the others
LINES = 2_500   # of a batch: the largest sample keeps within a request's limit
SINGLE_SECONDS = 20

# Tables of a parent with their indexes and what is out of line, and what of that are indexes.
SIZES = """
SELECT coalesce(sum(pg_total_relation_size(inhrelid)), 0), coalesce(sum(pg_indexes_size(inhrelid)), 0)
FROM pg_inherits WHERE inhparent = 'telemetry.{}'::regclass
"""


class Size:
    def __init__(self, bench):
        self.bench = bench

    def sql(self, text):
        return self.bench.cluster.psql("bench", text)

    def look(self):
        """Rows, bytes of WAL, and for events and event_keys bytes in all and of indexes."""
        rows = int(self.sql("SELECT count(*) FROM telemetry.events")[0][0])
        wal = int(self.sql("SELECT pg_current_wal_lsn() - '0/0'")[0][0])
        sizes = [int(n) for table in ("events", "event_keys") for n in self.sql(SIZES.format(table))[0]]
        return [rows, wal, *sizes]

    def since(self, store):
        """What each row took that store() stored; no checkpoint comes between, so WAL has no whole pages."""
        before = self.look()
        store()
        after = self.look()
        rows = after[0] - before[0]
        return [(b - a) / rows for a, b in zip(before[1:], after[1:])]

    def batches(self, text, rows):
        with Connection(self.bench.sink.address, 600) as connection:
            for _ in range(rows // LINES):
                send(connection, self.bench.token, body(text, LINES), LINES)


def measure(options):
    with Unlimited(options.seconds, options.pairs) as bench:
        size = Size(bench)
        print(f"{'event':>44}  {'bytes':>5}  {'events':>6}  {'its indexes':>11}  {'ledger':>6}  {'its indexes':>11}  "
              f"{'WAL':>5}", flush=True)

        def row(name, length, took):
            wal, events, indexes, keys, keys_indexes = took
            print(f"{name:>44}  {length:>5}  {events:>6.0f}  {indexes:>11.0f}  {keys:>6.0f}  {keys_indexes:>11.0f}  "
                  f"{wal:>5.0f}", flush=True)

        for i, name in enumerate(SAMPLES):
            sample = json.loads((ROOT / f"contracts/samples/{name}.json").read_text())
            text = json.dumps(sample, separators=(",", ":"), ensure_ascii=False)
            took = size.since(lambda t=text, i=i: size.batches(t, ROWS if i == 0 else ROWS // 4))
            row(f"{name}, batches", len(text.encode()), took)
            if i == 0:
                bench.figures["size_disk_bytes"] = took[1] + took[3]
                bench.figures["size_wal_bytes"] = took[0]
        for connections in (64, 1):
            took = size.since(lambda n=connections: bench.load(n, SINGLE_SECONDS))
            row(f"{SAMPLES[0]}, {connections} at once", 404, took)
            bench.figures[f"size_wal_bytes_{connections}"] = took[0]
    return bench.figures
