# SPDX-License-Identifier: Apache-2.0
"""bench/run growth: the sink on a database that has grown, beside the same sink on an empty one."""

import datetime
import random
import statistics
import threading
import time
import urllib.parse

from common import Bench, Sink, EVENT, tool

STEP = 250_000
PARTITIONS = 400
DROPS = 5
DAYS = 90
CONNECTIONS = 256
QUERIES = 400

# Weeks ahead until the table has as many partitions as a long life with long retention gives it.
MORE_PARTITIONS = f"""
DO $$
DECLARE
    monday date := date_trunc('week', now())::date;
    name text;
BEGIN
    WHILE (SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry.events'::regclass) < {PARTITIONS} LOOP
        name := 'events_p' || to_char(monday, 'YYYYMMDD');
        IF to_regclass('telemetry.' || name) IS NULL THEN
            EXECUTE format('CREATE TABLE telemetry.%I (LIKE telemetry.events INCLUDING ALL)', name);
            EXECUTE format('ALTER TABLE telemetry.events ATTACH PARTITION telemetry.%I FOR VALUES FROM (%L) TO (%L)',
                           name, monday, monday + 7);
        END IF;
        monday := monday + 7;
    END LOOP;
END
$$;
"""

# Received evenly over the last 90 days, of all contracts with a number of days, each with its own expiry.
ROWS_SQL = """
SET synchronous_commit = off;
WITH kept AS (
    SELECT array_agg(contract_id ORDER BY contract_id) AS ids, array_agg(days ORDER BY contract_id) AS days
    FROM telemetry.contract_retention WHERE days > {days}
), row AS MATERIALIZED (
    SELECT now() - make_interval(secs => {days} * 86400.0 * i / {total}) AS at, gen_random_uuid() AS id,
           1 + i % cardinality(ids) AS n, ids, kept.days
    FROM kept, generate_series({first}, {last}) AS i
), stored AS (
    INSERT INTO telemetry.events (received_at, event_id, project_id, contract_id, token_id, expires_on, due_on, class,
                                  sha256, session_id, trace_id, payload)
    SELECT at, id, 1, ids[n], 1, at::date + days[n], at::date + days[n], 1, sha256(id::text::bytea),
           'session-' || (extract(epoch FROM at)::bigint / 60), left(id::text, 21), '{body}'::jsonb FROM row
)
INSERT INTO telemetry.event_keys (received_at, event_id, project_id, gen, contract_id, expires_on, sha256)
SELECT at, id, 1, gen, ids[n], at::date + days[n], sha256(id::text::bytea) FROM row, telemetry.ledger;
"""

EXPIRED = """
DO $$
DECLARE monday date := date_trunc('week', now())::date - 14;
BEGIN
    EXECUTE format('CREATE TABLE telemetry.%I (LIKE telemetry.events INCLUDING ALL)', 'events_p' || to_char(monday, 'YYYYMMDD'));
    EXECUTE format('ALTER TABLE telemetry.events ATTACH PARTITION telemetry.%I FOR VALUES FROM (%L) TO (%L)',
                   'events_p' || to_char(monday, 'YYYYMMDD'), monday, monday + 7);
    EXECUTE format($q$INSERT INTO telemetry.%I (received_at, event_id, project_id, contract_id, token_id, expires_on, due_on,
        class, sha256, payload) SELECT now() - interval '90 days', gen_random_uuid(), 1, 1, 1, %L, %L, 1,
        sha256(i::text::bytea), {body}::jsonb FROM generate_series(1, {rows}) AS i$q$,
        'events_p' || to_char(monday, 'YYYYMMDD'), monday, monday);
END
$$;
"""


class Growth(Bench):
    """The empty database of a Bench, and a grown one in the same cluster with a sink of its own."""

    def __init__(self, options):
        super().__init__(options.seconds, options.pairs)
        self.rows = options.rows
        self.drop_rows = options.rows // 5

    def __enter__(self):
        super().__enter__()
        self.cluster.create_database("grown")
        self.grown = Sink(self.cluster.url("grown"), **self.options)
        self.grown.migrate()
        self.grown_token = self.grown.token("bench", "ingest,read")
        # It makes the contracts known; then it stands still, for it makes partitions too.
        self.grown.start()
        self.grown.ready()
        self.grown.stop()
        self.fill()
        self.grown.start()
        self.grown.ready()
        return self

    def __exit__(self, *why):
        self.grown.stop()
        super().__exit__(*why)

    def sql(self, text):
        return self.cluster.psql("grown", text)

    def fill(self):
        body = EVENT.read_text().strip()
        began = time.monotonic()
        self.sql(MORE_PARTITIONS)
        for first in range(0, self.rows, STEP):
            last = min(first + STEP, self.rows) - 1
            self.sql(ROWS_SQL.format(days=DAYS, total=self.rows, first=first, last=last, body=body))
        self.sql("VACUUM ANALYZE telemetry.events, telemetry.event_keys")
        self.sql("CHECKPOINT")
        print(f"{self.rows} rows in {PARTITIONS} partitions after {time.monotonic() - began:.0f} s", flush=True)

    def load_grown(self, connections, seconds=None):
        host, port = self.grown.address
        return tool("load", f"{host}:{port}", self.grown_token, EVENT, connections, seconds or self.seconds)

    def growth(self):
        self.load(CONNECTIONS, 3)
        self.load_grown(CONNECTIONS, 3)
        _, middle, low, high = self.ratios(
            "growth_vs_empty", lambda: self.load_grown(CONNECTIONS), lambda: self.load(CONNECTIONS), "rate")
        print(f"{CONNECTIONS} connections: {middle:.2f} of the empty database's rate ({low:.2f}..{high:.2f})", flush=True)

    def query(self, names):
        """One page of a hundred out of a day, at random within the 90 days; milliseconds."""
        since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(
            days=1 + random.random() * (DAYS - 1))
        until = since + datetime.timedelta(days=1)
        target = "/v1/admin/events?" + urllib.parse.urlencode({
            "contract": random.choice(names), "since": since.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "until": until.strftime("%Y-%m-%dT%H:%M:%SZ"), "limit": 100})
        began = time.monotonic()
        answer = self.grown.get(target, token=self.grown_token)
        took = (time.monotonic() - began) * 1000
        assert answer.status == 200 and len(answer.json()["events"]) == 100, answer
        return took

    def queries(self):
        """Only of contracts whose rows of all these days are still there."""
        names = [row[0] for row in self.sql(
            "SELECT c.name FROM telemetry.contracts c JOIN telemetry.contract_retention r ON r.contract_id = c.id "
            f"WHERE r.days > {DAYS}")]
        for _ in range(20):
            self.query(names)
        took = [self.query(names) for _ in range(QUERIES)]
        p95 = statistics.quantiles(took, n=20)[-1]
        self.figures["query_24h_p95_ms"] = p95
        print(f"a page of a day: median {statistics.median(took):.1f} ms, p95 {p95:.1f} ms, longest {max(took):.1f} ms",
              flush=True)

    def drops(self):
        """One drop is one number, of a disk that now and then stands still for itself: the median of some."""
        taken = [self.drop() for _ in range(DROPS)]
        self.figures["drop_blocked_ms"] = statistics.median(taken)
        print(f"median of {DROPS}: {statistics.median(taken):.0f} ms\n", flush=True)

    def drop(self):
        """The longest that any of 64 connections waited while a partition of a fifth of all the rows went; ms."""
        body = EVENT.read_text().strip()
        self.sql(EXPIRED.format(rows=self.drop_rows, body="'" + body + "'"))
        self.sql("CHECKPOINT")
        quiet = self.load_grown(64, 5)
        dropped = []

        def apply():
            time.sleep(2)  # the load is under way; nothing is judged by it
            dropped.append(self.grown.command("retention", "apply").stdout)

        thread = threading.Thread(target=apply)
        thread.start()
        busy = self.load_grown(64, 8)
        thread.join()
        left = self.cluster.value("grown", "SELECT count(*) FROM pg_class WHERE relname = 'events_p' || "
                                           "to_char(date_trunc('week', now())::date - 14, 'YYYYMMDD')")
        assert left == "0", dropped
        print(f"longest answer while {self.drop_rows} rows were dropped: {busy['max_us'] / 1000:.0f} ms; "
              f"without a drop {quiet['max_us'] / 1000:.0f} ms", flush=True)
        return busy["max_us"] / 1000


def measure(options):
    with Growth(options) as bench:
        bench.growth()
        bench.queries()
        bench.drops()
        return bench.figures
