# SPDX-License-Identifier: Apache-2.0
"""TLS of the sink's own: versions, renewal, clients' certificates, and peers that speak something else."""

import contextlib
import json
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading

from voxtest import Connection, Refused, SinkCase, model_call, uuid7, wait_until

EXTENSIONS = """
[server]
subjectAltName = DNS:localhost
extendedKeyUsage = serverAuth
[client]
extendedKeyUsage = clientAuth
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
"""


class Papers:
    """Authorities, keys and certificates made by openssl in a folder."""

    def __init__(self):
        self._temporary = tempfile.TemporaryDirectory(prefix="vox-tls-", dir="/tmp")
        self.folder = pathlib.Path(self._temporary.name)
        self.folder.chmod(0o755)
        (self.folder / "extensions").write_text(EXTENSIONS)
        self.authority("ca")

    def openssl(self, *words):
        subprocess.run(["openssl", *(str(w) for w in words)], check=True, capture_output=True, timeout=300)

    def path(self, name):
        return self.folder / name

    def _key(self, name):
        self.openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.path(f"{name}.key"))

    def authority(self, name):
        self._key(name)
        self.openssl("req", "-x509", "-new", "-key", self.path(f"{name}.key"), "-subj", f"/CN={name}", "-days", 30,
                     "-config", self.path("extensions"), "-extensions", "authority", "-out", self.path(f"{name}.pem"))

    def issue(self, name, kind="server", authority="ca"):
        self._key(name)
        self.openssl("req", "-new", "-key", self.path(f"{name}.key"), "-subj", f"/CN={name}",
                     "-config", self.path("extensions"), "-out", self.path(f"{name}.csr"))
        self.openssl("x509", "-req", "-in", self.path(f"{name}.csr"), "-CA", self.path(f"{authority}.pem"),
                     "-CAkey", self.path(f"{authority}.key"), "-CAcreateserial", "-days", 20,
                     "-extfile", self.path("extensions"), "-extensions", kind, "-out", self.path(f"{name}.pem"))

    def context(self, client=None):
        context = ssl.create_default_context(cafile=str(self.path("ca.pem")))
        if client:
            context.load_cert_chain(self.path(f"{client}.pem"), self.path(f"{client}.key"))
        return context


class TlsCase(SinkCase):

    serve = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.papers = Papers()
        cls.papers.issue("first")
        cls.certificate, cls.key = cls.sink.folder / "cert.pem", cls.sink.folder / "key.pem"
        cls.install("first")
        cls.sink.environment.update({"VOX_SINK_TLS_CERT_FILE": str(cls.certificate),
                                     "VOX_SINK_TLS_KEY_FILE": str(cls.key), **cls.extra()})
        cls.sink.tls = cls.context()
        cls.sink.start().ready()

    @classmethod
    def extra(cls):
        return {}

    @classmethod
    def context(cls):
        return cls.papers.context()

    @classmethod
    def install(cls, name):
        for path, suffix, mode in ((cls.certificate, "pem", 0o644), (cls.key, "key", 0o600)):
            path.write_bytes(cls.papers.path(f"{name}.{suffix}").read_bytes())
            path.chmod(mode)
            cls.sink.own(path)

    def tearDown(self):
        self.assertTrue(self.sink.alive())


class Tls(TlsCase):

    @classmethod
    def extra(cls):
        cls.unix = str(cls.sink.folder / "plain.sock")
        return {"VOX_SINK_LISTEN": f"127.0.0.1:0,unix:{cls.unix}", "VOX_SINK_HEAD_DEADLINE": "120"}

    def subject(self, connection):
        return dict(pair[0] for pair in connection.socket.getpeercert()["subject"])["commonName"]

    def test_versions(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.papers.context()
            context.minimum_version = context.maximum_version = version
            with Connection(self.sink.address, tls=context) as connection:
                self.assertEqual(connection.socket.version(), {3: "TLSv1.2", 4: "TLSv1.3"}[version.value & 0xF])
                self.assertEqual(connection.request("GET", "/healthz").status, 200)

    def test_old_versions_are_refused(self):
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            context = self.papers.context()
            context.set_ciphers("ALL:@SECLEVEL=0")
            Connection(self.sink.address, tls=context).close()
            context.minimum_version = context.maximum_version = version
            # By an alert, or where the stream has ended before that is read, by its end.
            with self.assertRaises((ssl.SSLError, ConnectionError)) as caught:
                Connection(self.sink.address, tls=context)
            if isinstance(caught.exception, ssl.SSLError):
                self.assertRegex(str(caught.exception), "EOF|PROTOCOL_VERSION")

    def test_only_http_1_1_is_agreed(self):
        context = self.papers.context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with Connection(self.sink.address, tls=context) as connection:
            self.assertEqual(connection.socket.selected_alpn_protocol(), "http/1.1")

    def test_events(self):
        """Small and large ones, in one piece and in many records, pipelined, and from curl."""
        with self.sink.connect() as connection:
            for _ in range(5):
                answer = connection.request("POST", "/v1/events", json.dumps(model_call()).encode(), token=self.write_token,
                                            headers=[("Idempotency-Key", uuid7())])
                self.assertEqual(answer.status, 201, answer)
            large = json.dumps({"ModelCall": model_call()["ModelCall"]}).encode() + b" " * 900_000
            answer = connection.request("POST", "/v1/events", large, token=self.write_token, headers=[("Idempotency-Key", uuid7())])
            self.assertEqual(answer.status, 201, answer)
            connection.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
            self.assertEqual([connection.read().status for _ in range(50)], [200] * 50)
            for byte in b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n":
                connection.send(bytes([byte]))  # a record each
            self.assertEqual(connection.read().status, 200)
            answer = connection.request("POST", "/v1/events", large, token=self.write_token, chunked=True,
                                        headers=[("Idempotency-Key", uuid7())])
            self.assertEqual((answer.status, answer.header("connection")), (201, None), answer)
        url = f"https://localhost:{self.sink.address[1]}/v1/contracts"
        done = subprocess.run(["curl", "-sS", "--cacert", str(self.papers.path("ca.pem")), "--resolve",
                               f"localhost:{self.sink.address[1]}:127.0.0.1", url], capture_output=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("contracts", json.loads(done.stdout))

    def test_messages_in_many_records(self):
        """A client may cut its first message into as many records as it likes, and send them all at once."""
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for most in (200, 100, 3, 1):
                with self.subTest(version=version, most=most):
                    self.assertIn(b"HTTP/1.1 200 ", self.cut_hello(version, most))

    def cut_hello(self, version, most):
        """The beginning of an answer, after a ClientHello in records of `most` bytes."""
        context = self.papers.context()
        context.minimum_version = context.maximum_version = version
        heard, said = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(heard, said, server_hostname="localhost")
        with socket.create_connection(self.sink.address, 120) as sock:
            def step(work):
                while True:
                    try:
                        return work()
                    except ssl.SSLWantReadError:
                        sock.sendall(said.read())
                        piece = sock.recv(65536)
                        self.assertTrue(piece, "the sink ended the handshake")
                        heard.write(piece)
            with self.assertRaises(ssl.SSLWantReadError):
                tls.do_handshake()
            head, hello = (record := said.read())[:3], record[5:]
            sock.sendall(b"".join(head + len(piece).to_bytes(2, "big") + piece
                                  for piece in (hello[i:i + most] for i in range(0, len(hello), most))))
            step(tls.do_handshake)
            tls.write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            return step(lambda: tls.read(100))

    def test_endless_messages_are_cut(self):
        """Of a message that announces more than any has, little is kept, and it is not waited for."""
        def cut():
            return self.sink.metrics().get(("vox_sink_connections_cut_total", (("reason", "deadline"),)), 0)
        before = cut()
        record = b"\x16\x03\x01\x03\xe8"
        with socket.create_connection(self.sink.address, 300) as sock:
            sock.sendall(record + b"\x01" + (100_000).to_bytes(3, "big") + b"\x03\x03" + b"x" * 994)
            with contextlib.suppress(ConnectionError):
                sock.sendall((record + b"x" * 1000) * 80)
                while sock.recv(4096):
                    pass
        self.assertEqual(cut(), before, "waited for to the deadline")

    def test_many_at_once(self):
        failures = []

        def work(number):
            try:
                with self.sink.connect() as connection:
                    for _ in range(10):
                        body = json.dumps(model_call(f"tls-{number}")).encode()
                        answer = connection.request("POST", "/v1/events", body, token=self.write_token,
                                                    headers=[("Idempotency-Key", uuid7())])
                        if answer.status != 201:
                            failures.append(answer)
            except (OSError, Refused) as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(300)
        self.assertEqual(failures, [])

    def test_refusals_come_early(self):
        """A 401 before a body that is still being sent, and then the end."""
        with self.sink.connect() as connection:
            connection.send(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                            b"Content-Length: 1000000\r\n\r\n" + b" " * 20000)
            self.assertEqual(connection.read().status, 401)

    def test_unix_sockets_stay_plain(self):
        with Connection(self.unix) as connection:
            self.assertEqual(connection.request("GET", "/healthz").status, 200)

    def test_renewal(self):
        """On SIGHUP: new connections get the new certificate, old ones go on, a broken file changes nothing."""
        def reloads(outcome):
            return self.sink.metrics().get(("vox_sink_reloads_total", (("what", "tls"), ("outcome", outcome))), 0)

        def renew(outcome, number):
            self.sink.signal(signal.SIGHUP)
            wait_until(lambda: reloads(outcome) == number, f"a reload with outcome {outcome}")

        self.papers.issue("second")
        with self.sink.connect() as before:
            self.assertEqual(self.subject(before), "first")
            self.install("second")
            renew("ok", 1)
            with self.sink.connect() as after:
                self.assertEqual(self.subject(after), "second")
                self.assertEqual(after.request("GET", "/healthz").status, 200)
            self.assertEqual(before.request("GET", "/healthz").status, 200)
        self.papers.issue("third")
        broken = {
            "empty": lambda: self.certificate.write_text(""),
            "another's key": lambda: self.key.write_bytes(self.papers.path("third.key").read_bytes()),
            "open key": lambda: self.key.chmod(0o644),
            "gone": self.certificate.unlink,
        }
        for number, (name, spoil) in enumerate(broken.items(), 1):
            with self.subTest(name):
                self.install("second")
                spoil()
                renew("failed", number)
                with self.sink.connect() as connection:
                    self.assertEqual(self.subject(connection), "second")
        wait_until(lambda: len(re.findall("TLS certificate not reloaded, the old one stays", self.sink.log())) == 4,
                   "each is told")
        self.install("third")
        renew("ok", 2)
        with self.sink.connect() as connection:
            self.assertEqual(self.subject(connection), "third")
        self.assertGreater(self.sink.metrics()["vox_sink_tls_not_after_seconds", ()], 1_700_000_000)
        self.assertNotIn("PRIVATE KEY", self.sink.log())
        self.install("first")
        renew("ok", 3)


class Hostile(TlsCase):
    """Peers that never finish a handshake, before a sink that does not wait long for one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hasty = cls.new_sink(head_deadline=2, tls_cert_file=cls.certificate, tls_key_file=cls.key).start()

    def heard(self, data):
        """All that the sink says before it closes the connection."""
        received = b""
        with socket.create_connection(self.hasty.address, 120) as sock:
            try:
                sock.sendall(data)
                while piece := sock.recv(4096):
                    received += piece
            except ConnectionError:
                pass
        return received

    def test_other_protocols_get_no_answer(self):
        for data in (b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"\0" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                     b"\x16\x03\x01\x40\x00" + b"\xff" * 0x4000):
            self.assertNotIn(b"HTTP", self.heard(data))  # an alert at most

    def test_slow_handshakes_are_cut(self):
        for data in (b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"):
            self.assertNotIn(b"HTTP", self.heard(data))


class TlsClients(TlsCase):

    @classmethod
    def extra(cls):
        return {"VOX_SINK_TLS_CLIENT_CA_FILE": str(cls.papers.path("ca.pem"))}

    @classmethod
    def context(cls):
        cls.papers.issue("client", "client")
        return cls.papers.context("client")

    def test_with_a_certificate(self):
        self.assertEqual(self.sink.post(model_call(), self.write_token).status, 201)

    def test_without_one(self):
        self.papers.authority("foreign")
        self.papers.issue("stranger", "client", "foreign")
        self.papers.issue("machine", "server")
        for client in (None, "stranger", "machine"):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with self.subTest(client=client, version=version):
                    context = self.papers.context(client)
                    context.minimum_version = context.maximum_version = version
                    # In TLS 1.3 the client learns of it after its own part of the handshake.
                    with self.assertRaises((ssl.SSLError, Refused, ConnectionError)):
                        with Connection(self.sink.address, tls=context) as connection:
                            connection.request("GET", "/healthz")


class TlsStart(TlsCase):

    def refused(self, **options):
        base = {"tls_cert_file": self.certificate, "tls_key_file": self.key}
        sink = self.new_sink(**{k: v for k, v in {**base, **options}.items() if v})
        with self.assertRaisesRegex(AssertionError, "ended at start") as caught:
            sink.start()
        self.assertEqual(sink.process.returncode, 3, "configuration")
        self.assertRegex(sink.log(), r"\Avox-sink: [^\n]+\n\Z", "nothing runs before the files are read")
        doctor = sink.command("doctor", "--json", check=False)
        found = {check["name"]: check for check in json.loads(doctor.stdout)["checks"]}
        self.assertEqual((doctor.returncode, found["tls"]["status"]), (4, "fail"), found)
        self.assertIn(found["tls"]["text"], str(caught.exception))
        return str(caught.exception)

    def test_doctor(self):
        def found(sink):
            done = sink.command("doctor", "--json", check=False)
            return done.returncode, {check["name"]: check["status"] for check in json.loads(done.stdout)["checks"]}

        with_tls = {"tls_cert_file": self.certificate, "tls_key_file": self.key}
        code, checks = found(self.new_sink(**with_tls))
        self.assertEqual((code, checks["tls"]), (0, "ok"), checks)
        running = self.new_sink(**with_tls)
        running.start()
        running.environment["VOX_SINK_LISTEN"] = "%s:%d" % running.address
        code, checks = found(running)
        self.assertEqual((code, checks["address"]), (0, "warn"), checks)

    def test_bad_files(self):
        self.papers.issue("other")
        other, readable = self.sink.folder / "other.key", self.sink.folder / "readable.key"
        for path, name, mode in ((other, "other", 0o600), (readable, "first", 0o640)):
            path.write_bytes(self.papers.path(f"{name}.key").read_bytes())
            path.chmod(mode)
            self.sink.own(path)
        self.assertIn("belong together", self.refused(tls_key_file=other))
        self.assertIn("tls_key_file", self.refused(tls_key_file=readable))
        self.assertIn("tls_cert_file", self.refused(tls_cert_file="/nonexistent"))
        self.assertIn("TLS needs both", self.refused(tls_key_file=None))
        self.assertIn("TLS needs both", self.refused(tls_cert_file=None, tls_key_file=None,
                                                     tls_client_ca_file=self.certificate))
        self.assertIn("no certificate", self.refused(tls_client_ca_file=self.key))
