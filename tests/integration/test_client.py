# SPDX-License-Identifier: Apache-2.0
"""vox-telemetry: spool, upload, and what it does with each answer."""

import base64
import concurrent.futures
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
import uuid

from voxtest import PROBLEMS, SinkCase, TELEMETRY, model_call, run, samples, uuid7, wait_until
from voxtest.base import clean_environment


class ClientCase(SinkCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vox-client-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.spool = self.folder / "spool"
        self.environment = clean_environment(
            VOX_TELEMETRY_SPOOL_DIR=self.spool, HOME=self.folder, VOX_TELEMETRY_UPLOAD_TOKEN=self.write_token)
        if self.sink.address:
            self.use(f"http://{self.sink.address[0]}:{self.sink.address[1]}/v1/events")

    def use(self, url):
        self.environment["VOX_TELEMETRY_UPLOAD_URL"] = url

    def client(self, *argv, stdin=None):
        return run(TELEMETRY, *argv, env=self.environment, stdin=stdin)

    def enqueue(self, event):
        text = event if isinstance(event, str) else json.dumps(event)
        done = self.client("enqueue", "--json", "-", stdin=text)
        self.assertEqual(done.returncode, 0, done)

    def pending(self):
        return sorted(p.name for p in self.spool.glob("pending/*.json"))

    def rejected(self):
        return sorted(p.name for p in self.spool.glob("rejected/*") if p.suffix == ".json")

    def drop(self, name, text):
        """A file as another tool would drop it: whole, where only its age says so."""
        (self.spool / "pending").mkdir(parents=True, exist_ok=True)
        (self.spool / "pending").chmod(0o700)
        self.spool.chmod(0o700)
        path = self.spool / "pending" / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(0o600)
        if not name.endswith(".json"):
            self.age(path)

    def age(self, path, seconds=120):
        os.utime(path, (time.time() - seconds,) * 2)


class Upload(ClientCase):

    def test_spool_upload_query(self):
        sent = 0
        for contract, name, body, _ in samples("valid", classes=("S0", "S1")):
            path = self.folder / f"{contract}-{name}.json"
            path.write_bytes(body)
            self.assertEqual(self.client("enqueue", "--json", str(path)).returncode, 0)
            sent += 1
        names = self.pending()
        self.assertEqual(len(names), sent)
        for name in names:
            self.assertTrue(uuid.UUID(name.removesuffix(".json")))
        self.assertEqual((self.spool / ".gitignore").read_text().strip(), "*")
        self.assertEqual(os.stat(self.spool).st_mode & 0o077, 0)
        self.assertIn(str(sent), self.client("status").stdout)
        json.loads(self.client("status", "--json").stdout)
        before = self.rows()

        dry = self.client("upload", "--dry-run")
        self.assertEqual(dry.returncode, 0, dry)
        url = self.environment["VOX_TELEMETRY_UPLOAD_URL"]
        self.assertEqual([line for line in dry.stdout.splitlines() if line.startswith("POST ")],
                         [f"POST {url}", *[f"POST {url.removesuffix('events')}batch"] * 2])
        lines = [json.loads(line) for line in dry.stdout.splitlines() if line.startswith('{"id":')]
        self.assertEqual([line["id"] for line in lines], [name.removesuffix(".json") for name in names[1:]])
        self.assertEqual(lines[0]["event"], json.loads((self.spool / "pending" / names[1]).read_text()))
        self.assertNotIn(self.write_token, dry.stdout)
        shown = json.loads(self.client("upload", "--dry-run", "--json").stdout)["requests"]
        self.assertEqual([shown[0]["name"], *shown[1]["names"], *shown[2]["names"]], names)
        self.assertEqual((self.pending(), self.rows()), (names, before), "a dry run sends and deletes nothing")

        done = self.client("upload")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(self.pending(), [])
        self.assertEqual(self.rows() - before, sent)
        for name in names:
            self.assertEqual(self.stored(name.removesuffix(".json")), 1, "the file's UUID is the event's id")
        times = self.value("SELECT count(*) FROM telemetry.events WHERE occurred_at IS NOT NULL "
                           "AND abs(extract(epoch FROM received_at - occurred_at)) < 600")
        self.assertGreaterEqual(int(times), sent)
        client = self.value(f"SELECT client FROM telemetry.events WHERE event_id = '{names[0][:-5]}'")
        self.assertRegex(client, r"^vox-telemetry/\d")

    def test_nothing_to_send(self):
        self.assertEqual(self.client("upload").returncode, 0)

    def test_nothing_leaves_without_upload(self):
        before = self.rows()
        self.enqueue(model_call("kept"))
        self.client("status")
        self.client("export")
        self.assertEqual((len(self.pending()), self.rows()), (1, before))

    def test_export(self):
        for number in range(3):
            self.enqueue(model_call(f"export-{number}"))
        out = self.client("export")
        self.assertEqual(out.returncode, 0, out)
        for number in range(3):
            self.assertIn(f"export-{number}", out.stdout)
        path = self.folder / "out"
        self.assertEqual(self.client("export", "--out", str(path)).returncode, 0)
        self.assertEqual(path.read_text(), out.stdout)
        self.assertEqual(len(self.pending()), 3)

    def test_enqueue_refuses(self):
        for text in ("", "nonsense", "[]", "1", '{"a":1}{"b":2}', '{"a":NaN}'):
            with self.subTest(text=text):
                done = self.client("enqueue", "--json", "-", stdin=text)
                self.assertNotEqual(done.returncode, 0)
                self.assertTrue(done.stderr.strip())
        self.assertEqual(self.pending(), [])
        self.assertNotEqual(self.client("enqueue", "--json", "/nonexistent").returncode, 0)

    def test_a_bad_file_does_not_stop_the_rest(self):
        self.drop("00000000-0000-7000-8000-000000000000.json", "{not json")
        self.drop("00000000-0000-7000-8000-000000000001.json", "")
        self.drop("00000000-0000-7000-8000-000000000002.json", json.dumps(model_call("bad", latency_ms=-1)))
        self.drop("00000000-0000-7000-8000-000000000003.json", '{"Unheard": {}}')
        good = f"{uuid7()}.json"
        self.drop(good, json.dumps(model_call("good"), indent=2))
        other = json.dumps(model_call("other tool"))
        self.drop("not-a-uuid.json", other)
        before = self.rows()
        done = self.client("upload")
        self.assertEqual(self.rows() - before, 2, done)
        self.assertNotEqual(done.returncode, 0, "something was not delivered, and the exit code says so")
        self.assertEqual(self.stored(good.removesuffix(".json")), 1)
        pending = self.pending()
        self.assertIn("00000000-0000-7000-8000-000000000003.json", pending, "unknown_contract is kept")
        self.assertNotIn("00000000-0000-7000-8000-000000000002.json", pending, "schema_invalid is rejected")
        self.assertIn("00000000-0000-7000-8000-000000000002.json", self.rejected())
        self.assertNotIn("not-a-uuid.json", pending)
        self.assertIn("schema_invalid", done.stdout + done.stderr)

    def test_sent_again_is_a_duplicate(self):
        """A crash between 2xx and unlink: the file is sent again, and deleted on the duplicate's 200."""
        name, text = f"{uuid7()}.json", json.dumps(model_call("again"), indent=1)
        for _ in range(2):
            self.drop(name, text)
            done = self.client("upload")
            self.assertEqual(done.returncode, 0, done)
            self.assertEqual(self.pending(), [])
        self.assertEqual(self.stored(name.removesuffix(".json")), 1)

    def test_wrong_token_stops(self):
        for number in range(3):
            self.enqueue(model_call(f"kept-{number}"))
        self.environment["VOX_TELEMETRY_UPLOAD_TOKEN"] = self.read_token
        for token in (self.read_token, "vts_0123456789_01234567890123456789012345678901_000000"):
            self.environment["VOX_TELEMETRY_UPLOAD_TOKEN"] = token
            done = self.client("upload")
            self.assertNotEqual(done.returncode, 0)
            self.assertEqual(len(self.pending()), 3)
            self.assertNotIn(token, done.stdout + done.stderr)

    def test_wrong_path_stops(self):
        self.enqueue(model_call("kept"))
        self.use(f"http://{self.sink.address[0]}:{self.sink.address[1]}/v1/elsewhere")
        done = self.client("upload")
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual((len(self.pending()), self.rejected()), (1, []))

    def test_token_from_a_file(self):
        path = self.folder / "token"
        path.write_text(self.write_token + "\n")
        path.chmod(0o600)
        del self.environment["VOX_TELEMETRY_UPLOAD_TOKEN"]
        self.environment["VOX_TELEMETRY_UPLOAD_TOKEN_FILE"] = str(path)
        self.enqueue(model_call("by file"))
        self.assertEqual(self.client("upload").returncode, 0)
        self.assertEqual(self.pending(), [])

    def test_the_environment_shows_no_secret(self):
        secret = "whsec_" + base64.b64encode(bytes(32)).decode()
        environment = {**self.environment, "VOX_TELEMETRY_SIGNING_SECRET": secret}
        with subprocess.Popen([TELEMETRY, "enqueue", "--json", "-"], env=environment, stdin=subprocess.PIPE) as process:
            path = pathlib.Path(f"/proc/{process.pid}/environ")
            wait_until(lambda: b"VOX_TELEMETRY_SIGNING_SECRET=\0" in path.read_bytes(), "the secret is wiped")
            self.assertNotIn(self.write_token.encode(), path.read_bytes())
            process.stdin.write(json.dumps(model_call("hidden")).encode())
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.client("upload").returncode, 0, "the token is found all the same")

    def test_a_file_that_may_not_be_read_stops_nothing(self):
        mode_counts = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
        self.drop("closed.json", json.dumps(model_call("closed")))
        (self.spool / "pending/closed.json").chmod(0)
        os.utime(self.spool / "pending/closed.json", (1700000000, 1700000000))
        self.enqueue(model_call("beside it"))
        done = run(*mode_counts, TELEMETRY, "upload", env=self.environment)
        self.assertEqual((done.returncode, self.pending()), (1, []), done)
        self.assertIn("chmod u+r", (self.spool / "bad/closed.json.reason").read_text())
        (self.spool / "bad/closed.json").chmod(0o600)
        before = self.rows()
        self.assertEqual(self.client("retry", "--state", "bad").returncode, 0)
        self.assertEqual(self.client("upload").returncode, 0)
        self.assertEqual((self.pending(), self.rows() - before), ([], 1))

    def test_two_uploads_at_once(self):
        for number in range(40):
            self.enqueue(model_call(f"two-{number}"))
        before = self.rows()
        results = []
        threads = [threading.Thread(target=lambda: results.append(self.client("upload"))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.pending():  # one may have found the spool locked
            self.assertEqual(self.client("upload").returncode, 0)
        self.assertEqual((self.pending(), self.rows() - before), ([], 40), results)

    def test_help_and_usage(self):
        listed = re.findall(r"^  ([a-z]+) +[A-Z]", run(TELEMETRY, "--help").stdout, re.M)
        self.assertGreater(len(listed), 12, listed)
        for words in ([], *([name] for name in listed if name != "help")):
            done = run(TELEMETRY, *words, "--help")
            self.assertEqual((done.returncode, done.stderr), (0, ""), words)
            self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80, done.stdout)
        for words in ([], ["unheard"], ["upload", "--unheard"], ["enqueue"]):
            done = self.client(*words)
            self.assertEqual(done.returncode, 2, (words, done))
            self.assertNotIn("mean", done.stderr)
        for meant, words in (("upload?", ["uplaod"]), ("upload?", ["help", "uplod"]), ("--dry-run?", ["upload", "--dry-rnu"]),
                             ("--spool?", ["status", "--spol=x"])):
            done = self.client(*words)
            self.assertEqual(done.returncode, 2, (words, done))
            self.assertIn(f"did you mean {meant}\n", done.stderr)
        for words in (["un\033[31m\nheard"], ["status", "--un\033heard"], ["status", "un\nheard"], ["purge", "--state", "\033c"]):
            with self.subTest(words=words):
                self.assertRegex(self.client(*words).stderr, r"\A[ -~]+; see vox-telemetry [ -~]+\n\Z")

    def test_git_tracked_entries_are_refused(self):
        if not shutil.which("git"):
            self.skipTest("git is not installed")
        repository = self.folder / "clone"
        spool = repository / ".vox/telemetry-upload-queue"
        (spool / "pending").mkdir(parents=True)
        name = f"{uuid7()}.json"
        (spool / "pending" / name).write_text(json.dumps(model_call("hostile")))
        for words in (["init", "-q"], ["add", "-f", "."]):
            self.assertEqual(run("git", "-C", repository, *words).returncode, 0)
        for path in (spool, spool / "pending"):
            path.chmod(0o700)
        self.environment["VOX_TELEMETRY_SPOOL_DIR"] = str(spool)
        done = self.client("upload")
        self.assertEqual(self.stored(name.removesuffix(".json")), 0, done)
        self.assertTrue((spool / "pending" / name).exists())


class Elsewhere(ClientCase):
    """Servers that are no sink: what they say deletes nothing."""

    serve = False

    def answer(self, status, headers=(), body=b""):
        """A server that gives every POST this answer; returns the list of what it saw."""
        seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                seen.append((self.path, dict(self.headers)))
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.use(f"http://127.0.0.1:{server.server_address[1]}/v1/events")
        return seen

    def upload_one(self):
        self.enqueue(model_call("elsewhere"))
        name = self.pending()
        done = self.client("upload")
        return name, done

    def test_redirects_are_not_followed(self):
        other = self.answer(201, [("Content-Type", "application/json")], b"{}")
        target = self.environment["VOX_TELEMETRY_UPLOAD_URL"]
        for status in (301, 302, 303, 307, 308):
            with self.subTest(status=status):
                self.answer(status, [("Location", target)])
                self.spool = self.folder / f"spool-{status}"
                self.environment["VOX_TELEMETRY_SPOOL_DIR"] = str(self.spool)
                name, done = self.upload_one()
                self.assertNotEqual(done.returncode, 0)
                self.assertEqual((self.pending(), other), (name, []))

    def test_2xx_without_the_entrys_name(self):
        receipt = {"event_id": uuid7(), "contract": "model-call.v1", "received_at": "2026-01-01T00:00:00Z",
                   "sha256": "0" * 64, "duplicate": False}
        for status, kind, body in (
                (200, "text/html", b"<html>Welcome</html>"), (201, "application/json", b""),
                (200, "application/json", b"{}"), (204, "application/json", b""), (201, "application/json", b"[]"),
                (201, "application/json", json.dumps(receipt).encode())):
            with self.subTest(status=status, body=body):
                self.answer(status, [("Content-Type", kind)], body)
                self.spool = self.folder / f"spool-{uuid7()}"
                self.environment["VOX_TELEMETRY_SPOOL_DIR"] = str(self.spool)
                name, done = self.upload_one()
                self.assertNotEqual(done.returncode, 0, done)
                self.assertEqual((self.pending(), self.rejected()), (name, []))

    def test_4xx_of_others_rejects_nothing(self):
        for status, kind, body in (
                (400, "text/html", b"<html>Bad Request</html>"), (422, "application/json", b'{"error":"x"}'),
                (413, "text/plain", b"too big"), (400, "application/problem+json", b'{"code":"unheard_of"}'),
                (400, "application/problem+json", b"{")):
            with self.subTest(status=status, body=body):
                self.answer(status, [("Content-Type", kind)], body)
                self.spool = self.folder / f"spool-{uuid7()}"
                self.environment["VOX_TELEMETRY_SPOOL_DIR"] = str(self.spool)
                name, done = self.upload_one()
                self.assertNotEqual(done.returncode, 0, done)
                self.assertEqual((self.pending(), self.rejected()), (name, []))

    def test_every_problem_as_the_table_says(self):
        """One entry, one answer with each code: rejected, or kept. The patient ones wait, so all run at once."""
        def one(problem):
            body = json.dumps({"type": "about:blank", "status": problem.status, "code": problem.code,
                               "retry": problem.retry}).encode()
            spool = self.folder / f"spool-{problem.code}"
            environment = {**self.environment, "VOX_TELEMETRY_SPOOL_DIR": str(spool)}
            with self.lock:
                self.answer(problem.status, [("Content-Type", "application/problem+json"), ("Retry-After", "0")], body)
                environment["VOX_TELEMETRY_UPLOAD_URL"] = self.environment["VOX_TELEMETRY_UPLOAD_URL"]
            run(TELEMETRY, "enqueue", "--json", "-", env=environment, stdin=json.dumps(model_call("problem")))
            names = [p.name for p in spool.glob("pending/*.json")]
            done = run(TELEMETRY, "upload", env=environment)
            return problem, spool, names, done

        self.lock = threading.Lock()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            results = list(pool.map(one, PROBLEMS.values()))
        for problem, spool, names, done in results:
            with self.subTest(code=problem.code):
                self.assertNotEqual(done.returncode, 0, done)
                self.assertEqual(len(names), 1)
                places = [p.parent.name for p in spool.glob(f"*/{names[0]}")]
                self.assertEqual(places, ["rejected" if problem.action == "REJECT" else "pending"], done)
                self.assertIn(problem.code, done.stdout + done.stderr)

    def test_what_is_sent(self):
        seen = self.answer(404)
        name, _ = self.upload_one()
        path, headers = seen[0]
        self.assertEqual(path, "/v1/events")
        self.assertEqual(headers["Idempotency-Key"].strip('"'), name[0].removesuffix(".json"))
        self.assertRegex(headers["X-Vox-Telemetry-At"], r"^\d{4}-\d\d-\d\dT.*Z$")
        self.assertRegex(headers["Content-Type"], r"^application/json")
        self.assertEqual(headers["Authorization"], f"Bearer {self.write_token}")

    def test_nobody_listens(self):
        self.use("http://127.0.0.1:1/v1/events")
        name, done = self.upload_one()
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.pending(), name)

    def test_no_url(self):
        self.environment.pop("VOX_TELEMETRY_UPLOAD_URL", None)
        name, done = self.upload_one()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("VOX_TELEMETRY_UPLOAD_URL", done.stderr)
        self.assertEqual(self.pending(), name)

    def test_schemes(self):
        for url in ("ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://127.0.0.1/", "127.0.0.1:1"):
            with self.subTest(url=url):
                self.use(url)
                self.enqueue(model_call("scheme"))
                self.assertNotEqual(self.client("upload").returncode, 0)
        self.assertEqual(len(self.pending()), 4)


class Down(ClientCase):
    own_cluster = True

    def test_database_down_and_up_again(self):
        for number in range(5):
            self.enqueue(model_call(f"down-{number}"))
        self.cluster.stop_immediate()
        wait_until(lambda: self.sink.status_of("/readyz") == 503, "not ready")
        self.assertNotEqual(self.client("upload").returncode, 0)
        self.assertEqual((len(self.pending()), self.rejected()), (5, []))
        self.cluster.start()
        self.sink.ready()
        self.assertEqual(self.client("upload").returncode, 0)
        self.assertEqual((self.pending(), self.rows()), ([], 5))
