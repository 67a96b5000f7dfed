# SPDX-License-Identifier: Apache-2.0
"""vox-telemetry upload: batches, limits, interruptions, and servers that are not what they seem."""

import collections
import concurrent.futures
import contextlib
import http.server
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from voxtest import LONG, SANITIZED, SinkCase, TELEMETRY, can_trace, minified_sha256, model_call, run, uuid7, wait_until, zstd
from voxtest.base import clean_environment

JSON, NDJSON, PROBLEM = "application/json", "application/x-ndjson", "application/problem+json"
LINK = ("Link", '</v1/batch>; rel="batch"')


class UploadCase(SinkCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vox-upload-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.spool = self.folder / "spool"
        self.environment = clean_environment(
            VOX_TELEMETRY_SPOOL_DIR=self.spool, HOME=self.folder, VOX_TELEMETRY_UPLOAD_TOKEN=self.write_token)
        if self.sink.address:
            self.use(self.sink.address)

    def use(self, address):
        self.environment["VOX_TELEMETRY_UPLOAD_URL"] = f"http://{address[0]}:{address[1]}/v1/events"

    def client(self, *argv, timeout=600, **environment):
        return run(TELEMETRY, *argv, env={**self.environment, **environment}, timeout=timeout)

    def upload(self, *argv, code=0, **environment):
        """The summary of an upload."""
        done = self.client("upload", "--json", *argv, **environment)
        self.assertEqual(done.returncode, code, done)
        return json.loads(done.stdout)

    def fill(self, count, spool=None, make=lambda number: model_call(f"fill-{number}")):
        """So many entries as another tool would leave them; {id: text}."""
        pending = (spool or self.spool) / "pending"
        pending.mkdir(parents=True, exist_ok=True, mode=0o700)
        pending.parent.chmod(0o700)
        texts = {uuid7(): json.dumps(make(number), indent=1) for number in range(count)}
        for name, text in texts.items():
            (pending / f"{name}.json").write_text(text)
        return texts

    def names(self, folder="pending"):
        return sorted(p.stem for p in self.spool.glob(f"{folder}/*.json"))

    def sent(self):
        path = self.spool / "sent.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def assert_stored_once(self, texts):
        """Each entry has one row and one key, of its own content, and there are no others of them."""
        rows = {row[0]: row[1] for row in self.sql("SELECT event_id, encode(sha256, 'hex') FROM telemetry.events")}
        count = self.value("SELECT count(*) FROM telemetry.events")
        self.assertEqual(int(count), len(rows), "no id twice")
        self.assertEqual([i for i in texts if i not in rows], [], "all of them")
        self.assertEqual([i for i, text in texts.items() if rows[i] != minified_sha256(text)], [])


class Batches(UploadCase):

    def test_many_go_in_few_requests(self):
        def make(number):
            if number % 100 == 50:
                return model_call("bad", latency_ms=-1)
            return {"Unheard": {}} if number % 100 == 51 else model_call(f"many-{number}")
        texts = self.fill(2500, make=make)
        got = self.upload(code=1)
        self.assertEqual((got["outcome"], got["sent"], got["rejected"], got["kept"]),
                         ("done", 2450, {"schema_invalid": 25}, {"unknown_contract": 25}))
        self.assertLess(got["requests"], 100, "a batch holds many, however slowly they are taken")
        self.assertEqual((len(self.names()), len(self.names("rejected"))), (25, 25))
        left = {*self.names(), *self.names("rejected")}
        self.assert_stored_once({i: text for i, text in texts.items() if i not in left})
        note = json.loads(next(self.spool.glob("rejected/*.answer")).read_text())
        self.assertEqual((note["status"], note["answer"]["problem"]["code"]), (422, "schema_invalid"))
        log = self.sent()
        self.assertEqual({row["id"] for row in log}, set(texts), "all of them left the machine")
        self.assertEqual({row["id"] for row in log if row["outcome"] == "refused"}, set(self.names("rejected")))
        self.assertEqual({row["id"] for row in log if row["outcome"] == "kept"}, set(self.names()))
        log = [row for row in log if row["outcome"] == "stored"]
        self.assertEqual({row["receipt"]["event_id"] for row in log}, set(texts) - left)
        times = self.value("SELECT count(*) FROM telemetry.events WHERE occurred_at IS NULL")
        self.assertEqual(times, "0", "the line says when")
        # What is kept stays known as offered; nothing else does.
        lines = (self.spool / "attempts.log").read_text().splitlines()
        self.assertEqual({line[2:-5] for line in lines if line[0] == "+"}, set(self.names()))
        # And all again: known to the sink.
        for name, text in texts.items():
            (self.spool / "pending" / f"{name}.json").write_text(text)
        self.assertEqual(self.upload(code=1)["duplicates"], 2450)

    def test_no_more_than_asked_for(self):
        texts = self.fill(500)
        first = sorted(texts)[:300]
        self.assertTrue(self.client("upload", "--dry-run", "--max-events", "300").stdout.startswith("Would upload 300 entries"))
        got = self.upload("--max-events", "300")
        self.assertEqual((got["sent"], got["remaining"]), (300, 200))
        self.assertEqual(self.names(), sorted(texts)[300:])
        self.assert_stored_once({i: texts[i] for i in first})
        for words in (("--max-events", "0"), ("--max-time", "soon"), ("--concurrency", "17"), ("--concurrency", "0")):
            self.assertEqual(self.client("upload", *words).returncode, 2, words)
        self.assertEqual(self.upload("--concurrency", "4")["sent"], 200)
        self.assertFalse((self.spool / "attempts.log").exists(), "nothing is left to know about")

    def test_ten_at_once(self):
        texts = self.fill(2000)
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            for done in pool.map(lambda _: self.client("upload", "--json"), range(10)):
                self.assertEqual(done.returncode, 0, done)
        self.upload()
        self.assertEqual(self.names(), [])
        self.assert_stored_once(texts)

    def test_two_sinks(self):
        """Half goes to one, half to the other, of one database: each once."""
        other = self.new_sink().start().ready()
        texts = self.fill(1000)
        self.upload("--max-events", "500")
        self.use(other.address)
        self.assertEqual(self.upload()["sent"], 500)
        self.assert_stored_once(texts)

    def test_killed_at_any_moment(self):
        """kill -9, the sink too in the long form; in the end all is stored once and the spool is empty.

        At any moment, and then, should none have hit the middle on this machine, when the first entry has gone.
        """
        kills, entries, chance = (1000, 2000, 0.05) if LONG else (10, 2000, 0)
        texts, dice, stored_part = self.fill(entries), random.Random(6), 0
        for number in range(kills + 200):
            if number >= kills and stored_part:
                break
            if not self.names():
                texts.update(self.fill(entries))
            before = len(self.names())
            client = subprocess.Popen([str(TELEMETRY), "upload", "--quiet"], env=self.environment,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if number < kills:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    client.wait(dice.uniform(0, 0.3) * (5 if SANITIZED else 1))
            else:
                wait_until(lambda: client.poll() is not None or len(self.names()) < before, "some are gone", interval=0.001)
            if dice.random() < chance:
                self.sink.kill()
                self.sink.start().ready()
            client.kill()
            client.wait()
            stored_part += 0 < len(self.names()) < before
        got = self.upload()
        self.assertEqual((got["remaining"], self.names(), self.names("bad"), self.names("rejected")), (0, [], [], []))
        self.assert_stored_once(texts)
        self.assertGreater(stored_part, 0, "some were killed in the middle")


class Interrupted(UploadCase):
    serve = False

    def test_the_sink_restarts_meanwhile(self):
        """Its socket is a service manager's: who connects meanwhile waits, however long the start takes here."""
        self.sink.given.append(socket.create_server(("127.0.0.1", 0)))
        self.addCleanup(self.sink.given[0].close)
        self.sink.wrapper = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"]  # the shell becomes the daemon
        self.sink.environment.update(LISTEN_FDS="1", LISTEN_FDNAMES="ingest")
        self.sink.start().ready()
        self.use(self.sink.address)
        texts = self.fill(3000)
        client = subprocess.Popen([str(TELEMETRY), "upload", "--json"], env=self.environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.rows() > 0, "some are stored")
        self.sink.kill()
        self.sink.start().ready()
        out, _ = client.communicate(timeout=600)
        self.assertEqual(client.returncode, 0, out)
        self.assertEqual(self.names(), [])
        self.assert_stored_once(texts)


class Signed(UploadCase):
    serve = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        master = cls.sink.folder / "master.key"
        cls.sink.command("master-key", "create", str(master))
        cls.sink.environment["VOX_SINK_MASTER_KEY_FILE"] = str(master)
        cls.sink.start().ready()

    def test_signed_where_a_secret_is_set(self):
        made = json.loads(self.sink.command("token", "create", "--project", "demo", "--scope", "ingest", "--signature",
                                            "required", "--json").stdout)
        self.wait_accepted(made["token"])  # so that its first request, a long one, is not asked to come again
        texts = self.fill(300)
        got = self.upload(VOX_TELEMETRY_UPLOAD_TOKEN=made["token"], VOX_TELEMETRY_SIGNING_SECRET=made["signing_secret"])
        self.assertEqual((got["sent"], got["remaining"]), (300, 0))
        self.assert_stored_once(texts)


@unittest.skipIf(SANITIZED, "sanitizers make system calls of their own")
class Faults(UploadCase):
    """strace makes an upload of three entries die, or its disk fail, at every system call that it makes."""

    def setUp(self):
        super().setUp()
        if not can_trace():
            self.skipTest("strace cannot trace here")

    def inject(self, *words, **more):
        return run("strace", "-f", "-qq", "-o", *words, TELEMETRY, "upload", "--json", env={**self.environment, **more}, timeout=600)

    def points(self, wanted):
        """(system call, its how-manieth in its thread) of those that the program itself makes: behind the loader's,
        once for each call and number. The thread that deletes counts from one, as strace does when it injects."""
        log = self.folder / "trace"
        spool = self.folder / "traced"
        self.fill(3, spool)
        done = self.inject(log, VOX_TELEMETRY_SPOOL_DIR=str(spool))
        self.assertEqual(done.returncode, 0, done)
        calls = re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE)
        first = next(i for i, (_, call) in enumerate(calls) if call in ("mkdirat", "flock"))
        counts, own = collections.Counter(calls[:first]), {}
        for thread, call in calls[first:]:
            counts[thread, call] += 1
            if call in wanted:
                own[call, counts[thread, call]] = True
        self.assertGreaterEqual(sum(call == "unlinkat" for _, call in calls[first:]), 3)
        own.update((("unlinkat", number), True) for number in (1, 2, 3))  # whichever thread deletes how many this time
        self.assertGreater(len({thread for thread, _ in calls}), 1, "there is a thread that deletes")
        return list(own)

    def once(self, job):
        number, call, when, what = job
        spool = self.folder / f"spool-{number}"
        texts = self.fill(3, spool)
        done = self.inject("/dev/null", "-e", f"inject={call}:{what}:when={when}", VOX_TELEMETRY_SPOOL_DIR=str(spool))
        again = self.client("upload", "--json", VOX_TELEMETRY_SPOOL_DIR=str(spool))
        label = f"{call} {when} {what}: {done} {again}"
        self.assertEqual(again.returncode, 0, label)
        self.assertEqual([p.name for p in spool.glob("*/*.json")], [], label)
        return texts, done, label

    def every(self, calls, whats):
        points = self.points(calls)
        self.assertGreater(len(points), 5)
        jobs = [(number, *point, what) for number, (point, what) in enumerate((p, w) for p in points for w in whats)]
        texts = {}
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for stored, done, label in pool.map(self.once, jobs):
                texts.update(stored)
                yield done, label
        self.assert_stored_once(texts)

    def test_killed_at_every_call(self):
        """Those that touch files or the network; for what lies between them, one is as good as the next."""
        calls = {"openat", "read", "write", "pread64", "fdatasync", "fsync", "unlinkat", "renameat", "flock", "sendto",
                 "recvfrom", "connect", "socket", "close", "newfstatat", "getdents64", "poll"}
        dead = sum(done.returncode != 0 for done, _ in self.every(calls, ["signal=SIGKILL"]))
        self.assertGreater(dead, 30)

    def test_disk_fails_at_every_call(self):
        calls = {"unlinkat", "renameat", "renameat2", "write", "fsync", "fdatasync"}
        for done, label in self.every(calls, [f"error={error}" for error in ("EIO", "ENOSPC", "EROFS")]):
            if label.split()[0] == "unlinkat":
                self.assertNotEqual((done.returncode, done.stdout), (0, ""), label)


class Limited(UploadCase):
    options = {"rate": 5, "burst": 5, "batch_rate": 400, "batch_burst": 400}

    def test_runs_at_the_limit(self):
        texts = self.fill(1200)
        got = self.upload()
        self.assertEqual((got["sent"], got["remaining"]), (1200, 0))
        self.assert_stored_once(texts)


class Fake(UploadCase):
    """Answers made by hand."""

    serve = False

    def server(self, answer, clock=0):
        """answer(path, headers, body) gives (status, headers, body) or None to cut the connection; `clock`: how far its
        Date is off, in seconds."""
        seen, case = [], self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen.append((self.path, dict(self.headers), body))
                status, headers, text = answer(self.path, self.headers, body)
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                # A length beyond the body: the answer is cut.
                length = int(dict(headers).get("X-Length", len(text)))
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(text)
                self.close_connection = length != len(text)

            do_GET = do_POST

            def date_time_string(self, timestamp=None):
                return super().date_time_string(timestamp or time.time() + clock)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_: None  # a client that was interrupted
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        case.use(server.server_address)
        return seen

    @staticmethod
    def receipt(event_id, sha256="0" * 64):
        return {"event_id": event_id, "contract": "model-call.v1", "received_at": "2026-01-01T00:00:00Z",
                "sha256": sha256, "duplicate": False}

    def single(self, headers, link=LINK):
        if "Idempotency-Key" not in headers:
            return self.problem(404, "route_unknown")
        body = json.dumps(self.receipt(headers["Idempotency-Key"].strip('"'))).encode()
        return 201, [("Content-Type", JSON), *([link] if link else [])], body

    @staticmethod
    def ids(headers, body):
        text = zstd(body, decode=True) if headers.get("Content-Encoding") == "zstd" else body
        return [json.loads(line)["id"] for line in text.splitlines()]

    def verdicts(self, ids):
        return b"".join(json.dumps({"line": n, "id": i, "status": 201, "receipt": self.receipt(i)}).encode() + b"\n"
                        for n, i in enumerate(ids, 1))

    @staticmethod
    def problem(status, code):
        return status, [("Content-Type", PROBLEM)], json.dumps({"code": code, "status": status}).encode()

    def test_any_sink_of_the_profile(self):
        """No link: single posts, in order where there is one at a time."""
        seen = self.server(lambda path, headers, body: self.single(headers, None))
        texts = self.fill(100)
        self.assertEqual(self.upload("--concurrency", "1")["sent"], 100)
        self.assertEqual([headers["Idempotency-Key"].strip('"') for _, headers, _ in seen], sorted(texts))
        self.assertEqual({path for path, _, _ in seen}, {"/v1/events"})

    def test_proxies(self):
        """By the usual variables, and never for this machine itself; a tunnel is asked for before anything is said."""
        seen = self.server(lambda path, headers, body: self.single(headers, None))
        proxy, url = self.environment["VOX_TELEMETRY_UPLOAD_URL"].removesuffix("/v1/events"), "http://sink.invalid/v1/events"
        self.fill(2)
        self.upload("--url", url, "--allow-http", "--max-time", "1s", code=4, http_proxy=proxy, no_proxy="sink.invalid")
        self.assertEqual(seen, [])
        self.assertEqual(self.upload("--url", url, "--allow-http", http_proxy=proxy)["sent"], 2)
        self.assertEqual([path for path, _, _ in seen], [url] * 2)
        self.fill(1)
        dead = {name: "http://127.0.0.1:9" for name in ("http_proxy", "all_proxy")}
        self.assertEqual(self.upload(**dead)["sent"], 1, "loopback is reached without")

        self.fill(1)
        asked = []

        def take(listener):
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        asked.append(connection.recv(65536))

        with socket.create_server(("127.0.0.1", 0)) as listener, concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(take, listener)
            self.upload("--url", "https://sink.invalid/v1/events", code=4,
                        https_proxy=f"http://127.0.0.1:{listener.getsockname()[1]}")
            listener.shutdown(socket.SHUT_RDWR)
        self.assertTrue(asked)
        for text in asked:
            self.assertTrue(text.startswith(b"CONNECT sink.invalid:443 "), text)
            self.assertNotIn(self.write_token.encode(), text)

    def test_doctor_minds_the_clock(self):
        """Signatures of a clock that is 300 s off are refused: told before that."""
        for clock, finding, code in ((0, "ok", 0), (120, "warning", 1), (-120, "warning", 1), (4000, "fault", 3)):
            with self.subTest(clock=clock):
                def answer(path, headers, body):
                    about = b'{"name":"vox-sink","version":"1","dedup_window_days":180,"contract_set":"c"}'
                    return (200, [("Content-Type", JSON)], about) if path == "/version" else self.single(headers)
                self.server(answer, clock)
                done = self.client("doctor", "--json")
                said, = (f for f in json.loads(done.stdout)["findings"] if f["about"] == "clock")
                self.assertEqual((said["finding"], done.returncode), (finding, code), done)
                if clock:
                    self.assertRegex(said["text"], r"\d+ s behind" if clock > 0 else r"\d+ s ahead")

    def test_links_that_lead_elsewhere(self):
        for target in ("http://127.0.0.1:9/v1/batch", "//evil.example/v1/batch", "https://127.0.0.1/b"):
            with self.subTest(target=target):
                seen = self.server(lambda path, headers, body, to=target: self.single(
                    headers, ("Link", f'<{to}>; rel="batch"')))
                self.fill(5)
                self.assertEqual(self.upload()["sent"], 5)
                self.assertEqual({path for path, _, _ in seen}, {"/v1/events"})

    def batch_server(self, refuse):
        """Takes batches, unless refuse(headers, ids) gives an answer."""
        def answer(path, headers, body):
            if path == "/v1/events":
                return self.single(headers)
            ids = self.ids(headers, body)
            return refuse(headers, ids) or (200, [("Content-Type", NDJSON)], self.verdicts(ids))
        return self.server(answer)

    def test_a_dry_run_shows_what_is_sent(self):
        """Each request of it, as it then comes."""
        seen = self.batch_server(lambda headers, ids: None)
        self.environment["VOX_TELEMETRY_SIGNING_SECRET"] = "whsec_" + "c2VjcmV0" * 5
        self.fill(1500)
        (self.spool / "pending" / "by hand \u00fc.json").write_text('{"ModelCall": "\u00fc"}')
        shown = self.upload("--dry-run")["requests"]
        self.assertEqual(len(seen), 0)
        self.assertEqual([len(request.get("names", [1])) for request in shown], [1, 63, 1000, 437])
        text = self.client("upload", "--dry-run").stdout
        self.assertEqual(self.upload("--concurrency", "1")["sent"], 1501)
        self.assertEqual(len(seen), len(shown))
        for request, (path, headers, body) in zip(shown, seen):
            self.assertTrue(request["url"].endswith(path), request["url"])
            self.assertEqual((request["method"], request["bytes"]), ("POST", len(body)))
            masked = {"Authorization", "webhook-signature"}
            told = request["headers"]
            fixed = told.keys() - masked - {"webhook-timestamp"}
            self.assertEqual(headers.keys(), told.keys() | {"Host", "Content-Length"})
            self.assertEqual({name: headers[name] for name in fixed}, {name: told[name] for name in fixed})
            for name in masked:
                self.assertNotIn(headers[name], json.dumps(shown) + text)
            if path == "/v1/events":
                self.assertEqual(json.loads(body), request["body"])
                lines = [body.decode()]
            else:
                lines = zstd(body, decode=True).decode().splitlines()
                self.assertEqual([json.loads(line) for line in lines], request["lines"])
                self.assertIn(f"webhook-id: {headers['webhook-id']}\n", text)
            self.assertIn("\n".join(lines) + "\n", text)

    def test_refusals_of_a_batch(self):
        page = (403, [("Content-Type", "text/html")], b"<html>no</html>")
        texts = self.fill(400)
        poison = sorted(texts)[200]
        cases = {
            "smaller": lambda h, ids: self.problem(413, "body_too_large") if len(ids) > 50 else None,
            "uncompressed": lambda h, ids: self.problem(415, "content_encoding_unsupported")
            if h.get("Content-Encoding") else None,
            "413 and uncompressed": lambda h, ids: self.problem(413, "body_too_large") if h.get("Content-Encoding") else None,
            "singles": lambda h, ids: self.problem(415, "media_type_unsupported"),
            "not there": lambda h, ids: self.problem(404, "route_unknown"),
            "an HTML 413": lambda h, ids: (413, [], b"too large") if len(ids) > 50 else None,
            "a firewall that minds one": lambda h, ids: page if poison in ids else None,
            "a page": lambda h, ids: (200, [("Content-Type", "text/html")], b"hello") if len(ids) > 10 else None,
            "busy at first": lambda h, ids: None if self.later() else
            (503, [("Content-Type", PROBLEM), ("Retry-After", "0")], b'{"code":"overloaded"}'),
        }
        for label, refuse in cases.items():
            with self.subTest(label):
                self.late = False
                self.fill_again(texts)
                self.batch_server(refuse)
                got = self.upload()
                self.assertEqual((got["sent"], got["remaining"]), (400, 0), got)

    def later(self):
        late, self.late = self.late, True
        return late

    def fill_again(self, texts):
        for name, text in texts.items():
            (self.spool / "pending" / f"{name}.json").write_text(text)

    def test_only_what_a_verdict_names_is_deleted(self):
        texts = self.fill(50)
        names = sorted(texts)

        def once(body_of):
            """Answers the first batch so, and refuses all after it."""
            state = {"done": False}

            def refuse(_, ids):
                if state["done"]:
                    return self.problem(401, "token_invalid")
                state["done"] = True
                return body_of(ids)
            return refuse

        def cut(ids):
            body = self.verdicts(ids)
            half = self.verdicts(ids[:10])
            return 200, [("Content-Type", NDJSON), ("X-Length", str(len(body)))], half + b'{"line":11,"status":201,'

        def others(ids):
            return 200, [("Content-Type", NDJSON)], self.verdicts(ids[:10] + [uuid7() for _ in ids[10:]])

        def beyond(ids):
            far = b"".join(json.dumps({"line": line, "status": 201, "receipt": self.receipt(ids[0])}).encode() + b"\n"
                           for line in (0, -1, len(ids) + 1, 9999, 1 << 40, 1 << 62))
            return 200, [("Content-Type", NDJSON)], self.verdicts(ids[:10]) + far + b"nonsense\n[]\n"

        for label, answer in (("cut", cut), ("others", others), ("beyond", beyond)):
            with self.subTest(label):
                self.fill_again(texts)
                self.batch_server(once(answer))
                got = self.upload(code=3)
                self.assertEqual((got["sent"], self.names()), (11, names[11:]))
                last = self.sent()[-1]
                self.assertEqual((last["outcome"], last.get("code"), last["status"]),
                                 ("unanswered", None, 0) if label == "others" else ("kept", "token_invalid", 401))

    def test_a_wait_is_told_as_one(self):
        """A line's, and the request's: what they kept was answered."""
        texts = self.fill(3)
        busy = self.problem(503, "overloaded")

        def refuse(headers, ids):
            if len(ids) == 2:
                line = {"line": 1, "id": ids[0], "status": 503, "problem": json.loads(busy[2])}
                return 200, [("Content-Type", NDJSON), ("Retry-After", "90")], json.dumps(line).encode() + b"\n"

        self.batch_server(refuse)
        self.assertEqual(self.upload(code=4)["sent"], 1)
        told = {line["id"]: (line["outcome"], line.get("code"), line["status"]) for line in self.sent()}
        first, second, third = sorted(texts)
        self.assertEqual(told, {first: ("stored", None, 201), second: ("kept", "overloaded", 503),
                                third: ("unanswered", None, 0)})
        self.server(lambda *_: (429, [*self.problem(429, "rate_limited")[1], ("Retry-After", "90")],
                                self.problem(429, "rate_limited")[2]))
        self.upload(code=4)
        last = self.sent()[-1]
        self.assertEqual((last["outcome"], last.get("code"), last["status"]), ("kept", "rate_limited", 429))

    def test_who_is_never_named_goes_alone(self):
        """A batch endpoint whose answer is empty: what it leaves out is posted one by one, in the same run."""
        texts = self.fill(5)
        seen = self.batch_server(lambda *_: (200, [("Content-Type", NDJSON)], b""))
        self.assertEqual(self.upload()["sent"], 5)
        self.assertEqual(self.names(), [])
        singles = [headers["Idempotency-Key"].strip('"') for path, headers, _ in seen if path == "/v1/events"]
        self.assertEqual(sorted(singles), sorted(texts))

    def test_a_firewall_does_not_hold_up_every_run(self):
        """It minds the first entry: that run stops and says so, the next begins with another one."""
        texts = self.fill(5)
        first = min(texts)
        page = (403, [("Content-Type", "text/html")], b"<html>blocked</html>")
        self.server(lambda path, headers, body:
                    page if headers.get("Idempotency-Key", "").strip('"') == first else self.single(headers, None))
        self.assertEqual(self.upload(code=3)["outcome"], "stopped")
        self.assertEqual(len(self.names()), 5)
        got = self.upload(code=1)
        self.assertEqual((got["sent"], got["kept"], self.names()), (4, {"forbidden": 1}, [first]))

    def test_an_old_attempt_is_asked_for(self):
        """What was first offered before the sink's memory is sent only if there is no receipt."""
        texts = self.fill(6)
        known, unknown, *silent = sorted(texts)
        nothing = {  # said of whether it is there
            silent[0]: (500, [], b""),
            silent[1]: (404, [("Content-Type", "text/html")], b"<html>no such page</html>"),
            silent[2]: self.problem(404, "route_unknown"),
            silent[3]: (200, [("Content-Type", JSON)], json.dumps(self.receipt(known)).encode()),
        }
        old = int((time.time() - 20 * 86400) * 1e6)

        def answer(path, headers, body):
            if path == "/version":
                return 200, [("Content-Type", JSON)], b'{"name":"vox-sink","dedup_window_days":10}'
            if path == f"/v1/receipts/{known}":
                return 200, [("Content-Type", JSON)], json.dumps(self.receipt(known)).encode()
            if path == f"/v1/receipts/{unknown}":
                return self.problem(404, "receipt_unknown")
            if path.startswith("/v1/receipts/"):
                return nothing[path.rpartition("/")[2]]
            return self.single(headers, None)

        seen = self.server(answer)
        self.environment["VOX_TELEMETRY_UPLOAD_URL"] += "?key=4711"
        url = self.environment["VOX_TELEMETRY_UPLOAD_URL"]  # whole, as heads once were
        (self.spool / "attempts.log").write_text(
            f"@ {old} {url}\n" + "".join(f"+ {name}.json\n" for name in texts) + "+ torn")
        got = self.upload(code=1)
        self.assertEqual((got["duplicates"], got["sent"], got["kept"]), (1, 1, {"receipt_not_told": 4}))
        posts = [headers["Idempotency-Key"].strip('"') for path, headers, _ in seen if path.startswith("/v1/events")]
        self.assertEqual(posts, [unknown])
        self.assertEqual(self.names(), silent)
        self.assertNotIn("4711", (self.spool / "attempts.log").read_text())
        # Of another sink nothing is known: it is sent.
        self.server(lambda path, headers, body: self.single(headers, None))
        self.assertEqual(self.upload()["sent"], 4)

    def test_keeps_to_the_rate(self):
        """The headers say how many may come, the strictest on a line of its own: none is refused."""
        bucket, lock = {"left": 3.0, "at": time.monotonic(), "refused": 0}, threading.Lock()

        def left():
            """One more is taken, if there is one; how many are left, None where it is refused."""
            with lock:
                now = time.monotonic()
                bucket["left"] = min(3.0, bucket["left"] + (now - bucket["at"]) * 10)
                bucket["at"] = now
                if bucket["left"] < 0.9:
                    bucket["refused"] += 1
                    return None
                bucket["left"] -= 1
                return int(max(0, bucket["left"]))

        def answer(path, headers, body):
            rest = left()
            if rest is None:
                return self.problem(429, "rate_limited")
            status, head, text = self.single(headers, None)
            return status, head + [("RateLimit-Policy", '"day";q=86400;w=86400'), ("RateLimit-Policy", '"burst";q=3;w=1'),
                                   ("RateLimit", '"day";r=86000;t=1'), ("RateLimit", f'"burst";r={rest};t=1')], text

        self.server(answer)
        self.fill(12)
        self.assertEqual(self.upload()["sent"], 12)
        self.assertEqual(bucket["refused"], 0)

    def hold(self):
        """A sink that takes the first event and answers nothing after it; sets `asked` when it is asked."""
        asked, go = threading.Event(), threading.Event()
        self.addCleanup(go.set)

        def answer(path, headers, body):
            if path != "/v1/events":
                asked.set()
                go.wait(600)
            return self.single(headers)
        self.server(answer)
        return asked

    def test_interrupt(self):
        asked = self.hold()
        self.fill(50)
        client = subprocess.Popen([str(TELEMETRY), "upload"], env=self.environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(asked.wait(300))
        client.send_signal(signal.SIGINT)
        out, errors = client.communicate(timeout=300)
        self.assertEqual(client.returncode, 130, errors)
        self.assertRegex(out, r"sent +1\b")
        self.assertIn("interrupted", errors)
        self.assertEqual(len(self.names()), 49)
        outcomes = [line["outcome"] for line in self.sent()]
        self.assertEqual((outcomes[0], set(outcomes[1:])), ("stored", {"unanswered"}), "the second request went out")

    def test_no_longer_than_asked_for(self):
        self.hold()
        self.fill(50)
        done = self.client("upload", "--json", "--max-time", "1s")
        got = json.loads(done.stdout)
        self.assertEqual((got["outcome"], done.returncode), ("out_of_time", 0 if got["requests"] else 4))
        # On a machine that stands still for the second not even the first one goes.
        self.assertIn((got["sent"], got["remaining"]), ((1, 49), (0, 50)))
