# SPDX-License-Identifier: Apache-2.0
"""Requests that two HTTP parsers could read differently: refused, closed, and nothing behind them is executed.

Each case is sent with a whole valid POST behind it, the smuggled one. It must never be stored, and no second answer
may come.
"""

import contextlib
import json
import re
import socket

from voxtest import SinkCase, model_call, uuid7

EVENT = json.dumps(model_call("framing"), separators=(",", ":")).encode()
PATIENCE = 60


class Framing(SinkCase):

    # What is refused is closed at once, and by no deadline.
    options = {"idle_timeout": 3600, "head_deadline": 3600, "transfer_grace": 3600, "transfer_deadline": 3600}

    def request(self, *headers, line="POST /v1/events HTTP/1.1", body=EVENT, host="Host: sink",
                content_type="Content-Type: application/json", token=None):
        """A request of the given raw header lines; what is None is left out."""
        lines = [line, host, content_type, f"Authorization: Bearer {token or self.write_token}", *headers]
        return "\r\n".join(x for x in lines if x is not None).encode("latin-1") + b"\r\n\r\n" + body

    def smuggled(self):
        """(id, bytes) of a valid request that must never run."""
        event_id = uuid7()
        return event_id, self.request(f"Idempotency-Key: {event_id}", f"Content-Length: {len(EVENT)}")

    def exchange(self, data):
        """What came until the server closed. A server that does not close is a failure, a reset is not."""
        with socket.create_connection(self.sink.address, PATIENCE) as sock:
            with contextlib.suppress(ConnectionError):  # an answer may have come before all was sent
                sock.sendall(data)
            received = b""
            while True:
                try:
                    piece = sock.recv(65536)
                except ConnectionError:
                    return received
                except TimeoutError:
                    self.fail(f"not closed within {PATIENCE} s, got {received[:400]!r}")
                if not piece:
                    return received
                received += piece

    def refuse(self, data, statuses):
        """`data`, then the smuggled request: one problem of `statuses` that closes, nothing stored by either."""
        before = self.rows()
        event_id, inner = self.smuggled()
        received = self.exchange(data + inner)
        answers = [int(s) for s in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]
        self.assertEqual(len(answers), 1, received[:800])
        self.assertIn(answers[0], statuses, received[:400])
        head, _, body = received.partition(b"\r\n\r\n")
        self.assertIn(b"\r\nContent-Type: application/problem+json\r\n", head)
        self.assertIn(b"\r\nConnection: close\r\n", head)
        self.assertEqual(json.loads(body)["status"], answers[0])
        self.assertEqual(self.stored(event_id), 0, "the smuggled request was executed")
        self.assertEqual(self.rows(), before, "something was stored")
        self.assertTrue(self.sink.alive())
        return received

    def refuse_all(self, statuses, cases):
        for name, data in cases.items():
            with self.subTest(case=name):
                self.refuse(data, statuses)

    length = f"Content-Length: {len(EVENT)}"

    def test_the_good_one(self):
        """The base of all cases is stored when nothing is wrong with it, and a pipelined second one too."""
        before = self.rows()
        event_id, inner = self.smuggled()
        with self.sink.connect() as connection:
            connection.send(self.request(self.length) + inner)
            self.assertEqual([connection.read().status, connection.read().status], [201, 201])
        self.assertEqual((self.rows() - before, self.stored(event_id)), (2, 1))

    def test_chunked_is_taken(self):
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
        with self.sink.connect() as connection:
            connection.send(self.request("Transfer-Encoding: chunked", body=body))
            self.assertEqual(connection.read().status, 201)

    def test_two_lengths(self):
        self.refuse_all({400}, {
            "equal": self.request(self.length, self.length),
            "shorter second": self.request(self.length, "Content-Length: 3"),
            "shorter first": self.request("Content-Length: 3", self.length),
            "zero first": self.request("Content-Length: 0", self.length),
            "list": self.request(f"Content-Length: {len(EVENT)}, {len(EVENT)}"),
            "other case": self.request(self.length, f"content-length: {len(EVENT)}"),
        })

    def test_odd_lengths(self):
        cases = {text: self.request(f"Content-Length: {text}")
                 for text in ("+3", "-1", "0x3", "abc", "1e3", "3 3", "18446744073709551616",
                              "99999999999999999999999999")}
        self.refuse_all({400}, cases)
        self.refuse(self.request("Content-Length:"), {400})
        self.refuse(self.request("Content-Length: 18446744073709551615"), {413})

    def test_length_and_chunked(self):
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
        self.refuse_all({400}, {
            "length first": self.request(f"Content-Length: {len(chunked)}", "Transfer-Encoding: chunked", body=chunked),
            "chunked first": self.request("Transfer-Encoding: chunked", f"Content-Length: {len(chunked)}", body=chunked),
            "short length": self.request("Content-Length: 4", "Transfer-Encoding: chunked", body=chunked),
            "empty chunks": self.request(self.length, "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        })

    def test_odd_transfer_encodings(self):
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
        cases = {text: self.request(f"Transfer-Encoding: {text}", body=chunked)
                 for text in ("gzip, chunked", "identity", "xchunked", "chunked, identity", "chunked,", "chunked;q=1",
                              "chunked, chunked", "gzip", '"chunked"', "\x0bchunked")}
        cases["empty"] = self.request("Transfer-Encoding:", body=chunked)
        cases["two lines"] = self.request("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=chunked)
        cases["two kinds"] = self.request("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body=chunked)
        self.refuse_all({400}, cases)

    def test_chunked_with_space(self):
        # A space at the end of a value is not part of it (RFC 9110 5.5).
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
        before = self.rows()
        with self.sink.connect() as connection:
            connection.send(self.request("Transfer-Encoding: chunked ", body=chunked))
            self.assertEqual(connection.read().status, 201)
        self.assertEqual(self.rows() - before, 1)

    def test_chunked_in_http_1_0(self):
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)
        self.refuse(self.request("Transfer-Encoding: chunked", line="POST /v1/events HTTP/1.0", body=chunked),
                    {400})

    def test_bad_chunks(self):
        def case(raw):
            return self.request("Transfer-Encoding: chunked", body=raw)
        self.refuse_all({400}, {
            "hexadecimal prefix": case(b"0x5\r\nabcde\r\n0\r\n\r\n"),
            "no number": case(b"zz\r\nabc\r\n0\r\n\r\n"),
            "overflow": case(b"ffffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
            "bad end": case(b"3\r\nabcXX0\r\n\r\n"),
            "negative": case(b"-1\r\nabc\r\n0\r\n\r\n"),
        })

    def test_space_before_colon(self):
        self.refuse_all({400}, {
            "length": self.request(f"Content-Length : {len(EVENT)}"),
            "length with tab": self.request(f"Content-Length\t: {len(EVENT)}"),
            "chunked": self.request("Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
            "another header": self.request("X-A : 1", self.length),
        })

    def test_folded_headers(self):
        self.refuse_all({400}, {
            "length": self.request(f"Content-Length:\r\n {len(EVENT)}"),
            "chunked": self.request("Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
            "any": self.request("X-A: one\r\n two", self.length),
            "any with tab": self.request("X-A: one\r\n\ttwo", self.length),
            "hides a length": self.request(f"X-A: one\r\n Content-Length: {len(EVENT)}"),
            "joins a length": self.request(self.length + "\r\n 0"),
        })

    def test_folded_authorization(self):
        data = self.request(self.length).replace(b"Authorization: Bearer ", b"Authorization:\r\n Bearer ")
        self.refuse(data, {400})

    def test_odd_names(self):
        self.refuse_all({400}, {
            "space inside": self.request("Content Length: 3", self.length),
            "control": self.request("X\x01A: 3", self.length),
            "not ASCII": self.request("X\xe9: 3", self.length),
            "empty": self.request(": 3", self.length),
            "no colon": self.request("NoColonHere", self.length),
        })

    def test_hosts(self):
        self.refuse_all({400}, {
            "none": self.request(self.length, host=None),
            "two": self.request(self.length, "Host: sink"),
            "two kinds": self.request(self.length, "Host: other"),
        })

    def test_paths(self):
        """Never another route, never an answer that another path would have got."""
        for target in ("/v1/events%00", "/v1/events%00.json", "/v1/%2e%2e/v1/events", "/v1/%2e%2e%2fevents",
                       "/v1/../v1/events", "/v1/./events", "//v1/events", "/v1//events", "/v1/events;x",
                       "/v1/events;x=1", "/v1%2fevents", "/v1%2Fevents", "/v1/events%", "/v1/events%4", "/v1/events%zz",
                       "/v1/%65vents%", "http://evil/v1/events", "http://sink/v1/events", "evil", "*", "/v1\\events",
                       "/v1/events#x", "/v1/events\x7f"):
            with self.subTest(target=target):
                self.refuse(self.request(self.length, line=f"POST {target} HTTP/1.1"), {400, 404})

    def test_admin_paths(self):
        """The tricks do not lead to the admin route either."""
        for target in ("/v1/admin%2fevents", "/v1/x/../admin/events", "/v1/x/%2e%2e/admin/events", "/v1/admin/events%00",
                       "//v1/admin/events", "/v1/admin/events;x", "http://sink/v1/admin/events"):
            with self.subTest(target=target), self.sink.connect() as connection:
                connection.send(f"GET {target} HTTP/1.1\r\nHost: sink\r\n"
                                f"Authorization: Bearer {self.read_token}\r\n\r\n".encode())
                self.assertIn(connection.read().status, (400, 404))

    def test_nul(self):
        """Nothing is passed over behind a NUL, and a line that begins with one is not the head's end."""
        good, line = self.request(self.length), b"Content-Length: "
        self.refuse_all({400}, {
            "line": good.replace(line, b"\0\r\n" + line), "line of text": good.replace(line, b"\0X-A: b\r\n" + line),
            "last line": self.request(self.length, "\0"), "value": self.request(self.length, "X-A: b\0c"),
            "empty value": self.request(self.length, "X-A:\0"), "length": self.request(self.length + "\0"),
            "name": self.request(self.length, "X\0A: b"), "host": good.replace(b"Host: sink", b"Host: sink\0"),
            "method": good.replace(b"POST ", b"POST\0x "), "target": good.replace(b"/events", b"/events\0x"),
            "version": good.replace(b"HTTP/1.1", b"HTTP/1.1\0x"),
            "coding": self.request("Transfer-Encoding: chunked\0", body=b"%x\r\n%s\r\n0\r\n\r\n" % (len(EVENT), EVENT)),
        })

    def test_lines_without_a_name(self):
        good, line = self.request(self.length), b"Content-Length: "
        self.refuse_all({400}, {
            "colon": good.replace(line, b":\r\n" + line), "colon and text": good.replace(line, b": x\r\n" + line),
            "colon last": self.request(self.length, ":"), "two colons": self.request(self.length, "::"),
            "end by LF": good.replace(b"\r\n\r\n", b"\r\n\n")})

    def test_nothing_behind_a_chunked_body_runs(self):
        """LF in place of CR LF, and a trailer that begins with a NUL, end none."""
        body = b"%x\r\n%s\r\n0\r\n" % (len(EVENT), EVENT)
        self.refuse_all({400}, {
            name: self.request("Transfer-Encoding: chunked", body=text)
            for name, text in {"bare": body.replace(b"\r", b"") + b"\n", "bare end": body + b"\n",
                               "bare last": body[:-2] + b"\n\r\n", "CR alone": body + b"\r\r\n",
                               "trailer": body + b"\0X-A: b\r\n", "bare trailer": body + b"X-A: b\n\r\n"}.items()})

    def test_what_follows_a_whole_chunked_body_runs(self):
        body = b"%x;a=b\r\n%s\r\n0\r\nX-A: b\r\n\r\n" % (len(EVENT), EVENT)
        before = self.rows()
        event_id, inner = self.smuggled()
        with self.sink.connect() as connection:
            connection.send(self.request("Transfer-Encoding: chunked", body=body) + inner)
            answers = [connection.read(), connection.read()]
        self.assertEqual([(a.status, a.header("connection")) for a in answers], [(201, None)] * 2)
        self.assertEqual((self.rows() - before, self.stored(event_id)), (2, 1))

    def test_request_lines(self):
        self.refuse_all({400}, {
            "space in target": self.request(self.length, line="POST /v1/events x HTTP/1.1"),
            "no version": self.request(self.length, line="POST /v1/events"),
            "no target": self.request(self.length, line="POST  HTTP/1.1"),
            "two spaces": self.request(self.length, line="POST  /v1/events HTTP/1.1"),
            "space before": self.request(self.length, line=" POST /v1/events HTTP/1.1"),
            "space behind": self.request(self.length, line="POST /v1/events HTTP/1.1 "),
            "tab": self.request(self.length, line="POST\t/v1/events HTTP/1.1"),
            "two empty lines": self.request(self.length, line="\r\n\r\nPOST /v1/events HTTP/1.1"),
            "lower case version": self.request(self.length, line="POST /v1/events http/1.1"),
            "method is no token": self.request(self.length, line="PO@ST /v1/events HTTP/1.1"),
        })
        self.refuse_all({405}, {"lower case": self.request(self.length, line="post /v1/events HTTP/1.1")})
        self.refuse_all({505}, {
            "version 2": self.request(self.length, line="POST /v1/events HTTP/2.0"),
            "version 0.9": self.request(self.length, line="POST /v1/events HTTP/0.9"),
            "version 1.2": self.request(self.length, line="POST /v1/events HTTP/1.2"),
        })

    def test_large_heads(self):
        self.refuse_all({431}, {
            "header": self.request(self.length, "X-A: " + "a" * 40_000),
            "target": self.request(self.length, line="POST /v1/events?" + "a" * 40_000 + " HTTP/1.1"),
            "many headers": self.request(self.length, *(f"X-{i}: {i}" for i in range(3000))),
        })

    def test_trailers(self):
        """A trailer is never a header: it does not authenticate and names no event."""
        chunked = b"%x\r\n%s\r\n0\r\n" % (len(EVENT), EVENT)
        before = self.rows()
        data = (b"POST /v1/events HTTP/1.1\r\nHost: sink\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n" + chunked +
                f"Authorization: Bearer {self.write_token}\r\n\r\n".encode())
        with self.sink.connect() as connection:
            connection.send(data)
            self.assertEqual(connection.read().status, 401)
        self.assertEqual(self.rows(), before)

    def test_short_bodies(self):
        """A body that ends early stores nothing."""
        before = self.rows()
        for how in ("shutdown", "close", "reset"):
            with self.subTest(how=how):
                sock = socket.create_connection(self.sink.address, PATIENCE)
                sock.sendall(self.request(f"Content-Length: {len(EVENT)}", body=EVENT[:20]))
                if how == "shutdown":
                    sock.shutdown(socket.SHUT_WR)
                    try:
                        self.assertNotRegex(sock.recv(65536), rb"^HTTP/1.1 2")
                    except ConnectionError:
                        pass
                if how == "reset":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                sock.close()
        self.assertEqual(self.sink.get("/healthz").status, 200)
        self.assertEqual(self.rows(), before)

    def test_other_protocols(self):
        for name, data in {
                "tls": bytes.fromhex("16030100c8010000c40303") + bytes(190),
                "h2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(30),
                "bytes": bytes(range(256)) + b"\r\n\r\n",
                "text": b"hello\r\n\r\n"}.items():
            with self.subTest(protocol=name):
                received = self.exchange_loosely(data)
                self.assertNotRegex(received, rb"^HTTP/1.1 2")
                self.assertEqual(self.sink.get("/healthz").status, 200)

    def exchange_loosely(self, data):
        with socket.create_connection(self.sink.address, PATIENCE) as sock:
            with contextlib.suppress(OSError):  # the server may have closed by now
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
            received = b""
            try:
                while piece := sock.recv(65536):
                    received += piece
            except (ConnectionError, TimeoutError):
                pass
            return received
