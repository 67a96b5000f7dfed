# SPDX-License-Identifier: Apache-2.0
"""The hostile cases of HTTP by their names, each as short as it can be said; test_framing looks at many more forms.

After each: the process lives, its descriptors are back, no row was stored, and what was hidden behind a refused
request was not run. Whatever is refused is refused by one problem+json that closes the connection.
"""

import contextlib
import gzip
import json
import os
import re
import socket
import struct
import threading

from voxtest import SANITIZED, SinkCase, model_call, uuid7, wait_until, zstd

EVENT = json.dumps(model_call("case"), separators=(",", ":")).encode()
LENGTH = f"Content-Length: {len(EVENT)}"
CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
TE = "Transfer-Encoding: chunked"


class HttpCase(SinkCase):

    def setUp(self):
        self.base = (self.rows(), self.sink.descriptors())

    def tearDown(self):
        self.assertTrue(self.sink.alive())
        self.assertEqual(self.rows(), self.base[0], "something was stored")
        wait_until(lambda: self.sink.descriptors() <= self.base[1] + 1, "descriptors are back")

    # -- raw requests

    def head(self, *lines, first="POST /v1/events HTTP/1.1", host="Host: sink", auth=True):
        fixed = [first, host, "Content-Type: application/json", f"Authorization: Bearer {self.write_token}" if auth else None]
        return "\r\n".join(x for x in [*fixed, *lines] if x is not None).encode("latin-1") + b"\r\n\r\n"

    def exchange(self, data, end=None):
        """Everything that comes until the server closes; `end` may half-close or reset after sending."""
        received = b""
        with socket.create_connection(self.sink.address, 60) as sock:
            with contextlib.suppress(ConnectionError):  # the server may have closed by now
                sock.sendall(data)
            if end:
                with contextlib.suppress(OSError):
                    end(sock)
            with contextlib.suppress(ConnectionError):
                while piece := sock.recv(65536):
                    received += piece
        return received

    def statuses(self, received):
        return [int(s) for s in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]

    def refuse(self, data, *allowed):
        """One problem of `allowed` statuses, the connection closed, and the request behind it never run."""
        inner = uuid7()
        hidden = self.head(LENGTH, f"Idempotency-Key: {inner}") + EVENT
        received = self.exchange(data + hidden)
        self.problem(received, *allowed)
        self.assertEqual(self.stored(inner), 0, "the request behind it was run")
        return received

    def problem(self, received, *allowed):
        """One whole problem+json of `allowed` statuses that says it is the last, and nothing else."""
        found = self.statuses(received)
        self.assertEqual(len(found), 1, received[:600])
        self.assertIn(found[0], allowed, received[:600])
        head, _, body = received.partition(b"\r\n\r\n")
        self.assertIn(b"\r\nContent-Type: application/problem+json\r\n", head)
        self.assertIn(b"\r\nConnection: close\r\n", head)
        self.assertIn(b"\r\nContent-Length: %d" % len(body), head)
        self.assertEqual(json.loads(body)["status"], found[0])

    def each(self, allowed, cases):
        for name, data in cases.items():
            with self.subTest(name):
                self.refuse(data, *allowed)


class HttpCases(HttpCase):

    # Nothing here is closed by a deadline.
    options = {"idle_timeout": 3600, "head_deadline": 3600, "transfer_grace": 3600, "transfer_deadline": 3600,
               "body_bytes": 8 << 20}

    def test_dup_cl(self):
        self.each([400], {"equal": self.head(LENGTH, LENGTH) + EVENT,
                          "different": self.head("Content-Length: 3", "Content-Length: 6") + EVENT})

    def test_cl_te(self):
        self.each([400], {"length first": self.head(LENGTH, TE) + CHUNKED, "coding first": self.head(TE, LENGTH) + CHUNKED})

    def test_te_odd(self):
        odd = ("gzip, chunked", "identity", "xchunked", "chunked;", "chunked, chunked", "")
        self.each([400], {**{value: self.head(f"Transfer-Encoding: {value}") + CHUNKED for value in odd},
                               "twice": self.head(TE, TE) + CHUNKED,
                               "two": self.head(TE, "Transfer-Encoding: identity") + CHUNKED,
                               "1.0": self.head(TE, first="POST /v1/events HTTP/1.0") + CHUNKED})

    def test_cl_space_colon(self):
        self.each([400], {"blank": self.head(f"Content-Length : {len(EVENT)}") + EVENT,
                          "tab": self.head(f"Content-Length\t: {len(EVENT)}") + EVENT})

    def test_obsfold(self):
        self.each([400], {
            "length": self.head(f"Content-Length:\r\n {len(EVENT)}") + EVENT,
            "authorization": self.head(f"Authorization: Bearer\r\n {self.write_token}", LENGTH, auth=False) + EVENT,
            "other": self.head("X-A: one\r\n two", LENGTH) + EVENT})

    def test_cl_garbage(self):
        self.each([400], {value: self.head(f"Content-Length: {value}") + EVENT for value in
                          ("+3", "-1", "0x3", "abc", "1e3", "", "18446744073709551616")})

    def test_oversize_head(self):
        """From 5 KiB or 65 lines on, whatever beyond that comes."""
        for name, data in {
                "header": self.head("X-A: " + "a" * 5200, LENGTH) + EVENT,
                "larger header": self.head("X-A: " + "a" * 6000, LENGTH) + EVENT,
                "huge header": self.head("X-A: " + "a" * 40000, LENGTH) + EVENT,
                "target": self.head(LENGTH, first=f"POST /v1/events?{'a' * 6000} HTTP/1.1") + EVENT,
                "huge target": self.head(LENGTH, first=f"POST /v1/events?{'a' * 40000} HTTP/1.1") + EVENT,
                "method": self.head(LENGTH, first=f"{'A' * 40000} /v1/events HTTP/1.1") + EVENT,
                "lines": self.head(*[f"X-{i}: a" for i in range(70)], LENGTH) + EVENT,
                "many lines": self.head(*[f"X-{i}: a" for i in range(3000)], LENGTH) + EVENT,
                "no end": b"a" * 20000}.items():
            with self.subTest(name):
                self.assertIn(b'"code":"head_too_large"', self.refuse(data, 431))

    def test_chunk_bad(self):
        start = self.head(TE)
        for name, data in {
                "overflow": b"10000000000000000\r\n", "hex": b"0x5\r\n12345\r\n0\r\n\r\n",
                "blank": b"5 \r\n12345\r\n0\r\n\r\n", "terminator": b"5\r\n1234567\r\n0\r\n\r\n",
                "no size": b"\r\n0\r\n\r\n", "LF behind the size": b"1\n{\r\n0\r\n\r\n",
                "LF behind the data": b"1\r\n{\n0\r\n\r\n", "LF alone": b"1\n{\n0\n\n",
                "LF at the end": b"1\r\n{\r\n0\r\n\n", "extension": b"1;" + b"a" * 40000 + b"\r\n{\r\n0\r\n\r\n",
                "extensions": (b"1;" + b"a" * 1000 + b"\r\n{\r\n") * 40 + b"0\r\n\r\n",
                "trailers": b"0\r\n" + b"X-A: b\r\n" * 1000 + b"\r\n", "NUL": b"0\r\n\0X-A: b\r\n\r\n",
                "folded": b"0\r\nX-A: b\r\n c\r\n\r\n"}.items():
            with self.subTest(name):
                self.assertIn(b'"code":"http_malformed"', self.refuse(start + data, 400))

    def test_body_over_limit(self):
        self.problem(self.exchange(self.head("Content-Length: 1048577")), 413)  # nothing of the body was sent
        piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
        resident = self.sink.rss()
        for count in (17, 40, 1000):
            with self.subTest(chunks=count):
                received = self.exchange(self.head(TE) + piece * count + b"0\r\n\r\n",
                                         lambda sock: sock.shutdown(socket.SHUT_WR))
                self.assertIn(self.statuses(received), ([413], []))  # beyond twice the limit: cut off
        if not SANITIZED:
            self.assertLess(self.sink.rss() - resident, 8 << 20)

    def test_amplification(self):
        """Largest bodies of smallest values, all but their last byte, from one address: bounded; another is served."""
        body, resident = b'{"a":[' + b"{}," * 349_000 + b"{}]}", self.sink.rss()
        with contextlib.ExitStack() as stack:
            held = []
            for _ in range(60):
                held.append(stack.enter_context(socket.create_connection(self.sink.address, 60)))
                with contextlib.suppress(ConnectionError):
                    held[-1].sendall(self.head(f"Content-Length: {len(body)}") + body[:-1])
            if not SANITIZED:
                self.assertLess(self.sink.rss() - resident, 32 << 20)
            other = stack.enter_context(socket.create_connection(self.sink.address, 60, ("127.0.0.2", 0)))
            other.sendall(self.head(f"Content-Length: {len(body)}", "Connection: close") + body)
            self.assertEqual(self.statuses(b"".join(iter(lambda: other.recv(65536), b""))), [400])
            answers = {200: 0}
            for sock in held:
                received = b""
                with contextlib.suppress(ConnectionError):
                    sock.sendall(body[-1:])
                    received = sock.recv(65536)
                for status in self.statuses(received) or [0]:
                    answers[status] = answers.get(status, 0) + 1
            self.assertLessEqual(answers.pop(400, 0), 8, "as many as there is room for")
            self.assertGreater(answers.pop(0), 0, "the others were cut")
            self.assertEqual({status for status in answers if answers[status]} - {503}, set(), answers)
        cut = self.sink.metrics()["vox_sink_connections_cut_total", (("reason", "memory"),)]
        self.assertGreaterEqual(cut, 40)

    def test_expect_early(self):
        expect = "Expect: 100-continue"
        slow = "Authorization: Bearer " + self.sink.token("demo", "ingest", "--rate", "0.001", "--burst", "1")
        bad = b'{"Unheard":{}}'  # refused, and charged
        wait_until(lambda: 429 in self.statuses(self.exchange(
            self.head(f"Content-Length: {len(bad)}", "Connection: close", slow, auth=False) + bad)), "its burst is used")
        for name, data, status in (
                ("no token", self.head(LENGTH, expect, auth=False), 401),
                ("bad token", self.head(LENGTH, expect, "Authorization: Bearer vts_no", auth=False), 401),
                ("too big", self.head("Content-Length: 9999999", expect), 413),
                ("rate-limited", self.head(LENGTH, expect, slow, auth=False), 429),
                ("wrong type", self.head(LENGTH, expect).replace(b"application/json", b"text/plain"), 415),
                ("no such path", self.head(LENGTH, expect, first="POST /v1/none HTTP/1.1"), 404)):
            with self.subTest(name):
                self.problem(self.exchange(data), status)  # final, and no 100 before it

    def test_expect_odd(self):
        """Unknown expectations are ignored, as RFC 9110 allows; so is 100-continue on HTTP/1.0 or with no body to come."""
        bad = b'{"Unheard":{}}'
        length = f"Content-Length: {len(bad)}"
        for name, data in (
                ("unknown", self.head(length, "Expect: 200-maybe", "Connection: close") + bad),
                ("on 1.0", self.head(length, "Expect: 100-continue", first="POST /v1/events HTTP/1.0") + bad)):
            with self.subTest(name):
                self.assertEqual(self.statuses(self.exchange(data))[-1:], [422])
        empty = self.exchange(self.head("Content-Length: 0", "Expect: 100-continue", "Connection: close"))
        self.assertEqual(self.statuses(empty)[-1] // 100, 4)

    def test_methods(self):
        for method in ("TRACE", "CONNECT", "get", "G~T", "PUT", "PATCH", "OPTIONS", "GET", "HEAD"):
            with self.subTest(method):
                received = self.exchange(self.head(first=f"{method} /v1/events HTTP/1.1"))
                self.assertEqual(self.statuses(received), [405])
                self.assertRegex(received, rb"\r\nAllow: POST\r\n")
                if method != "HEAD":
                    self.problem(received, 405)
        self.each([400], {method: self.head(LENGTH, first=f"{method} /v1/events HTTP/1.1") + EVENT
                          for method in ("G@T", "", "PO\tST", "POST:", "P\xd6ST", '"POST"', "POST\0")})
        head = self.exchange(self.head("Connection: close", first="HEAD /healthz HTTP/1.1"))
        self.assertEqual(self.statuses(head), [200])
        self.assertTrue(head.endswith(b"\r\n\r\n"))

    def test_host(self):
        self.each([400], {"none": self.head(LENGTH, host=None) + EVENT, "two": self.head("Host: b", LENGTH) + EVENT,
                          "invalid": self.head(LENGTH, host="Host: a/b") + EVENT,
                          "empty": self.head(LENGTH, host="Host:") + EVENT})

    def test_path_tricks(self):
        targets = ("http://evil/v1/events", "/v1/events%00", "/v1/events%00/x", "/v1/%2e%2e/v1/events", "/v1/x%2f../events",
                   "/v1//events", "//v1/events", "/v1/events;x", "/v1/events/", "/v1/%zz", "/v1/./events", "/v1/admin/../events",
                   "/V1/EVENTS", "*")
        self.each([400, 404], {t: self.head(LENGTH, first=f"POST {t} HTTP/1.1") + EVENT for t in targets})
        self.refuse(self.head(LENGTH, first="POST /v1/events x HTTP/1.1") + EVENT, 400)

    def test_wrong_protocol(self):
        """What looks like a head is answered as one; what ends before it could be one is closed without a word."""
        hello = b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(160)
        self.problem(self.exchange(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505)
        self.problem(self.exchange(b"\0" * 20000), 431)
        self.problem(self.exchange(os.urandom(100).replace(b"\n", b"") + b"\r\n\r\n"), 400)
        for data in (hello, b"\0" * 64, b"GET / HTTP/1.1\r\n", b"\r\n"):
            self.assertEqual(self.exchange(data, lambda sock: sock.shutdown(socket.SHUT_WR)), b"")

    def test_encodings(self):
        bomb = gzip.compress(b" " * (64 << 20))

        def coded(coding, body, type_line="Content-Type: application/json", *more):
            lines = [f"Content-Length: {len(body)}", *([f"Content-Encoding: {coding}"] if coding else []),
                     "Connection: close", *more]
            return self.head(*lines).replace(b"Content-Type: application/json", type_line.encode()) + body

        resident = self.sink.rss()
        for name, data, allowed in (
                ("gzip bomb", coded("gzip", bomb), {400, 413}),
                ("zstd bomb", coded("zstd", zstd(b" " * (64 << 20))), {400, 413}),
                ("damaged", coded("gzip", gzip.compress(EVENT)[:-9]), {400}),
                ("unknown", coded("br", EVENT), {415}),
                ("wrong type", coded(None, EVENT, "Content-Type: text/plain"), {415}),
                ("type twice", coded(None, EVENT, "Content-Type: application/json", "Content-Type: text/plain"), {400, 415}),
                ("utf-16", coded(None, EVENT, "Content-Type: application/json; charset=utf-16"), {400, 415})):
            with self.subTest(name):
                found = self.statuses(self.exchange(data))
                self.assertTrue(found and set(found) <= allowed, found)
        if not SANITIZED:
            self.assertLess(self.sink.rss() - resident, 16 << 20)


class Deadlines(HttpCase):

    options = {"head_deadline": 3, "transfer_grace": 3, "transfer_deadline": 5, "idle_timeout": 10}

    def test_short_body(self):
        reset = struct.pack("ii", 1, 0)
        short = self.head("Content-Length: 10") + b"12345"
        for name, end in {"FIN": lambda sock: sock.shutdown(socket.SHUT_WR), "idle": None,
                          "RST": lambda sock: (sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset),
                                               sock.close())}.items():
            with self.subTest(name):
                try:
                    received = self.exchange(short, end)  # closed by a deadline, or it would time out
                except OSError:
                    self.assertEqual(name, "RST")  # our own
                    received = b""
                self.assertNotIn(2, [status // 100 for status in self.statuses(received)])

    def test_slowloris(self):
        """A head and a body that drip, and a client that says nothing, all end; others are served. test_slow has readers."""
        drips = [(self.head()[:-4] + b"\r\nX-A: ", b"a"), (self.head("Content-Length: 100000"), b" "), (b"", b"")]
        ended = []

        def drip(data, byte):
            with socket.create_connection(self.sink.address, 60) as sock:
                sock.settimeout(0.2)
                for turn in range(600):
                    try:
                        sock.sendall(byte if turn else data)
                        if not sock.recv(4096):
                            break
                    except TimeoutError:
                        continue
                    except ConnectionError:
                        break
                else:
                    return
                ended.append(data)

        threads = [threading.Thread(target=drip, args=each) for each in drips]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            wait_until(lambda: self.sink.status_of("/healthz") == 200, "others are served")
        self.assertEqual(len(ended), 3)
