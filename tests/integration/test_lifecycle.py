# SPDX-License-Identifier: Apache-2.0
"""Start, ready, reload, stop; and the endpoints that tell about them."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
from urllib.parse import quote

from voxtest import CONTRACTS, Load, SANITIZED, SINK, SinkCase, model_call, samples, uuid7, wait_until


class Endpoints(SinkCase):

    def test_healthz(self):
        answer = self.sink.get("/healthz")
        self.assertEqual(answer.status, 200)

    def test_readyz(self):
        answer = self.sink.get("/readyz")
        self.assertEqual(answer.status, 200, answer)

    def test_version(self):
        answer = self.sink.get("/version")
        self.assertEqual((answer.status, answer.header("content-type")), (200, "application/json"))
        body = answer.json()
        self.assertEqual(body["dedup_window_days"], 180)
        self.assertRegex(body["version"], r"^\d+\.\d+\.\d+")
        self.assertTrue(any(value == 1_048_576 for value in body["limits"].values()), body["limits"])
        self.assertTrue(any(isinstance(v, str) and re.fullmatch("[0-9a-f]{64}", v) for v in body.values()),
                        "the contract set's hash")

    def test_contracts(self):
        answer = self.sink.get("/v1/contracts")
        self.assertEqual((answer.status, answer.header("content-type")), (200, "application/json"))
        text = answer.body.decode()
        names = {path.name.removesuffix(".schema.json") for path in CONTRACTS.glob("*.schema.json")}
        for name in names:
            self.assertIn(f'"{name}"', text)
            one = self.sink.get(f"/v1/contracts/{name}")
            self.assertEqual(one.status, 200, one)
            schema = json.loads((CONTRACTS / f"{name}.schema.json").read_text())
            self.assertTrue(contains(one.json(), schema), f"{name} carries its schema")
        self.assert_problem(self.sink.get("/v1/contracts/unheard-of.v1"), "contract_unknown")

    def test_metrics(self):
        wait_until(lambda: self.sink.metrics()[("vox_sink_ready", ())] == 1, "ready is counted")
        self.sink.post(model_call("m"), self.write_token)
        self.sink.post(b"{", self.write_token)
        answer = self.sink.get("/metrics")
        self.assertEqual(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8")
        metrics = self.sink.metrics()
        self.assertEqual(metrics["vox_sink_database_up", ()], 1)
        self.assertGreaterEqual(metrics["vox_sink_events_total", (("contract", "model-call.v1"), ("outcome", "stored"))], 1)
        self.assertGreaterEqual(metrics["vox_sink_requests_total", (("route", "/v1/events"), ("status", "201"))], 1)
        self.assertGreaterEqual(metrics["vox_sink_problems_total", (("code", "json_malformed"),)], 1)
        for family in ("vox_sink_batch_events", "vox_sink_commit_seconds"):
            buckets = [(labels, value) for (name, labels), value in metrics.items() if name == family + "_bucket"]
            counts = [value for _, value in buckets]
            self.assertEqual(counts, sorted(counts), "buckets are cumulative")
            self.assertEqual(dict(buckets[-1][0])["le"], "+Inf")
            self.assertEqual(counts[-1], metrics[family + "_count", ()])
        self.assertIn(("vox_sink_queue_events", ()), metrics)

    def test_log_lines(self):
        self.sink.get("/nowhere")
        for line in self.sink.log().splitlines():
            self.assertRegex(line, r'^ts=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z level=(debug|info|warn|error) '
                                   r'msg=("(?:[^"\\]|\\.)*"|\S+)( [a-z_]+=("(?:[^"\\]|\\.)*"|\S*))*$')


def contains(value, wanted):
    """`wanted` is somewhere in the JSON value, as it stands."""
    if value == wanted:
        return True
    if isinstance(value, str) and isinstance(wanted, dict):
        try:
            return json.loads(value) == wanted
        except ValueError:
            return False
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return any(contains(item, wanted) for item in items)


class JsonLog(SinkCase):
    options = {"log_format": "json"}
    serve = False

    def test_each_line_is_json(self):
        # Its own way of starting, because `msg=listening` is how the fixture finds the port.
        sink = self.new_sink(**self.options)
        with open(sink.log_path, "ab") as log:
            sink.process = subprocess.Popen([str(SINK), "serve"], env=sink.environment, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        wait_until(lambda: '"msg":"listening"' in sink.log(), "the sink listens")
        self.assertEqual(sink.stop(), 0)
        for line in sink.log().splitlines():
            record = json.loads(line)
            self.assertTrue({"ts", "level", "msg"} <= set(record), line)


class Query(SinkCase):
    """GET /v1/admin/events."""

    serve = False  # until its tokens are there

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.foreign = cls.sink.token("foreign", "ingest,read")
        cls.sink.start().ready()
        cls.ids = []
        with cls.sink.connect() as connection:
            for number in range(57):
                cls.ids.append(uuid7())
                body = json.dumps(model_call(f"q-{number}")).encode()
                answer = connection.request("POST", "/v1/events", body, token=cls.write_token,
                                            headers=[("Idempotency-Key", cls.ids[-1])])
                assert answer.status == 201, answer
            cls.session = next(samples("valid", "research-metric.v1"))[2]
            for body in (cls.session, {"ResearchMetric": {"session_id": "it's; DROP--", "metric_type": "a"}},
                         {"ResearchMetric": {"session_id": "100%_\\", "metric_type": "a"}}):
                if isinstance(body, dict):
                    body = json.dumps(body).encode()
                assert connection.request("POST", "/v1/events", body, token=cls.write_token).status == 201
        assert cls.sink.post(model_call("foreign"), cls.foreign).status == 201

    def page(self, query="", token=None, accept=None):
        answer = self.settled(lambda: self.sink.get(f"/v1/admin/events{query}", token=token or self.read_token,
                                                    headers=[("Accept", accept)] if accept else []))
        self.assertEqual(answer.status, 200, answer)
        return answer

    def follow(self, query, cursor=""):
        """(all rows of all pages behind the cursor until there are no more, the cursor to go on with)."""
        rows, more = [], True
        while more:
            page = self.page(query + cursor).json()
            rows += page["events"]
            more = page["more"]
            if page["next_cursor"]:
                cursor = f"&cursor={page['next_cursor']}"
            self.assertLess(len(rows), 1000, "the pages come to an end")
        return rows, cursor

    def test_all_rows(self):
        page = self.page("?contract=model-call.v1&limit=1000")
        self.assertEqual(page.header("content-type"), "application/json")
        rows = page.json()["events"]
        self.assertEqual({row["event_id"] for row in rows}, set(self.ids))
        self.assertTrue(all(row["contract"] == "model-call.v1" for row in rows))
        times = [(row["received_at"], row["event_id"]) for row in rows]
        self.assertIn(times, (sorted(times), sorted(times, reverse=True)))

    def test_limit(self):
        self.assertEqual(len(self.page("?limit=10").json()["events"]), 10)
        self.assertEqual(len(self.page("?limit=1").json()["events"]), 1)

    def test_ndjson(self):
        page = self.page("?contract=model-call.v1&limit=1000", accept="application/x-ndjson")
        self.assertEqual(page.header("content-type"), "application/x-ndjson")
        rows = [json.loads(line) for line in page.body.splitlines()]
        self.assertEqual({r["event_id"] for r in rows if "event_id" in r}, set(self.ids))

    def test_not_acceptable(self):
        self.assert_problem(self.sink.get("/v1/admin/events", token=self.read_token, headers=[("Accept", "text/html")]),
                            "not_acceptable")

    def test_pages(self):
        """Pages of any size hold every row once, in order."""
        for limit in (1, 7, 57, 58):
            with self.subTest(limit=limit):
                rows, _ = self.follow(f"?contract=model-call.v1&limit={limit}")
                self.assertEqual(sorted(r["event_id"] for r in rows), sorted(self.ids))
                times = [(r["received_at"], r["event_id"]) for r in rows]
                self.assertEqual(times, sorted(times))

    def test_following(self):
        """Whoever goes on from the last cursor sees every later row; what is young may come twice."""
        seen = set()
        rows, cursor = self.follow("?contract=build-summary.v1&limit=2")
        for number in range(7):
            event_id = uuid7()
            body = {"BuildSummary": {"build_id": f"b-{number}", "outcome": "success", "wall_time_ms": 1,
                                     "crates_compiled": 1, "error_count": 0}}
            self.assert_receipt(self.sink.post(body, self.write_token, event_id), 201, "build-summary.v1")
            rows, cursor = self.follow("?contract=build-summary.v1&limit=2", cursor)
            seen |= {r["event_id"] for r in rows}
            self.assertIn(event_id, seen)
        self.assertEqual(len(seen), 7)

    def test_pages_of_ndjson(self):
        seen, cursor = [], ""
        while True:
            page = self.page(f"?contract=model-call.v1&limit=20{cursor}", accept="application/x-ndjson")
            seen += [json.loads(line)["event_id"] for line in page.body.splitlines()]
            if page.header("x-more") == "false":
                break
            cursor = f"&cursor={page.header('x-next-cursor')}"
        self.assertEqual(sorted(seen), sorted(self.ids))

    def test_since_and_until(self):
        rows = self.page("?contract=model-call.v1&limit=1000").json()["events"]
        rows.sort(key=lambda row: row["received_at"])
        middle = rows[20]["received_at"]
        late = {r["event_id"] for r in rows if r["received_at"] >= middle}
        self.assertEqual({r["event_id"] for r in self.page(f"?contract=model-call.v1&limit=1000&since={middle}").json()["events"]}, late)
        self.assertEqual({r["event_id"] for r in self.page(f"?contract=model-call.v1&limit=1000&until={middle}").json()["events"]},
                         set(self.ids) - late)
        self.assertEqual(self.page("?since=2030-01-01T00:00:00Z&until=2031-01-01T00:00:00Z").json()["events"], [])

    def test_session(self):
        session = json.loads(self.session)["ResearchMetric"]["session_id"]
        for text in (session, "it's; DROP--", "100%_\\"):
            rows = self.page(f"?session_id={quote(text, safe='')}").json()["events"]
            self.assertEqual([row["session_id"] for row in rows], [text])
        for text in ("%", "_", "nobody"):
            self.assertEqual(self.page(f"?session_id={quote(text, safe='')}").json()["events"], [])

    def test_other_projects_are_invisible(self):
        rows = self.page("?limit=1000", token=self.foreign).json()["events"]
        self.assertEqual([row["trace_id"] for row in rows], ["foreign"])
        rows = self.page("?limit=1000").json()["events"]
        self.assertNotIn("foreign", {row["trace_id"] for row in rows})

    def test_a_cursor_leads_nowhere_else(self):
        cursor = self.page("?limit=5").json()["next_cursor"]
        rows = self.page(f"?limit=1000&cursor={cursor}", token=self.foreign).json()["events"]
        self.assertLessEqual({r["trace_id"] for r in rows}, {"foreign"})

    def test_malformed(self):
        for query in ("limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "limit=1&limit=2", "since=yesterday",
                      "since=2026-13-01T00:00:00Z", "until=now", "cursor=x", "cursor=", "unheard=1", "order=payload",
                      "limit=1%27", "cursor=" + quote("' OR 1=1 --"), "limit=1;select"):
            with self.subTest(query=query):
                answer = self.sink.get(f"/v1/admin/events?{query}", token=self.read_token)
                self.assert_problem(answer, "query_malformed")

    def test_sql_in_parameters(self):
        """SQL in a parameter is a value that matches nothing, or malformed; its text comes from nowhere."""
        before = self.rows()
        for text in ("' OR '1'='1", "'; DROP TABLE telemetry.events; --", "\" OR \"\"=\"", "1) OR (1=1", "$1", "%27",
                     "\u02bc OR 1=1", "\uff07 OR 1=1", "a\\' OR 1=1", "/**/UNION/**/SELECT/**/1", "x' AND pg_sleep(5)--"):
            for name in ("session_id", "contract", "cursor", "since", "until", "limit"):
                with self.subTest(name=name, text=text):
                    target = f"/v1/admin/events?{name}={quote(text, safe='')}"
                    answer = self.settled(lambda to=target: self.sink.get(to, token=self.read_token))
                    self.assertIn(answer.status, (200, 400, 404, 422), answer)
                    if answer.status == 200:
                        self.assertEqual(answer.json()["events"], [])
                    self.assertNotRegex(answer.body.decode().lower(), r"syntax error|select |telemetry\.|pg_|sqlstate")
        answer = self.settled(lambda: self.sink.get("/v1/admin/events?session_id=a%00b", token=self.read_token))
        self.assertIn(answer.status, (200, 400))
        self.assertEqual(self.rows(), before)

    def test_scope(self):
        self.assert_problem(self.sink.get("/v1/admin/events"), "token_missing")
        self.assert_problem(self.sink.get("/v1/admin/events", token=self.write_token), "scope_insufficient")


class SlowReaders(SinkCase):
    """GET /v1/admin/events by clients that ask for much and read nothing."""

    def test_pages_are_bounded(self):
        wide = json.dumps({"ResearchMetric": {"session_id": "wide", "metric_type": "m",
                                              "metadata_json": json.dumps({"a": ["word " * 40] * 1200})}}).encode()
        for _ in range(36):
            self.assertEqual(self.sink.post(wide, self.write_token).status, 201)
        token, other = (self.sink.token("demo", "read") for _ in range(2))
        query = "/v1/admin/events?limit=1000"

        def ask():
            """Asks for a page and reads no more than its status; true where it is refused for want of room."""
            connection = self.sink.connect()
            self.addCleanup(connection.close)
            connection.send(f"GET {query} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            status = connection._until(b"\r\n").split()[1]
            held.append((connection, status))
            return status == b"503" and b'"overloaded"' in connection._until(b'"retry"')

        before, held = self.sink.rss(), []
        wait_until(ask, "a page is refused")  # a query may fail where the machine is too slow for it
        self.assertLessEqual([status for _, status in held].count(b"200"), 8)
        if not SANITIZED:
            self.assertLess(self.sink.rss() - before, 120 << 20)
        wait_until(lambda: self.sink.get(query, token=other).status == 200, "another token reads")
        wait_until(lambda: self.sink.get("/v1/admin/events?contract=model-call.v1", token=token).status == 200, "a small one")
        for connection, _ in held:
            connection.close()
        wait_until(lambda: self.sink.get(query, token=token).status == 200, "the room is given back")


class Stop(SinkCase):
    serve = False

    def test_sigterm_under_load(self):
        """Exit 0 in time; every stored event was acknowledged: nobody saw a reset in place of his answer."""
        sink = self.new_sink().start().ready()
        before = {row[0] for row in self.sql("SELECT event_id FROM telemetry.events")}
        load = Load(sink.address, self.write_token, 64).start()
        wait_until(lambda: load.count() >= 500, "the load runs", 300)
        # Late it would end by its own alarm, and not with 0.
        self.assertEqual(sink.stop(), 0, sink.log()[-2000:])
        load.finish(deadline=0)
        stored = {row[0] for row in self.sql("SELECT event_id FROM telemetry.events")} - before
        self.assertEqual(set(load.acked) - stored, set(), "acknowledged and lost")
        self.assertEqual(stored - set(load.acked), set(), "stored, but its client was never told")
        self.assertEqual(load.refusals, [])

    def test_sigterm_when_idle(self):
        sink = self.new_sink().start().ready()
        with sink.connect() as idle:
            idle.request("GET", "/healthz")
            self.assertEqual(sink.stop(), 0)

    def test_sigint(self):
        sink = self.new_sink().start().ready()
        sink.signal(signal.SIGINT)
        self.assertEqual(sink.process.wait(120), 0)

    def test_sigterm_with_half_a_request(self):
        sink = self.new_sink(stop_deadline=3, commit_deadline=1000).start().ready()
        with sink.connect() as half:
            half.send(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nContent-Type: application/json\r\n"
                      b"Authorization: Bearer " + self.write_token.encode() + b"\r\n\r\n{")
            self.assertEqual(sink.stop(), 0)

    def test_restart_on_the_same_port(self):
        sink = self.new_sink().start().ready()
        self.assertEqual(sink.post(model_call("a"), self.write_token).status, 201)
        self.assertEqual(sink.stop(), 0)
        sink.start().ready()
        self.assertEqual(sink.post(model_call("b"), self.write_token).status, 201)

    def test_port_in_use(self):
        sink = self.new_sink().start().ready()
        second = self.new_sink(listen=f"{sink.address[0]}:{sink.address[1]}")
        done = second.command("serve", check=False)
        self.assertEqual(done.returncode, 1, done)
        self.assertRegex(done.stderr, rf"\Avox-sink: [^\n]*{sink.address[1]}[^\n]*in use[^\n]*\n\Z")


class Reload(SinkCase):
    serve = False

    def copied(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="vox-contracts-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        folder.chmod(0o755)
        shutil.copytree(CONTRACTS, folder / "contracts")
        return folder / "contracts"

    def reload(self, sink, level):
        """SIGHUP; waits for a line of that level about it."""
        offset = len(sink.log())
        sink.signal(signal.SIGHUP)
        return wait_until(
            lambda: re.search(rf"^.*level={level} .*(reload|contract).*$", sink.log()[offset:], re.M | re.I),
            f"a {level} line about the reload")[0]

    def set_hash(self, sink):
        return next(v for v in sink.get("/version").json().values()
                    if isinstance(v, str) and re.fullmatch("[0-9a-f]{64}", v))

    def test_good_broken_good(self):
        folder = self.copied()
        sink = self.new_sink(contracts=folder).start().ready()
        event = model_call("reload", latency_ms=5)
        self.assertEqual(sink.post(event, self.write_token).status, 201)
        first = self.set_hash(sink)

        schema = folder / "model-call.v1.schema.json"
        good = schema.read_text()
        stricter = json.loads(good)
        stricter["properties"]["ModelCall"]["properties"]["latency_ms"]["minimum"] = 10
        schema.write_text(json.dumps(stricter))
        self.reload(sink, "info")
        wait_until(lambda: self.set_hash(sink) != first, "the new set is published")
        problem = self.assert_problem(sink.post(event, self.write_token), "schema_invalid")
        self.assertEqual(problem["errors"][0]["pointer"], "/ModelCall/latency_ms")
        second = self.set_hash(sink)

        for broken in ("{", '{"$ref": "http://example.org/x.json"}', '{"unheardKeyword": 1, "type": 7}'):
            with self.subTest(broken=broken):
                schema.write_text(broken)
                line = self.reload(sink, "(error|warn)")
                self.assertIn("model-call.v1.schema.json", line)
                self.assertEqual(self.set_hash(sink), second, "the old set is kept")
                self.assert_problem(sink.post(event, self.write_token), "schema_invalid")
                self.assertEqual(sink.status_of("/readyz"), 200)
        index = folder / "index.yaml"
        index_text = index.read_text()
        schema.write_text(good)
        index.write_text("contracts: [")
        self.reload(sink, "(error|warn)")
        self.assertEqual(self.set_hash(sink), second)
        index.write_text(index_text)
        self.reload(sink, "info")
        wait_until(lambda: self.set_hash(sink) == first, "the first set again")
        self.assertEqual(sink.post(event, self.write_token).status, 201)

    def test_under_load(self):
        """Reloads while events come: none is refused, each is judged by one whole set."""
        folder = self.copied()
        sink = self.new_sink(contracts=folder).start().ready()
        load = Load(sink.address, self.write_token, 16).start()
        for _ in range(20):
            target = load.count() + 20
            sink.signal(signal.SIGHUP)
            wait_until(lambda: load.count() >= target, "the load goes on", 300)
        load.finish()
        self.assertEqual(load.refusals, [])

    def test_broken_at_start(self):
        folder = self.copied()
        (folder / "index.yaml").write_text("contracts: [")
        closed = self.copied()
        closed.chmod(0o700)  # root's, where root runs this; the daemon has become another
        folders = [folder, folder / "absent"] + ([closed] if os.geteuid() == 0 else [])
        for contracts in folders:
            with self.subTest(contracts=contracts.name):
                done = self.new_sink(contracts=contracts).command("serve", check=False)
                self.assertEqual(done.returncode, 3, done)
                self.assertRegex(done.stderr, r"\Avox-sink: [^\n]*index\.yaml[^\n]*\n\Z")
                self.assertIn(str(contracts), done.stderr)


class Database(SinkCase):
    serve = False
    own_cluster = True

    def setUp(self):
        # Every test begins with a running cluster, whatever the one before did.
        if self.cluster.process is None or self.cluster.process.poll() is not None:
            self.cluster.process = None
            self.cluster.start()

    def assert_not_ready(self, sink):
        wait_until(lambda: sink.status_of("/healthz") == 200, "/healthz answers 200")
        answer = wait_until(lambda: (lambda a: a if a.status == 503 else None)(sink.get("/readyz")), "/readyz says 503")
        problem = self.assert_problem(answer, answer.code)
        return problem

    def test_down_at_start(self):
        self.cluster.stop()
        sink = self.new_sink().start()
        self.assert_not_ready(sink)
        answer = sink.post(model_call("down"), self.write_token)
        self.assertEqual(answer.status, 503, answer)
        self.assert_problem(answer, answer.code)
        self.assertTrue(sink.alive())
        self.assertEqual(sink.metrics()["vox_sink_database_up", ()], 0)
        self.cluster.start()
        sink.ready()
        self.assertEqual(sink.post(model_call("up"), self.write_token).status, 201)
        self.assertEqual(sink.metrics()["vox_sink_database_up", ()], 1)

    def test_not_migrated(self):
        self.cluster.create_database("bare")
        sink = self.new_sink()
        sink.environment["VOX_SINK_DATABASE_URL"] = self.cluster.url("bare")
        sink.start()
        self.assert_not_ready(sink)
        sink.migrate()
        sink.ready()
        self.assertEqual(sink.post(model_call("x"), sink.token()).status, 201)
        self.assertEqual(sink.stop(), 0)

    def test_fsync_off(self):
        """Of a loss of power: a COMMIT is in the WAL on disk, so a server that would not flush it gets no event.

        That PostgreSQL gets up from its WAL is shown by killing it (test_crash, tests/chaos); power itself is cut nowhere
        here. The client's half is the order of its system calls, write, fsync, rename, fsync of the folder, each of which
        test_spool_faults kills it at and lets fail.
        """
        self.cluster.stop()
        self.cluster.start(fsync="off")
        sink = self.new_sink().start()
        try:
            self.assert_not_ready(sink)
            self.assertEqual(sink.post(model_call("unsafe"), self.write_token).status, 503)
            wait_until(lambda: "fsync" in sink.log(), "the log says why")
        finally:
            sink.stop()
            self.cluster.stop()

    def test_synchronous_commit_off(self):
        """Off for the role: the sink turns it on for its session, or is not ready; it never stores with it off."""
        self.sql("ALTER ROLE vox SET synchronous_commit = off")
        try:
            sink = self.new_sink().start()
            wait_until(lambda: sink.status_of("/readyz") in (200, 503), "an answer")
            answer = sink.post(model_call("unsafe"), self.write_token)
            self.assertIn(answer.status, (201, 503))
            sink.stop()
        finally:
            self.sql("ALTER ROLE vox RESET synchronous_commit")

    def test_missing_partition(self):
        """A partition that is missing is made on demand; the client never sees it."""
        sink = self.new_sink().start().ready()
        partitions = [r[0] for r in self.sql(
            "SELECT c.oid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'telemetry.events'::regclass")]
        self.assertGreater(len(partitions), 1)
        for name in partitions:
            self.sql(f"DROP TABLE {name}")
        event_id = uuid7()
        answer = self.settled(lambda: sink.post(model_call("part"), self.write_token, event_id))
        # 200: stored by an attempt that was answered 503, because the answer of the database came late.
        self.assertIn(answer.status, (200, 201), answer)
        self.assertEqual(self.stored(event_id), 1)
        sink.stop()

    def test_permissions_and_tables_gone(self):
        """A column that is gone, an INSERT that is not allowed: ours, so 503, never the client's 4xx."""
        sink = self.new_sink().start().ready()
        self.sql("ALTER TABLE telemetry.events RENAME COLUMN payload TO payload_gone")
        try:
            answer = sink.post(model_call("drift"), self.write_token)
            self.assertEqual(answer.status, 503, answer)
            self.assertTrue(sink.alive())
        finally:
            self.sql("ALTER TABLE telemetry.events RENAME COLUMN payload_gone TO payload")
        wait_until(lambda: sink.post(model_call("mended"), self.write_token).status == 201, "stores again")
        sink.stop()
