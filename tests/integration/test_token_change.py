# SPDX-License-Identifier: Apache-2.0
"""A token that is revoked, expires or is changed while its request is under way: what is not stored yet hears of it."""

import json
import time

from voxtest import SinkCase, model_call, uuid7, wait_until

NDJSON = "application/x-ndjson"
ENVELOPES = "application/vnd.vox.telemetry.batch+ndjson"


def compact(value):
    return json.dumps(value, separators=(",", ":")).encode()


class ChangeCase(SinkCase):
    options = {"catalog_poll": 60000, "pacing": 10000, "burst": 1000}

    def revoke(self, token):
        self.sink.command("token", "revoke", token.split("_")[1])
        self.wait_refused(token)

    def wait_refused(self, token):
        wait_until(lambda: self.sink.get(f"/v1/receipts/{uuid7()}", token=token).status == 401, "it is refused")

    def change(self, token, change):
        """Returns once the sink has read tokens after the change: one made later is known to it."""
        self.sql(f"UPDATE telemetry.tokens SET {change} WHERE key_id = '{token.split('_')[1]}'")
        self.wait_accepted(self.sink.token("demo", "read"))

    def known(self):
        token = self.sink.token("demo", "ingest,read")
        self.wait_accepted(token)
        return token

    def begin_single(self, connection, token, body, key):
        """Its head is judged, its body is not sent."""
        connection.send(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
                        b"Idempotency-Key: \"%s\"\r\nContent-Length: %d\r\nAuthorization: Bearer %s\r\n\r\n"
                        % (key.encode(), len(body), token.encode()))
        connection.read_continue()

    def begin_batch(self, connection, token):
        """A first line of it is stored."""
        connection.send(b"POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n"
                        b"Authorization: Bearer %s\r\n\r\n" % (ENVELOPES.encode(), token.encode()))
        first = uuid7()
        self.send_lines(connection, first)
        wait_until(lambda: self.stored(first) == 1, "the first line is stored")

    def send_lines(self, connection, *ids):
        lines = b"".join(compact({"id": key, "event": model_call(key)}) + b"\n" for key in ids)
        connection.send(b"%x\r\n%s\r\n" % (len(lines), lines))

    def end_batch(self, connection):
        connection.send(b"0\r\n\r\n")
        answer = connection.read("POST")
        self.assertEqual(answer.status, 200, answer)
        return [json.loads(line) for line in answer.body.splitlines()]


class TokenChange(ChangeCase):
    def test_revoked_amid_a_single_body(self):
        token, key, body = self.known(), uuid7(), compact(model_call("late"))
        with self.sink.connect() as connection:
            self.begin_single(connection, token, body, key)
            connection.send(body[:10])
            self.revoke(token)
            connection.send(body[10:])
            self.assert_problem(connection.read("POST"), "token_invalid")
        self.assertEqual(self.stored(key), 0)

    def test_revoked_amid_a_batch(self):
        token, late = self.known(), [uuid7() for _ in range(3)]
        with self.sink.connect() as connection:
            self.begin_batch(connection, token)
            self.revoke(token)
            self.send_lines(connection, *late)
            verdicts = self.end_batch(connection)
        self.assertEqual([v["status"] for v in verdicts], [201, 401])
        self.assertEqual((verdicts[1]["line"], verdicts[1]["problem"]["code"]), (2, "token_invalid"))
        self.assertEqual([self.stored(key) for key in late], [0, 0, 0])

    def test_revoked_when_all_lines_are_taken(self):
        token = self.known()
        with self.sink.connect() as connection:
            self.begin_batch(connection, token)
            self.revoke(token)
            self.assertEqual([v["status"] for v in self.end_batch(connection)], [201], "no line hears of it")

    def test_revoked_before_the_first_line(self):
        token, line = self.known(), compact(model_call("late")) + b"\n"
        with self.sink.connect() as connection:
            connection.send(b"POST /v1/batch HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nExpect: 100-continue\r\n"
                            b"Content-Length: %d\r\nAuthorization: Bearer %s\r\n\r\n"
                            % (NDJSON.encode(), len(line), token.encode()))
            connection.read_continue()
            self.revoke(token)
            connection.send(line)
            self.assert_problem(connection.read("POST"), "token_invalid")

    def paced(self):
        """The answer to one that had to wait for its turn, and whether its token was known to be revoked by then."""
        token, keys, ask = self.sink.token("demo", "ingest", "--rate", "0.11/s", "--burst", "1"), [uuid7(), uuid7()], []
        self.wait_accepted(self.sink.token("demo", "read"))  # asking with that one would use up its burst
        series = ("vox_sink_limited_total", (("limit", "token"), ("outcome", "paced")))
        before = self.sink.metrics().get(series, 0)
        with self.sink.connect() as connection:
            for key in keys:
                body = compact(model_call(key))
                ask.append(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                           b"Idempotency-Key: \"%s\"\r\nContent-Length: %d\r\nAuthorization: Bearer %s\r\n\r\n%s"
                           % (key.encode(), len(body), token.encode(), body))
            connection.send(ask[0])
            self.assertEqual(connection.read("POST").status, 201)
            connection.send(ask[1])
            wait_until(lambda: self.sink.metrics().get(series, 0) > before, "the second waits")
            self.revoke(token)
            in_time = self.stored(keys[1]) == 0
            return connection.read("POST"), in_time, keys[1]

    def test_revoked_while_it_is_paced(self):
        for _ in range(10):  # a slow machine may need longer to revoke than the turn takes
            answer, in_time, key = self.paced()
            if in_time:
                self.assert_problem(answer, "token_invalid")
                self.assertEqual(self.stored(key), 0)
                return
        self.fail("it never had to wait long enough")

    def test_expired_amid_a_body(self):
        """Nothing is read from the database meanwhile: the clock alone says it, and the operator may have said otherwise."""
        body, answer = compact(model_call("late")), None
        for seconds in (2, 10, 60):  # a slow machine may take the first ones to get there, or have read tokens meanwhile
            token = self.sink.token("demo", "ingest")
            ends = time.time() + seconds
            self.sql(f"UPDATE telemetry.tokens SET expires_at = to_timestamp({ends}) WHERE key_id = '{token.split('_')[1]}'")
            self.wait_accepted(self.sink.token("demo", "read"))
            with self.sink.connect() as connection:
                connection.send(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                                b"Content-Length: %d\r\nExpect: 100-continue\r\nAuthorization: Bearer %s\r\n\r\n"
                                % (len(body), token.encode()))
                if connection.read_continue() != 100:
                    continue
                wait_until(lambda ends=ends: time.time() > ends, "its time is over")
                connection.send(body)
                answer = connection.read("POST")
                if answer.status == 503:
                    break
        self.assertIsNotNone(answer, "one was let in before its end")
        self.assert_problem(answer, "not_ready")
        self.assert_problem(self.sink.post(body, token), "token_invalid")

    def test_changed_amid_a_body(self):
        body = compact(model_call("late"))
        for change, sent, status, code in (
                ("contracts = '{tool-run}'", body, 422, "contract_not_allowed"),
                ("on_invalid = 'quarantine'", compact(model_call("late", latency_ms=-1)), 202, None),
                ("signature = 'required'", body, 401, "signature_missing")):
            with self.subTest(change=change), self.sink.connect() as connection:
                token, key = self.known(), uuid7()
                self.begin_single(connection, token, sent, key)
                self.change(token, change)
                connection.send(sent)
                answer = connection.read("POST")
                self.assertEqual((answer.status, answer.code if code else None), (status, code), answer)

    def used(self, token):
        return int(self.value("SELECT coalesce(sum(events), 0) FROM telemetry.token_usage JOIN telemetry.tokens ON id = token_id "
                              f"WHERE key_id = '{token.split('_')[1]}'"))

    def test_given_a_quota_amid_a_body(self):
        token, key, body = self.known(), uuid7(), compact(model_call("late"))
        with self.sink.connect() as connection:
            self.begin_single(connection, token, body, key)
            self.change(token, "quota_per_day = 5")
            connection.send(body)
            self.assertEqual(connection.read("POST").status, 201)
        self.assertEqual(self.used(token), 1)

    def test_given_a_quota_amid_a_batch(self):
        token, late = self.known(), [uuid7() for _ in range(2)]
        with self.sink.connect() as connection:
            self.begin_batch(connection, token)
            self.change(token, "quota_per_day = 5")
            self.send_lines(connection, *late)
            verdicts = self.end_batch(connection)
        self.assertEqual([v["status"] for v in verdicts], [201] * 3)
        self.assertEqual(self.used(token), 2, "what was stored before it was given does not count")

    def test_changed_amid_a_batch(self):
        token, late = self.known(), [uuid7() for _ in range(2)]
        with self.sink.connect() as connection:
            self.begin_batch(connection, token)
            self.change(token, "contracts = '{tool-run}'")
            self.send_lines(connection, *late)
            verdicts = self.end_batch(connection)
        self.assertEqual([v["status"] for v in verdicts], [201, 422, 422])
        self.assertEqual({v["problem"]["code"] for v in verdicts[1:]}, {"contract_not_allowed"})
