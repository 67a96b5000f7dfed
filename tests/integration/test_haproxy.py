# SPDX-License-Identifier: Apache-2.0
"""Two sinks behind HAProxy with the configuration that deploy/haproxy ships, as docs/SCALING.md tells it."""

import collections
import concurrent.futures
import json
import pathlib
import re
import socket
import ssl
import subprocess
import tempfile
import time

from voxtest import Connection, Load, ROOT, SinkCase, model_call, run, uuid7, wait_until

SHIPPED = ROOT / "deploy/haproxy"
EVENT = json.dumps(model_call(), separators=(",", ":")).encode()


class Proxy:
    """A private haproxy: the shipped file, with our listening sockets, sinks and folders in the place of its own.

    It listens with TLS as shipped, by a certificate of its own making, and besides that without.
    """

    def __init__(self, sinks):
        self._temporary = tempfile.TemporaryDirectory(prefix="vox-haproxy-", dir="/tmp")
        self.folder = pathlib.Path(self._temporary.name)
        self.admin = self.folder / "admin.sock"
        self._sockets = [socket.create_server(("127.0.0.1", 0), backlog=1024) for _ in range(2)]
        self.address, self.tls_address = (s.getsockname() for s in self._sockets)
        self.certificate = self.folder / "telemetry.crt"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                        "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", self.folder / "telemetry.key", "-out", self.certificate],
                       check=True, capture_output=True, timeout=60)
        together = self.folder / "telemetry.pem"
        together.write_text(self.certificate.read_text() + (self.folder / "telemetry.key").read_text())
        plain, secure = (s.fileno() for s in self._sockets)
        text = (SHIPPED / "vox-sink.cfg").read_text()
        for pattern, value in (
                (r"    user haproxy\n    group haproxy\n", ""),
                (r"/run/haproxy/admin\.sock", str(self.admin)),
                (r"bind :443 ssl", f"bind fd@{plain}\n    bind fd@{secure} ssl"),
                (r"/etc/haproxy/certs/telemetry\.pem", str(together)),
                # A sink that answers late on a busy machine is up; one that refuses, or says so, is not.
                (r"    option httpchk\n", "    timeout check 60s\n    option httpchk\n"),
                (r"192\.0\.2\.11:8787", "{}:{}".format(*sinks[0].address)),
                (r"192\.0\.2\.12:8787", "{}:{}".format(*sinks[1].address))):
            text, count = re.subn(pattern, value, text)
            assert count == 1, f"the shipped configuration has no single {pattern}"
        text = text.replace("/etc/haproxy/", f"{SHIPPED}/")
        self.config = self.folder / "haproxy.cfg"
        self.config.write_text(text)
        self._log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "haproxy", "-db", "-f", str(self.config)], stdin=subprocess.DEVNULL,
            stdout=self._log, stderr=self._log, pass_fds=[plain, secure])
        try:
            self.wait_for(sink1="UP", sink2="UP")
        except AssertionError:
            self.stop()
            raise

    def states(self):
        """{"sink1": "UP", ...} as the proxy's health checks see them."""
        if self.process.poll() is not None:
            raise AssertionError(f"haproxy ended: {(self.folder / 'log').read_text()[-2000:]}")
        try:
            with socket.socket(socket.AF_UNIX) as admin:
                admin.connect(str(self.admin))
                admin.sendall(b"show stat\n")
                text = b"".join(iter(lambda: admin.recv(65536), b"")).decode()
        except OSError:  # not there yet
            return {}
        rows = [line.split(",") for line in text.splitlines() if line.startswith("sinks,")]
        return {row[1]: row[17] for row in rows if row[1] != "BACKEND"}

    def wait_for(self, **states):
        wait_until(lambda: states.items() <= self.states().items(), f"haproxy sees {states}")

    def context(self, *protocols):
        """For a client that believes our certificate and no other."""
        context = ssl.create_default_context(cafile=self.certificate)
        context.set_alpn_protocols(protocols)
        return context

    def request(self, method, target, body=None, **more):
        with Connection(self.address) as connection:
            return connection.request(method, target, body, **more)

    def post(self, body, token=None, key=None, headers=()):
        headers = list(headers) + ([("Idempotency-Key", key)] if key else [])
        return self.request("POST", "/v1/events", body, token=token, headers=headers)

    def stop(self):
        self.process.kill()
        self.process.wait(120)
        self._log.close()
        for each in self._sockets:
            each.close()
        self._temporary.cleanup()


class Pair(SinkCase):
    """Two sinks, and the proxy before them."""

    options = {"trusted_proxies": "127.0.0.1", "pacing": 0, "catalog_poll": 50}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.new_sink(**cls.options).start().ready()
        cls.proxy = Proxy([cls.sink, cls.other])
        cls.addClassCleanup(cls.proxy.stop)

    def new_token(self, *more):
        return self.sink.token("demo", "ingest", *more)

    def assert_twice_the_burst(self, post):
        """Of 40 requests through both sinks, as many are taken as two of them with a burst of 5 and 1/s let in."""
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            answers = collections.Counter(answer.status for answer in pool.map(post, range(40)))
        self.assertEqual(answers.keys(), {201, 429})
        self.assertGreaterEqual(answers[201], 10)
        self.assertLessEqual(answers[201], 10 + 2 * (time.monotonic() - began + 1))


class Haproxy(Pair):

    def taken(self):
        """How many events each sink has stored."""
        return [sink.metrics().get(("vox_sink_events_total", (("contract", "model-call.v1"), ("outcome", "stored"))), 0)
                for sink in (self.sink, self.other)]

    def key_of(self, token):
        return token.split("_")[1]

    def test_ids_are_shared(self):
        """One id through both sinks: stored once, the same receipt from each."""
        before, key = self.taken(), uuid7()
        answers = [self.proxy.post(EVENT, self.write_token, key) for _ in range(8)]
        self.assertEqual(collections.Counter(a.status for a in answers), {201: 1, 200: 7})
        self.assertEqual(len({a.json()["received_at"] for a in answers}), 1)
        self.assertEqual(self.stored(key), 1)
        self.assertEqual(self.proxy.post(b'{"a":1}', self.write_token, uuid7()).code, "unknown_contract")

        def both_had_some():
            self.assertEqual(self.proxy.post(EVENT, self.write_token, uuid7()).status, 201)
            return all(after > was for after, was in zip(self.taken(), before))
        wait_until(both_had_some, "both sinks had some")

    def test_revocation_is_shared(self):
        token = self.new_token()
        self.assertEqual(self.proxy.post(EVENT, token).status, 201)
        self.sink.command("token", "revoke", self.key_of(token))
        for sink in (self.sink, self.other):
            wait_until(lambda s=sink: s.post(EVENT, token).status == 401, "the sink knows of it")
        self.assertEqual({self.proxy.post(EVENT, token).status for _ in range(6)}, {401})

    def test_quotas_are_shared(self):
        token = self.new_token("--quota", "20/day")
        answers = [self.proxy.post(EVENT, token).status for _ in range(20)]
        self.assertEqual(answers, [201] * 20)
        for sink in (self.sink, self.other):
            wait_until(lambda s=sink: s.post(EVENT, token).code == "quota_exceeded", "the sink has added it up")
        self.assertEqual({self.proxy.post(EVENT, token).status for _ in range(6)}, {429})

    def test_rates_are_of_each_process(self):
        token = self.new_token("--rate", "1/s", "--burst", "5")
        self.assert_twice_the_burst(lambda _: self.proxy.post(EVENT, token))

    def test_administration_is_not_for_everybody(self):
        for target in ("/v1/admin/events", "/metrics"):
            self.assertEqual(self.proxy.request("GET", target, token=self.read_token).status, 404, target)
        self.assertEqual(self.proxy.request("GET", "/v1/contracts").status, 200)

    def test_bodies_are_framed_anew(self):
        """Chunks, a body over the proxy's buffer, a batch: they arrive as they were sent."""
        big = json.dumps(model_call("x" * 200_000)).encode()
        with Connection(self.proxy.address) as connection:
            for body, chunked in ((EVENT, True), (big, False), (big, True)):
                key = uuid7()
                answer = connection.request("POST", "/v1/events", body, token=self.write_token, chunked=chunked,
                                            headers=[("Idempotency-Key", key)])
                self.assert_receipt(answer, 201, event_id=key)
            lines = b"".join(json.dumps(model_call(f"line-{n}")).encode() + b"\n" for n in range(500))
            for chunked in (False, True):
                answer = connection.request("POST", "/v1/batch", lines, token=self.write_token, chunked=chunked,
                                            headers=[("Content-Type", "application/x-ndjson")])
                verdicts = [json.loads(line) for line in answer.body.splitlines()]
                self.assertEqual([(v["line"], v["status"]) for v in verdicts], [(n + 1, 201) for n in range(500)])
        # Two lengths in one request: the proxy refuses it or the sink does, neither reads it two ways.
        with Connection(self.proxy.address) as connection:
            connection.send(b"POST /v1/events HTTP/1.1\r\nHost: a\r\n"
                            b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n{\"a\":1}")
            self.assertEqual(connection.read().status, 400)

    def test_tls(self):
        """The shipped line for it: HTTP/1.1 and HTTP/2, from TLS 1.2 on, with the certificate that it names."""
        key = uuid7()
        with Connection(self.proxy.tls_address, tls=self.proxy.context("http/1.1")) as connection:
            self.assertEqual(connection.socket.selected_alpn_protocol(), "http/1.1")
            self.assertIn(connection.socket.version(), ("TLSv1.2", "TLSv1.3"))
            for status in (201, 200):
                answer = connection.request("POST", "/v1/events", EVENT, token=self.write_token,
                                            headers=[("Idempotency-Key", key)])
                self.assert_receipt(answer, status, event_id=key)
            lines = (EVENT + b"\n") * 300
            answer = connection.request("POST", "/v1/batch", lines, token=self.write_token, chunked=True,
                                        headers=[("Content-Type", "application/x-ndjson")])
            self.assertEqual([json.loads(line)["status"] for line in answer.body.splitlines()], [201] * 300)
            self.assertEqual(connection.request("GET", "/metrics").status, 404)
        with Connection(self.proxy.tls_address, tls=self.proxy.context("h2", "http/1.1")) as connection:
            self.assertEqual(connection.socket.selected_alpn_protocol(), "h2")
        host, port = self.proxy.tls_address
        event = self.proxy.folder / "event"
        event.write_bytes(EVENT)
        headers = self.proxy.folder / "headers"  # no token on a command line
        key = uuid7()
        headers.write_text(f"Authorization: Bearer {self.write_token}\nContent-Type: application/json\nIdempotency-Key: {key}\n")
        done = run("curl", "-sS", "--http2", "--noproxy", "*", "--cacert", self.proxy.certificate, "--resolve",
                   f"localhost:{port}:{host}", "-H", f"@{headers}", "--data-binary", f"@{event}",
                   "-w", "\n%{http_version} %{http_code}", f"https://localhost:{port}/v1/events")
        self.assertEqual(done.stdout.splitlines()[-1:], ["2 201"], done)
        self.assertEqual(self.stored(key), 1)
        with self.assertRaises(ssl.SSLError):  # who does not know the certificate does not go on
            Connection(self.proxy.tls_address, tls=ssl.create_default_context())


class HaproxyAddresses(Pair):

    options = {**Pair.options, "address_rate": 1, "address_burst": 5, "open_project": "demo"}

    def test_addresses_are_the_clients(self):
        """The sinks limit by the address that the proxy saw; a client's own word on it is taken away."""
        self.assert_twice_the_burst(lambda n: self.proxy.post(
            EVENT, headers=[("X-Forwarded-For", f"198.51.100.{n}"), ("Forwarded", f"for=198.51.100.{n}")]))
        # The proxy's own word is believed: another client, with a burst of its own.
        self.assertEqual(self.sink.post(EVENT, headers=[("X-Forwarded-For", "203.0.113.9")]).status, 201)


class HaproxyFaults(SinkCase):
    """Own class: sinks come and go here."""

    options = {"trusted_proxies": "127.0.0.1"}

    def test_kill_and_drain(self):
        """Under keyed load one sink is killed, the other drained: acknowledged exactly once, refused with 503 only."""
        other = self.new_sink(**self.options).start().ready()
        proxy = Proxy([self.sink, other])
        self.addCleanup(proxy.stop)
        load = Load(proxy.address, self.write_token, 16).start()

        def goes_on():
            after = load.count() + 300
            wait_until(lambda: load.count() >= after, "events are taken")

        goes_on()
        self.sink.kill()
        goes_on()
        proxy.wait_for(sink1="DOWN", sink2="UP")
        self.sink.start().ready()
        proxy.wait_for(sink1="UP", sink2="UP")
        goes_on()
        self.assertEqual(other.stop(), 0)
        goes_on()
        proxy.wait_for(sink1="UP", sink2="DOWN")
        # None at all: the proxy answers as a sink would.
        self.sink.kill()
        proxy.wait_for(sink1="DOWN", sink2="DOWN")
        self.assert_problem(proxy.post(EVENT, self.write_token, uuid7()), "not_ready")
        self.sink.start().ready()
        other.start().ready()
        proxy.wait_for(sink1="UP", sink2="UP")
        goes_on()
        load.finish()
        self.assert_exactly_once(load)
        self.assertLessEqual(load.statuses.keys(), {200, 201, 503}, load.statuses)
        self.assertEqual(load.retry_after_missing, 0)

    def test_the_shipped_file_has_no_fault(self):
        """HAProxy's own check of what the tests run with; it warns of nothing."""
        other = self.new_sink(**self.options).start().ready()
        proxy = Proxy([self.sink, other])
        self.addCleanup(proxy.stop)
        checked = re.sub(r"bind fd@\d+", "bind 127.0.0.1:8443", proxy.config.read_text())
        path = proxy.folder / "checked.cfg"
        path.write_text(checked)
        done = run("haproxy", "-c", "-f", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("WARNING", done.stderr)
