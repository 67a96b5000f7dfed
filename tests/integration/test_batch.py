# SPDX-License-Identifier: Apache-2.0
"""POST /v1/batch: a verdict for each line, in order, as docs/PROTOCOL.md says; and what is stored."""

import concurrent.futures
import contextlib
import gzip
import hashlib
import json
import signal
import socket
import struct
import subprocess
import threading
import unittest
import uuid

from voxtest import LONG, PROBLEMS, SANITIZED, Load, Refused, SinkCase, made_up_token, minified_sha256, \
    model_call, uuid7, wait_until, zstd

NDJSON = "application/x-ndjson"
ENVELOPES = "application/vnd.vox.telemetry.batch+ndjson"
UNLIMITED = {"rate": 0, "batch_rate": 0, "address_rate": 0}


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def envelope(event, event_id=None, **members):
    return compact({"id": event_id or uuid7(), **members, "event": event})


def derived(project, name):
    """UUIDv8 of SHA-256(project, name), as PROTOCOL.md defines the id of a line without one."""
    digest = bytearray(hashlib.sha256(struct.pack(">i", project) + name.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(uuid.UUID(bytes=bytes(digest)))


class BatchCase(SinkCase):
    options = UNLIMITED

    def batch(self, lines, kind=ENVELOPES, token=None, sink=None, headers=(), **more):
        body = lines if isinstance(lines, bytes) else "".join(f"{line}\n" for line in lines).encode()
        return (sink or self.sink).request("POST", "/v1/batch", body, token=token or self.write_token,
                                           headers=[("Content-Type", kind), *headers], **more)

    def verdicts(self, answer):
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(answer.header("content-type"), NDJSON)
        self.assertTrue(answer.body == b"" or answer.body.endswith(b"\n"))
        return [json.loads(line) for line in answer.body.splitlines()]

    def send(self, lines, *more, **named):
        return self.verdicts(self.batch(lines, *more, **named))

    def assert_problem_line(self, verdict, code):
        self.assertEqual((verdict["status"], verdict["problem"]["code"]), (PROBLEMS[code].status, code), verdict)
        self.assertEqual(verdict["problem"]["status"], verdict["status"])
        self.assertNotIn("receipt", verdict)


class Verdicts(BatchCase):
    def test_envelopes(self):
        ids = [uuid7() for _ in range(3)]
        events = [model_call(f"e{i}") for i in range(3)]
        lines = [envelope(events[0], ids[0], at="2026-01-31T12:00:00Z", contract="model-call.v1"),
                 json.dumps({"event": events[1], "id": ids[1]}), envelope(events[2], ids[2], at=None)]
        verdicts = self.send(lines)
        self.assertEqual([v["line"] for v in verdicts], [1, 2, 3])
        for verdict, event_id, event in zip(verdicts, ids, events):
            self.assertEqual((verdict["id"], verdict["status"]), (event_id, 201), verdict)
            receipt = verdict["receipt"]
            self.assertEqual((receipt["event_id"], receipt["sha256"], receipt["duplicate"], receipt["contract"]),
                             (event_id, minified_sha256(compact(event)), False, "model-call.v1"))
            self.assertEqual(self.stored(event_id), 1)
            # The same event alone is its duplicate, and the batch again is all duplicates.
            self.assert_receipt(self.sink.post(event, self.write_token, event_id), 200)
        self.assertEqual(self.value("SELECT occurred_at AT TIME ZONE 'UTC' FROM telemetry.events "
                                    f"WHERE event_id = '{ids[0]}'"), "2026-01-31 12:00:00")
        again = self.send(lines)
        self.assertEqual([v["status"] for v in again], [200] * 3)
        self.assertEqual([{**v["receipt"], "duplicate": False} for v in again], [v["receipt"] for v in verdicts])

    def test_plain_lines(self):
        lines = [compact(model_call(f"p{i}")) for i in range(3)]
        first, second = self.send(lines, NDJSON), self.send(lines, NDJSON)
        self.assertEqual([v["status"] for v in first + second], [201] * 6)  # at least once without an id
        self.assertEqual(len({v["id"] for v in first + second}), 6)

    def test_ids_of_a_batch(self):
        project = int(self.value("SELECT id FROM telemetry.projects WHERE name = 'demo'"))
        lines = [compact(model_call("b0")), "", compact(model_call("b2"))]
        own = "batch/7"
        first = self.send(lines, NDJSON, headers=[("webhook-id", own)])
        self.assertEqual([(v["line"], v["id"], v["status"]) for v in first],
                         [(1, derived(project, "batch/7.1"), 201), (3, derived(project, "batch/7.3"), 201)])
        again = self.send(lines, NDJSON, headers=[("webhook-id", own)])
        self.assertEqual([(v["id"], v["status"]) for v in again], [(v["id"], 200) for v in first])
        self.assert_problem(self.batch(lines, NDJSON, headers=[("Idempotency-Key", uuid7()), ("webhook-id", own)]),
                            "event_id_ambiguous")

    def test_a_uuid_names_a_batch_however_it_is_written(self):
        project = int(self.value("SELECT id FROM telemetry.projects WHERE name = 'demo'"))
        lines = [compact(model_call("one")), compact(model_call("two"))]
        key = uuid7()
        ids = [derived(project, f"{key}.{n}") for n in (1, 2)]
        expected = 201
        for headers in ([("Idempotency-Key", f'"{key}"')], [("Idempotency-Key", key)],
                        [("Idempotency-Key", key.upper())], [("webhook-id", key)], [("webhook-id", f" {key.upper()} ")],
                        [("Idempotency-Key", f'"{key.upper()}"'), ("webhook-id", key)]):
            with self.subTest(headers=headers):
                verdicts = self.send(lines, NDJSON, headers=headers)
                self.assertEqual([(v["id"], v["status"]) for v in verdicts], [(i, expected) for i in ids])
                expected = 200
        self.assertEqual([self.stored(i) for i in ids], [1, 1])

    def test_refused_lines_have_their_ids(self):
        project = int(self.value("SELECT id FROM telemetry.projects WHERE name = 'demo'"))
        own, headers = uuid7(), [("webhook-id", "batch/8")]
        plain = [compact(model_call("good")), compact(model_call(latency_ms=-1)), "nonsense", "x" * (2 << 20)]
        verdicts = self.send(plain, NDJSON, headers=headers)
        self.assertEqual([(v["id"], v["status"]) for v in verdicts],
                         [(derived(project, f"batch/8.{n}"), status) for n, status in enumerate((201, 422, 400, 413), 1)])
        enveloped = [envelope(model_call(latency_ms=-1), own), compact({"event": model_call(latency_ms=-1)}), "nonsense",
                     envelope(model_call("x"), "a.b")]
        verdicts = self.send(enveloped, headers=headers)
        self.assertEqual([(v.get("id"), v["status"]) for v in verdicts],
                         [(own, 422), (derived(project, "batch/8.2"), 422), (None, 400), (None, 400)])
        for verdict in self.send(plain[1:], NDJSON):
            self.assertNotIn("id", verdict, "a fresh id that nothing was stored under")

    def test_foreign_ids(self):
        verdict = self.send([envelope(model_call("f"), "build 7/e")])[0]
        self.assertEqual((verdict["id"], verdict["receipt"]["id"], verdict["status"]), ("build 7/e", "build 7/e", 201))
        self.assertEqual(self.stored(verdict["receipt"]["event_id"]), 1)

    def test_lines_are_independent(self):
        good = [uuid7() for _ in range(4)]
        lines = [envelope(model_call("g0"), good[0]), "nonsense", envelope({"ModelCall": {"model": 1}}, uuid7()),
                 envelope(model_call("g1"), good[1]), envelope({"unheard": 1}), envelope(model_call("x"), "a.b"),
                 '{"id":"' + uuid7() + '","event":[]}', '{"event":{"ModelCall":{"a":1e999}}}',
                 envelope(model_call("x"), contract="nonsense"), envelope(model_call("x"), at="yesterday"),
                 '{"event":{},"more":1}', '{"event":{}} {}', '{"event":{},"event":{}}', "{}",
                 envelope(model_call("poison\u0000")), envelope(model_call("g2"), good[2]),
                 envelope(model_call("g3"), good[3])]
        codes = [None, "batch_line_malformed", "schema_invalid", None, "unknown_contract", "event_id_malformed",
                 "batch_line_malformed", "json_number_refused", "contract_pin_malformed", "event_time_malformed",
                 "batch_line_malformed", "batch_line_malformed", "batch_line_malformed", "batch_line_malformed",
                 "json_string_refused", None, None]
        verdicts = self.send(lines)
        self.assertEqual([v["line"] for v in verdicts], list(range(1, len(lines) + 1)))
        for verdict, code in zip(verdicts, codes):
            with self.subTest(line=lines[verdict["line"] - 1][:60]):
                if code:
                    self.assert_problem_line(verdict, code)
                else:
                    self.assertEqual(verdict["status"], 201)
        self.assertTrue(verdicts[2]["problem"]["errors"][0]["pointer"].startswith("/ModelCall"))
        self.assertEqual([self.stored(i) for i in good], [1] * 4)

    def test_repeats_within_a_batch(self):
        one = uuid7()
        verdicts = self.send([envelope(model_call("r"), one), envelope(model_call("r"), one),
                              envelope(model_call("other"), one)])
        self.assertEqual([v["status"] for v in verdicts], [201, 200, 409])
        self.assert_problem_line(verdicts[2], "event_id_reused")
        self.assertEqual(self.stored(one), 1)

    def test_line_ends_and_blanks(self):
        event = compact(model_call("ends"))
        for body, lines in ((b"", []), (b"\n\r\n \t\n", []), (event.encode(), [1]), (f"{event}\r\n".encode(), [1]),
                            (f"\n\n{event}\n\n{event}".encode(), [3, 5]), (f"{event}\r\n{event}\r".encode(), [1, 2])):
            with self.subTest(body=body[:20], lines=lines):
                verdicts = self.send(body, NDJSON)
                self.assertEqual([(v["line"], v["status"]) for v in verdicts], [(n, 201) for n in lines])

    def test_codings_and_framings(self):
        lines = [envelope(model_call(f"c{i}")) for i in range(300)]
        plain = "".join(f"{line}\n" for line in lines).encode()
        sent = {"identity": plain, "gzip": gzip.compress(plain[:500]) + gzip.compress(plain[500:]), "zstd": zstd(plain)}
        expected = 201
        for coding, body in sent.items():
            for chunked in (False, True):
                with self.subTest(coding=coding, chunked=chunked):
                    verdicts = self.send(body, headers=[("Content-Encoding", coding)], chunked=chunked)
                    self.assertEqual([v["status"] for v in verdicts], [expected] * 300)
                    expected = 200

    def test_refused_lines_and_codings(self):
        """Refused lines take nothing of the window, however the text comes."""
        lines = [envelope(model_call("b" * 200, latency_ms=-1)), envelope(model_call("good"))]
        plain = "".join(f"{line}\n" for line in lines).encode()
        expected = 201
        for coding, body in {"identity": plain, "gzip": gzip.compress(plain), "zstd": zstd(plain)}.items():
            with self.subTest(coding=coding):
                verdicts = self.send(body, headers=[("Content-Encoding", coding)])
                self.assertEqual([v["status"] for v in verdicts], [422, expected])
                expected = 200

    def test_media_types(self):
        event = compact(model_call("media"))
        for kind in (NDJSON, f"{NDJSON}; charset=utf-8", NDJSON.upper()):
            self.assertEqual(self.send([event], kind)[0]["status"], 201)
        for kind in ("application/json", "text/plain", f"{NDJSON}; charset=utf-16", ""):
            self.assert_problem(self.batch([event], kind), "media_type_unsupported")
        answer = self.batch([event], NDJSON, headers=[("Content-Encoding", "br")])
        self.assert_problem(answer, "content_encoding_unsupported")
        self.assertEqual(answer.header("accept-encoding"), "gzip, zstd")

    def test_tokens(self):
        event = compact(model_call("token"))
        self.assert_problem(self.batch([event], NDJSON, self.read_token), "scope_insufficient")
        answer = self.sink.request("POST", "/v1/batch", event, headers=[("Content-Type", NDJSON)])
        self.assert_problem(answer, "token_missing")
        fresh = self.sink.token("demo", "ingest")
        self.assertEqual(self.send([event], NDJSON, fresh)[0]["status"], 201)

    def test_http_1_0_reads_to_the_end(self):
        body = compact(model_call("old")).encode()
        with self.sink.connect() as connection:
            connection.send(b"POST /v1/batch HTTP/1.0\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n"
                            b"Authorization: Bearer " + self.write_token.encode() +
                            b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            text = b""
            while True:
                data = connection.socket.recv(65536)
                if not data:
                    break
                text += data
        head, answer = text.split(b"\r\n\r\n", 1)
        self.assertNotIn(b"chunked", head)
        self.assertEqual(json.loads(answer)["status"], 201)


class Bounds(BatchCase):
    # So that what holds a place keeps it.
    options = {**UNLIMITED, "transfer_grace": 3600, "transfer_deadline": 3600}

    def test_ten_thousand_lines_and_one(self):
        rows = self.rows()
        body = zstd("".join(envelope(model_call(f"m{i}")) + "\n" for i in range(10001)).encode())
        verdicts = self.send(body, headers=[("Content-Encoding", "zstd")])
        self.assertEqual([v["line"] for v in verdicts], list(range(1, 10002)))
        self.assertEqual({v["status"] for v in verdicts[:10000]}, {201})
        self.assert_problem_line(verdicts[10000], "body_too_large")
        self.assertEqual(self.rows(), rows + 10000)

    def test_a_long_line(self):
        ids = [uuid7(), uuid7()]
        lines = [envelope(model_call("l0"), ids[0]), envelope(model_call("x" * 1_100_000)), "y" * 3_000_000,
                 envelope(model_call("l1"), ids[1])]
        verdicts = self.send(lines)
        self.assertEqual([v["status"] for v in verdicts], [201, 413, 413, 201])
        self.assertEqual([self.stored(i) for i in ids], [1, 1])

    def test_bytes(self):
        self.assert_problem(self.batch(b" " * (32 * 1024 * 1024 + 1)), "body_too_large")
        bomb = b" " * (64 << 20)
        for coding, body in {"gzip": gzip.compress(bomb), "zstd": zstd(bomb)}.items():
            self.assert_problem(self.batch(body, headers=[("Content-Encoding", coding)]), "body_too_large")

    def test_a_stream_that_breaks(self):
        plain = "".join(envelope(model_call(f"s{i}")) + "\n" for i in range(2000)).encode()
        body = gzip.compress(plain)
        verdicts = self.send(body[:-3], headers=[("Content-Encoding", "gzip")])
        self.assertEqual([v["status"] for v in verdicts[:2000]], [201] * 2000)
        self.assert_problem_line(verdicts[-1], "content_encoding_malformed")
        self.assertEqual([v["line"] for v in verdicts], list(range(1, 2002)), "no line has two verdicts")
        self.assert_problem(self.batch(b"no gzip", headers=[("Content-Encoding", "gzip")]),
                            "content_encoding_malformed")

    def test_memory(self):
        event = model_call("m" * 3000)
        body = "".join(envelope(event) + "\n" for _ in range(9000)).encode()
        self.assertGreater(len(body), 30_000_000)
        self.send(body[:len(body) // 10].rsplit(b"\n", 1)[0])
        before = self.sink.rss()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: self.batch(body), range(4)))
        for answer in answers:
            self.assertEqual({v["status"] for v in self.verdicts(answer)} - {200, 201}, set())
        if not SANITIZED:
            self.assertLess(self.sink.rss() - before, 64 << 20)

    @contextlib.contextmanager
    def unended(self, body):
        """All batches that there may be, with all of their body but a line's end."""
        tokens = [self.sink.token("demo", "ingest") for _ in range(10)]
        for token in tokens:
            self.wait_accepted(token)
        with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(32) as pool:
            held = []
            for token in tokens[:1] * 16 + tokens[1:2] * 8 + tokens[2:]:
                connection = stack.enter_context(self.sink.connect())
                connection.send(f"POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Type: {ENVELOPES}\r\nAuthorization: "
                                f"Bearer {token}\r\nContent-Length: {len(body) + 1}\r\nExpect: 100-continue\r\n\r\n".encode())
                self.assertEqual(connection.read_continue(), 100)
                held.append(connection)
            list(pool.map(lambda connection: connection.send(body.encode()), held))
            yield held

    def answer_of(self, connection):
        connection.send(b"\n")
        return connection.read()

    @unittest.skipIf(SANITIZED, "a sanitizer's memory says nothing")
    def test_memory_of_verdicts(self):
        """No verdict goes out before its body's end: all of them wait, in a bounded room."""
        refused = compact({"event": model_call("verdict", latency_ms=-1)}) + "\n"
        body = (refused * 3 + compact({"event": model_call("verdict")}) + "\n") * 2500
        before, stored = self.sink.rss(), "SELECT count(*) FROM telemetry.events WHERE trace_id = 'verdict'"
        with self.unended(body) as held:
            wait_until(lambda: self.value(stored) == "80000", "all lines are stored", 600)
            self.assertLess(self.sink.rss() - before, 128 << 20)
            for connection in held:
                lines = self.answer_of(connection).body.splitlines()
                self.assertEqual((len(lines), sum(b'"status":201' in line for line in lines)), (10000, 2500))
                self.assertEqual([json.loads(line)["line"] for line in lines[::999]], list(range(1, 10001, 999)))

    @unittest.skipIf(SANITIZED, "a sanitizer's memory says nothing")
    def test_too_many_verdicts(self):
        """Where the room for them is used up, batches end early, and say so; they get on, and so does who comes later."""
        body = compact({"event": model_call("first")}) + "\n" + 9999 * (compact({"id": "i" * 256, "event": {}}) + "\n")
        before, short = self.sink.rss(), 0
        with self.unended(body) as held:
            self.assertLess(self.sink.rss() - before, 192 << 20)
            for connection in held:
                verdicts = self.verdicts(self.answer_of(connection))
                self.assertEqual([v["line"] for v in verdicts], list(range(1, len(verdicts) + 1)))
                self.assertEqual(verdicts[0]["status"], 201)
                if len(verdicts) < 10000 or verdicts[-1]["status"] == 503:
                    self.assert_problem_line(verdicts[-1], "overloaded")
                    short += 1
        self.assertGreater(short, 0)
        # The last answer may have come before its place and its room were free.
        wait_until(lambda: self.taken_whole(body), "who comes later has all the room")

    def taken_whole(self, body):
        answer = self.batch(body.encode())
        if answer.status == 503:
            return False
        verdicts = self.verdicts(answer)
        return len(verdicts) == 10000 and verdicts[-1]["status"] != 503

    def begin(self, count, token, rest):
        """Connections that each begin a batch and do not end it."""
        connections = [self.sink.connect() for _ in range(count)]
        for connection in connections:
            self.addCleanup(connection.close)
            connection.send(b"POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n"
                            b"Authorization: Bearer " + token.encode() + b"\r\nContent-Length: 100\r\n" + rest)
        return connections

    def hold(self, count, token):
        """Begins so many; those that got a place."""
        connections = self.begin(count, token, b"Expect: 100-continue\r\n\r\n")
        first = {connection: connection.socket.recv(12) for connection in connections}
        self.assertEqual(set(first.values()) - {b"HTTP/1.1 100", b"HTTP/1.1 503"}, set())
        return [connection for connection in connections if first[connection].endswith(b"100")]

    def status(self, token):
        return self.batch([compact(model_call("one more"))], NDJSON, token=token).status

    def test_many_at_once(self):
        """More than are taken at once hear 503 and store nothing of theirs; the last quarter is for who has none yet."""
        first, second, *others = tokens = [self.sink.token("demo", "ingest") for _ in range(11)]
        for token in tokens:
            self.wait_accepted(token)  # who waits for 100 Continue is refused by what is known
        held = self.hold(20, first)
        self.assertEqual(len(held), 16, "one token has all that it may have")
        held += self.hold(20, second)
        self.assertEqual(len(held), 24, "two have all that they may have")
        for token in first, second:
            self.assert_problem(self.batch([compact(model_call("full"))], NDJSON, token=token), "overloaded")
        for token in others[:8]:
            got = self.hold(1, token) + self.hold(1, token)
            self.assertEqual(len(got), 1, "each of the others has one")
            held += got
        for token in first, others[0], others[8]:
            self.assert_problem(self.batch([compact(model_call("full"))], NDJSON, token=token), "overloaded")
        for connection in held:
            connection.close()
        for token in first, second, others[8]:
            wait_until(lambda: self.status(token) == 200, "places are free again")

    def test_made_up_tokens_take_no_places(self):
        """Whose token nobody knows waits for it with few others of that kind, not in the places of those who are known."""
        self.begin(40, made_up_token(), b"\r\n{")  # one that expects 100 has its answer before its body
        wait_until(lambda: self.batch([compact(model_call("refused"))], NDJSON, token=made_up_token()).code == "overloaded",
                   "strangers have all that they may have")
        self.assertEqual(self.status(self.write_token), 200)


class Windows(BatchCase):
    """zstd frames that ask for the largest window there may be."""
    options = {**UNLIMITED, "transfer_grace": 3600, "transfer_deadline": 3600}

    ROOM, OF_ONE = 128 << 20, 96 << 20  # of server/api/batch_job.h

    @staticmethod
    def large(lines):
        text = "".join(f"{line}\n" for line in lines).encode()
        return subprocess.run(["zstd", "-q", "-c", "--long=23"], input=text, stdout=subprocess.PIPE, check=True).stdout

    def taken(self):
        return self.sink.metrics()["vox_sink_batch_bytes", (("what", "decoders"),)]

    def hold(self, token, body):
        """A batch that is not ended, once its window is there."""
        before = self.taken()
        connection = self.sink.connect()
        self.addCleanup(connection.close)
        connection.send(b"POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nAuthorization: Bearer %s\r\nContent-Encoding: "
                        b"zstd\r\nContent-Length: %d\r\n\r\n" % (ENVELOPES.encode(), token.encode(), len(body)) + body[:-1])
        wait_until(lambda: self.taken() - before > 8 << 20, "its window is there")
        return connection

    def test_one_room_for_all(self):
        first, *others = tokens = [self.sink.token("demo", "ingest") for _ in range(8)]
        for token in tokens:
            self.wait_accepted(token)
        body, plain = self.large([envelope(model_call("window"))]), compact({"event": model_call("no window")})

        def send(token, what=body, coding=(("Content-Encoding", "zstd"),)):
            return self.batch(what, token=token, headers=coding)

        held = [self.hold(first, body)]
        each = self.taken()
        held += [self.hold(first, body) for _ in range(int(self.OF_ONE // each) - 1)]
        refused = send(first)
        self.assert_problem(refused, "overloaded")
        self.assertTrue(refused.header("retry-after"))
        self.assertEqual(self.taken(), len(held) * each, "what it took is let go")
        self.assertEqual(send(first, [plain], ()).status, 200, "without a window it goes on")
        # Where lines have been taken before, the one that would be next says it.
        verdicts = self.verdicts(send(first, zstd(f"{plain}\n".encode() * 400) + body))
        self.assertEqual({v["status"] for v in verdicts[:-1]}, {201})
        self.assertEqual([v["line"] for v in verdicts], list(range(1, len(verdicts) + 1)))
        self.assert_problem_line(verdicts[-1], "overloaded")

        self.assertEqual(send(others[0]).status, 200, "there is room for others")
        while (len(held) + 1) * each <= self.ROOM:
            held.append(self.hold(others.pop(), body))
        self.assert_problem(send(others[0]), "overloaded")
        ended = held.pop(0)
        ended.send(body[-1:])
        self.assertEqual([v["status"] for v in self.verdicts(ended.read())], [201])
        for connection in held:
            connection.close()
        wait_until(lambda: self.taken() == 0, "all of it is free again")
        self.assertEqual(send(first).status, 200)


class Limited(BatchCase):
    options = {"rate": 0, "batch_rate": 200, "batch_burst": 50}

    def test_a_batch_runs_at_its_rate(self):
        token = self.sink.token("demo", "ingest")
        self.wait_accepted(token)  # a body as long as this one's is not awaited for a token that is not known yet
        lines = [envelope(model_call(f"n{i}")) for i in range(150)]
        seen = set()

        def taken():
            statuses = [v["status"] for v in self.send(lines, token=token)]
            seen.update(statuses)
            return len(statuses) == 150 and set(statuses) <= {200, 201}
        wait_until(taken, "all lines are taken")
        self.assertLessEqual(seen, {200, 201, 503}, "none is refused for its rate")


class Cut(BatchCase):
    def begin(self, connection, lines, rest):
        body = "".join(f"{line}\n" for line in lines).encode()
        connection.send(b"POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nAuthorization: Bearer %s\r\n"
                        b"Content-Length: %d\r\n\r\n" % (ENVELOPES.encode(), self.write_token.encode(),
                                                          len(body) + rest) + body)

    def test_a_cut_connection_undoes_nothing(self):
        for round_ in range(3):
            ids = [uuid7() for _ in range(500)]
            lines = [envelope(model_call(i), i) for i in ids]
            with self.sink.connect() as connection:
                self.begin(connection, lines, 100)
                wait_until(lambda: self.stored(ids[0]) == 1, "lines commit before the body's end")
            verdicts = self.send(lines)
            self.assertEqual({v["status"] for v in verdicts} - {200, 201}, set(), round_)
            self.assertEqual(verdicts[0]["status"], 200)
            self.assertEqual(int(self.value("SELECT count(*) FROM telemetry.events WHERE trace_id IN ('" +
                                            "','".join(ids) + "')")), 500)

    def test_nobody_reads_the_answer(self):
        ids = [uuid7() for _ in range(3000)]
        with self.sink.connect() as connection:
            self.begin(connection, [envelope(model_call("unread"), i) for i in ids], 0)
            wait_until(lambda: self.stored(ids[-1]) == 1, "the last line is stored")
        self.assertEqual(self.sink.get("/healthz").status, 200)

    def test_kill_amid_a_batch(self):
        """kill -9, start, send again: every acknowledged line once, none twice."""
        sink = self.new_sink(**self.options).start().ready()
        for round_ in range(6 if LONG else 2):
            ids = [uuid7() for _ in range(4000)]
            lines = [envelope(model_call(i), i) for i in ids]
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                sent = pool.submit(self.batch, lines, sink=sink)
                wait_until(lambda: self.stored(ids[0]) == 1, "the first line is stored")
                sink.kill()
                try:
                    sent.result(300)
                except (Refused, OSError):
                    pass
            sink.start().ready()
            verdicts = self.send(lines, sink=sink)
            self.assertEqual({v["status"] for v in verdicts} - {200, 201}, set(), round_)
            for table in ("events", "event_keys"):
                self.assertEqual(self.sql("SELECT count(*), count(DISTINCT event_id) FROM telemetry."
                                          f"{table} WHERE event_id IN ('" + "','".join(ids) + "')"),
                                 [["4000", "4000"]])

    def test_stop_amid_a_batch(self):
        sink = self.new_sink(**self.options).start().ready()
        lines = [envelope(model_call("stop")) for _ in range(9000)]
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            sent = pool.submit(self.batch, lines, sink=sink)
            first = json.loads(lines[0])["id"]
            wait_until(lambda: self.stored(first) == 1, "the first line is stored")
            self.assertEqual(sink.stop(), 0)
            try:
                answer = sent.result(300)
            except (Refused, OSError):
                return
        stored = {row[0] for row in self.sql("SELECT event_id FROM telemetry.events")}
        for verdict in self.verdicts(answer):
            self.assertIn(verdict["status"], (201, 503))
            if verdict["status"] == 201:
                self.assertIn(verdict["id"], stored)

    def test_stop_under_load(self):
        """SIGTERM amid batches and single events: exit 0 in time, and of all that is stored somebody was told."""
        # Who is too slow to read all of the answer in that time is not told.
        sink = self.new_sink(**self.options, stop_deadline=90, commit_deadline=20000).start().ready()
        before = {row[0] for row in self.sql("SELECT event_id FROM telemetry.events")}
        told, statuses, over = set(), set(), threading.Event()

        def note(line):
            verdict = json.loads(line)
            statuses.add(verdict["status"])
            if verdict["status"] == 201:
                told.add(verdict["id"])

        def batches(_):
            with contextlib.suppress(Refused, OSError):
                while not over.is_set():
                    answer = self.batch([envelope(model_call("stop")) for _ in range(3000)], sink=sink, on_line=note)
                    statuses.add(answer.status)
        load = Load(sink.address, self.write_token, 16).start()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            ends = [pool.submit(batches, number) for number in range(8)]
            try:
                wait_until(lambda: load.count() >= 100 and len(told) >= 6000, "both kinds of load run", 300)
                self.assertEqual(sink.stop(), 0, sink.log()[-2000:])
            finally:
                over.set()
                load.finish(deadline=0)
            for end in ends:
                end.result(300)
        stored = {row[0] for row in self.sql("SELECT event_id FROM telemetry.events")} - before
        self.assertEqual(told | set(load.acked), stored)
        self.assertEqual((load.refusals, statuses - {200, 201, 503}), ([], set()))

    def test_stop_before_a_slow_reader_is_done(self):
        """All has ended but the answer, for which its client takes the rest of the time: all that is stored is told."""
        sink = self.new_sink(**self.options, transfer_grace=600, stop_deadline=600, commit_deadline=597000).start().ready()
        ids = [f"{number:0>250}" for number in range(9000)]  # for an answer that cannot wait in the network
        body = "".join(envelope(model_call("slow"), i) + "\n" for i in ids)
        with sink.connect() as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.send(f"POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Type: {ENVELOPES}\r\nAuthorization: Bearer "
                            f"{self.write_token}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            wait_until(lambda: self.value("SELECT count(*) FROM telemetry.events WHERE trace_id = 'slow'") == "9000",
                       "all lines are stored", 300)
            sink.signal(signal.SIGTERM)
            wait_until(lambda: "vox-catalog" not in sink.threads(), "nothing is left but the answer")
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            verdicts = self.verdicts(connection.read())
        self.assertEqual([v["id"] for v in verdicts if v["status"] == 201], ids)
        self.assertEqual(sink.process.wait(120), 0)
        self.assertIn('requests="all answered"', sink.log())


class NoDatabase(BatchCase):
    own_cluster = True

    def test_nothing_can_be_stored(self):
        self.cluster.stop()
        answer = wait_until(lambda: (lambda a: a if a.status == 503 else None)(
            self.batch([envelope(model_call("away"))])), "the database is gone")
        self.assertIn(answer.code, ("database_unavailable", "deadline_exceeded"))
        self.cluster.start()
        wait_until(lambda: self.sink.status_of("/readyz") == 200, "ready again")
        self.assertEqual(self.send([envelope(model_call("back"))])[0]["status"], 201)
