# SPDX-License-Identifier: Apache-2.0
"""Which answers are the last of their connection, which are not, and that nothing behind a last one is run."""

import contextlib
import json
import re
import socket

from voxtest import SinkCase, model_call, uuid7

EVENT = json.dumps(model_call("alive"), separators=(",", ":")).encode()
SECOND = b"GET /version HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)


class KeepAlive(SinkCase):

    # Whoever closes closes by these rules, and by no deadline.
    options = {"idle_timeout": 3600, "head_deadline": 3600, "transfer_grace": 3600, "transfer_deadline": 3600}

    def post(self, *lines, body=EVENT, version="1.1", token=None):
        first = [f"POST /v1/events HTTP/{version}", "Host: a", "Content-Type: application/json",
                 f"Authorization: Bearer {token or self.write_token}"]
        return "\r\n".join([*first, *lines]).encode() + b"\r\n\r\n" + body

    def sized(self, *lines, **more):
        return self.post(f"Content-Length: {len(EVENT)}", *lines, **more)

    def exchange(self, data, half_closed=False, address=None):
        """(status, whether it says close) of each answer until the server closes."""
        received = b""
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        with socket.socket(family) as sock:
            sock.settimeout(60)
            sock.connect(address or self.sink.address)
            with contextlib.suppress(ConnectionError):  # the last answer may have come before all was sent
                sock.sendall(data)
                if half_closed:
                    sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while piece := sock.recv(65536):
                    received += piece
        heads = re.findall(rb"(HTTP/1\.1 \d{3} .*?)\r\n\r\n", received, re.S)
        return [(int(head[9:12]), b"\r\nConnection: close" in head) for head in heads]

    def test_kept(self):
        bad = b"{"
        for name, data, status in (
                ("length", self.sized(), 201),
                ("chunked", self.post("Transfer-Encoding: chunked", body=CHUNKS), 201),
                ("chunked with trailers", self.post("Transfer-Encoding: chunked", "Trailer: X-A",
                                                    body=CHUNKS[:-2] + b"X-A: b\r\n\r\n"), 201),
                ("keep-alive", self.sized("Connection: keep-alive"), 201),
                ("another option", self.sized("Connection: closed, x-close"), 201),
                ("no body", b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200),
                ("HEAD", b"HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200),
                ("an empty line before", b"\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 200),
                ("refused for its body", self.post(f"Content-Length: {len(bad)}", body=bad), 400)):
            with self.subTest(name):
                self.assertEqual(self.exchange(data + SECOND), [(status, False), (200, True)])

    def test_closed_as_asked(self):
        for name, data in {
                "close": self.sized("Connection: close"),
                "case": self.sized("connection: CLOSE"),
                "first of a list": self.sized("Connection: close, TE"),
                "last of a list": self.sized("Connection: keep-alive ,\tclose "),
                "second line": self.sized("Connection: keep-alive", "Connection: close"),
                "first line": self.sized("Connection: close", "Connection: keep-alive"),
                "chunked": self.post("Connection: close", "Transfer-Encoding: chunked", body=CHUNKS),
                "1.0": self.sized(version="1.0"),
                "1.0 with keep-alive": self.sized("Connection: keep-alive", version="1.0")}.items():
            with self.subTest(name):
                event_id = uuid7()
                behind = self.sized(f"Idempotency-Key: {event_id}")
                self.assertEqual(self.exchange(data + behind), [(201, True)])
                self.assertEqual(self.stored(event_id), 0)

    def test_closed_before_the_body(self):
        """What is refused by its head alone is refused at once, and its body is not taken for a request."""
        for name, data, status in (
                ("token", self.sized(token="vts_no"), 401),
                ("type", self.sized().replace(b"application/json", b"text/plain"), 415),
                ("path", self.sized().replace(b"/v1/events", b"/v1/none"), 404),
                ("method", self.sized().replace(b"POST", b"PUT"), 405),
                ("size", self.post("Content-Length: 99999999"), 413),
                ("no length", self.post(), 411),
                ("chunked", self.post("Transfer-Encoding: chunked", body=CHUNKS, token="vts_no"), 401),
                ("no path", b"GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 404)):
            with self.subTest(name):
                event_id = uuid7()
                behind = self.sized(f"Idempotency-Key: {event_id}")
                self.assertEqual(self.exchange(data + behind), [(status, True)])
                self.assertEqual(self.stored(event_id), 0)

    def test_pipelined_up_to_the_last(self):
        before = self.rows()
        data = self.sized() * 40 + self.post("Transfer-Encoding: chunked", body=CHUNKS) * 40
        data += self.sized("Connection: close") + self.sized() * 40
        self.assertEqual(self.exchange(data), [(201, False)] * 80 + [(201, True)])
        self.assertEqual(self.rows() - before, 81)

    def test_half_closed(self):
        """Who says that no more comes still gets every answer, and then the connection's end."""
        before = self.rows()
        self.assertEqual(self.exchange(self.sized(), half_closed=True), [(201, False)])
        self.assertEqual(self.exchange(self.sized() * 50, half_closed=True), [(201, False)] * 50)
        chunked = self.post("Transfer-Encoding: chunked", body=CHUNKS)
        self.assertEqual(self.exchange(chunked * 50, half_closed=True), [(201, False)] * 50)
        self.assertEqual(self.exchange(self.sized()[:-1], half_closed=True), [])
        self.assertEqual(self.exchange(chunked[:-1], half_closed=True), [])
        self.assertEqual(self.rows() - before, 101)

    def test_byte_by_byte(self):
        before = self.rows()
        data = self.sized() + self.post("Transfer-Encoding: chunked", body=CHUNKS) + SECOND
        with socket.create_connection(self.sink.address, 60) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in data:
                sock.sendall(bytes([byte]))
            received = b"".join(iter(lambda: sock.recv(65536), b""))
        self.assertEqual(re.findall(rb"HTTP/1\.1 (\d+)", received), [b"201", b"201", b"200"])
        self.assertEqual(self.rows() - before, 2)
