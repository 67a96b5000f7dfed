# SPDX-License-Identifier: Apache-2.0
"""What the test classes share: a database and a sink of their own, and checks of answers."""

import atexit
import itertools
import unittest

from .base import PROBLEMS, uuid7, wait_until
from .cluster import Cluster
from .sink import Sink

# A disk or a processor that is away for some seconds is no fault of the sink's: it has time for each event. A class with
# a cluster of its own looks at what becomes of events when the database is away, and has the sink's own deadlines.
PATIENT = {"commit_deadline": 30_000, "stop_deadline": 45}

_cluster = None
_numbers = itertools.count(1)


def shared_cluster():
    """One cluster for all tests of a process that do not harm it."""
    global _cluster
    if _cluster is None:
        _cluster = Cluster().start()
        atexit.register(_cluster.remove)
    return _cluster


class SinkCase(unittest.TestCase):
    """setUpClass: a fresh migrated database, a running ready sink, tokens of project `demo`.

    A class that wants another sink sets `options`, or `serve = False` and starts its own.
    """

    options = {}
    serve = True
    own_cluster = False
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls._clean)
        cls._sinks = []
        cls.cluster = Cluster().start() if cls.own_cluster else shared_cluster()
        cls.database = f"t{next(_numbers)}_{cls.__name__.lower()}"
        cls.cluster.create_database(cls.database)
        cls.sink = cls.new_sink(**cls.options).migrate()
        cls.write_token = cls.sink.token("demo", "ingest")
        cls.read_token = cls.sink.token("demo", "read")
        if cls.serve:
            cls.sink.start().ready()

    @classmethod
    def new_sink(cls, **options):
        if not cls.own_cluster and not options.keys() & PATIENT.keys():
            options = {**PATIENT, **options}
        sink = Sink(cls.cluster.url(cls.database), **options)
        cls._sinks.append(sink)
        return sink

    @classmethod
    def _clean(cls):
        # A failed check of one sink must not keep the others or the cluster alive.
        failures = []
        for sink in getattr(cls, "_sinks", []):
            try:
                if sink.process and sink.process.poll() is None:
                    code = sink.stop()
                    if code != 0:
                        failures.append(f"exit {code} after SIGTERM: {sink.log()[-2000:]}")
                sink.check_log()
            except Exception as error:  # noqa: BLE001
                failures.append(str(error))
                if sink.process and sink.process.poll() is None:
                    sink.kill()
            sink.release()
        if cls.own_cluster and getattr(cls, "cluster", None):
            cls.cluster.remove()
        elif getattr(cls, "database", None):
            cls.cluster.drop_database(cls.database)
        if failures:
            raise AssertionError("\n".join(failures))

    # -- the database

    def sql(self, text):
        return self.cluster.psql(self.database, text)

    def value(self, text):
        return self.cluster.value(self.database, text)

    def stored(self, event_id):
        """How many rows this event has."""
        return int(self.value(f"SELECT count(*) FROM telemetry.events WHERE event_id = '{event_id}'"))

    def rows(self):
        return int(self.value("SELECT count(*) FROM telemetry.events"))

    def wait_accepted(self, token):
        wait_until(lambda: self.sink.get(f"/v1/receipts/{uuid7()}", token=token).status == 404, "a new token works")

    # -- answers

    def settled(self, ask):
        """The first answer of ask() that is not 503, which a sink says of a database that was slow for a moment."""
        return wait_until(lambda: (answer := ask()).status != 503 and answer, "the database answers in time")

    def assert_problem(self, answer, code, status=None):
        """The answer is the problem `code` exactly as the table has it."""
        row = PROBLEMS[code]
        self.assertEqual((answer.status, answer.code), (status or row.status, code), answer)
        self.assertEqual(answer.header("content-type"), "application/problem+json")
        body = answer.json()
        self.assertEqual(body["status"], answer.status)
        self.assertEqual(body["title"], row.title)
        self.assertEqual(body["retry"], row.retry)
        self.assertIsInstance(body["detail"], str)
        self.assertTrue(body["type"], "type is there")
        if answer.status in (429, 503):
            self.assertRegex(answer.header("retry-after") or "", r"^\d+$")
        if answer.status == 401:
            self.assertRegex(answer.header("www-authenticate") or "", r'^Bearer realm="[^"]+"')
        if answer.status == 405:
            self.assertTrue(answer.header("allow"))
        return body

    def assert_receipt(self, answer, status=201, contract="model-call.v1", event_id=None):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(answer.header("content-type"), "application/json")
        self.assertEqual(answer.header("link"), '</v1/batch>; rel="batch"')
        receipt = answer.json()
        self.assertEqual(receipt["contract"], contract)
        self.assertRegex(receipt["event_id"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertRegex(receipt["received_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
        self.assertRegex(receipt["sha256"], r"^[0-9a-f]{64}$")
        self.assertIs(receipt["duplicate"], status == 200)
        if event_id:
            self.assertEqual(receipt["event_id"], event_id)
        return receipt

    def assert_exactly_once(self, load):
        """Every acknowledged id has one row and one ledger entry, as its receipt says; no id has two."""
        self.assertEqual(load.refusals, [])
        self.assertEqual(load.unresolved, set(), "every retried id was stored in the end")
        rows = self.sql("SELECT event_id, encode(sha256, 'hex'), count(*) FROM telemetry.events GROUP BY 1, 2")
        keys = self.sql("SELECT event_id, encode(sha256, 'hex'), count(*) FROM telemetry.event_keys "
                        "WHERE state = 0 GROUP BY 1, 2")
        for what, table in (("events", rows), ("event_keys", keys)):
            twice = [row for row in table if row[2] != "1"]
            self.assertEqual(twice, [], f"stored more than once in {what}")
            found = {row[0]: row[1] for row in table}
            self.assertEqual(len(found), len(table), f"one id with two contents in {what}")
            lost = [i for i in load.acked if i not in found]
            self.assertEqual(lost, [], f"acknowledged but not in {what}")
            wrong = [i for i, r in load.acked.items() if found[i] != r["sha256"]]
            self.assertEqual(wrong, [], f"the receipt's hash is another than in {what}")
