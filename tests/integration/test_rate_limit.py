# SPDX-License-Identifier: Apache-2.0
"""Rates, pacing and quotas: who is over the limit waits or hears 429, nobody else notices."""

import http.client
import itertools
import json
import re
import signal
import socket
import threading
import time

from voxtest import LONG, SANITIZED, SinkCase, model_call, wait_until

EVENT = json.dumps(model_call("limit"), separators=(",", ":")).encode()
MEMBER = re.compile(r'"([ !#-\[\]-~]*)"((?:;[a-z*][a-z0-9_.*-]*=\d{1,15})*)')


def fields(answer):
    """The parameters of each member of RateLimit and RateLimit-Policy, read as RFC 8941 lists of strings."""
    found = {}
    for name in ("RateLimit", "RateLimit-Policy"):
        text = answer.header(name)
        assert text is not None, f"{name} is there: {answer}"
        for member in text.split(","):
            match = MEMBER.fullmatch(member.strip(" "))
            assert match, f"{name} is a list of strings with parameters: {text!r}"
            parameters = dict(p.split("=") for p in match[2].split(";")[1:])
            found.setdefault(match[1], {}).update({k: int(v) for k, v in parameters.items()})
    return found


class Limited(SinkCase):
    """Helpers; each test takes tokens of its own, so that none meets another's charges."""

    def token_with(self, **columns):
        """A token with limits of its own, known to the sink as such."""
        token = self.sink.token("demo", "ingest")
        key = token.split("_")[1]
        sets = ", ".join(f"{name} = {value}" for name, value in columns.items())
        # Before the sink sees it for the first time.
        self.sql(f"UPDATE telemetry.tokens SET {sets} WHERE key_id = '{key}'")
        self.reads(self.sink)
        return token

    def reads(self, sink):
        """Returns once the sink has read tokens, and what they used, after now."""
        marker = self.sink.token("demo", "ingest")
        wait_until(lambda: sink.get("/v1/receipts/00000000-0000-7000-8000-000000000000",
                                    token=marker).status == 404, "the sink has read the tokens")

    def refused(self, answer, code="rate_limited"):
        self.assert_problem(answer, code)
        after = int(answer.header("retry-after"))
        self.assertGreaterEqual(after, fields(answer)["burst"]["t"])
        self.assertGreaterEqual(fields(answer)["burst"]["r"], 0)
        return after

    def limited(self, limit, outcome="refused", sink=None):
        series = ("vox_sink_limited_total", (("limit", limit), ("outcome", outcome)))
        return (sink or self.sink).metrics().get(series, 0)


class RateLimit(Limited):

    options = {"rate": 1, "burst": 20, "pacing": 0, "address_rate": 1, "address_burst": 10}

    def flood(self, count, threads, **more):
        answers, numbers = [], itertools.count()

        def work():
            while next(numbers) < count:
                answers.append(self.sink.post(EVENT, **more))
        pool = [threading.Thread(target=work) for _ in range(threads)]
        began = time.monotonic()
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join(300)
        return answers, time.monotonic() - began

    def test_exact(self):
        token, before = self.token_with(label="'exact'"), self.limited("token")
        answers, took = self.flood(70, 20, token=token)
        self.assertEqual(len(answers), 70)
        taken = [a for a in answers if a.status == 201]
        self.assertGreaterEqual(len(taken), 20)
        self.assertLessEqual(len(taken), 20 + took, "no more than the burst and what came back meanwhile")
        for answer in answers:
            if answer.status != 201:
                self.refused(answer)
        self.assertEqual(self.limited("token") - before, 70 - len(taken))

    def test_fields(self):
        token = self.token_with(rate_per_second=0.01, burst=20)
        with self.sink.connect() as connection:
            seen = []
            for _ in range(5):
                answer = connection.request("POST", "/v1/events", EVENT, token=token)
                self.assertEqual(answer.status, 201)
                burst = fields(answer)["burst"]
                self.assertEqual((burst["q"], burst["w"]), (20, 2000))
                self.assertGreaterEqual(burst["t"], 1)
                seen.append(burst["r"])
        self.assertEqual(seen, [19, 18, 17, 16, 15])
        # An answer of any kind has them: refused for the event, for the rate, for the token.
        answer = self.sink.post(b"[]", token)
        self.assertEqual((answer.status, answer.code), (400, "json_not_object"))
        fields(answer)
        answers, _ = self.flood(40, 4, token=token)
        for answer in answers:
            self.assertGreaterEqual(fields(answer)["burst"]["r"], 0)
            if answer.status == 429:
                self.refused(answer)
        self.assertIn(429, [a.status for a in answers])
        fields(self.sink.post(EVENT, "vts_wrong"))

    def test_reads(self):
        """Reading counts as well, with the same rate as sending; what needs no token does not."""
        token = self.sink.token("demo", "ingest,read", "--rate", "0.01/s", "--burst", "6")
        targets = ["/v1/admin/events", "/v1/receipts/00000000-0000-7000-8000-000000000000"]
        seen = [self.settled(lambda target=target: self.sink.get(target, token=token)) for target in targets * 2]
        self.assertEqual([a.status for a in seen], [200, 404] * 2)
        left = [fields(a)["burst"]["r"] for a in seen]
        self.assertEqual(sorted(left, reverse=True), left)
        self.assertLessEqual(left[-1], 2)
        wait_until(lambda: self.sink.get(targets[0], token=token).status == 429, "its burst is used")
        for target in targets:
            self.refused(self.sink.get(target, token=token))
        self.refused(self.sink.post(EVENT, token))
        for target in ("/version", "/v1/contracts", "/healthz", "/readyz", "/metrics"):
            for _ in range(12):  # more than an address may
                self.assertEqual(self.sink.get(target).status, 200)

    def test_expect(self):
        """Over the limit a client that asks first is told at once, and never sends its body."""
        token = self.token_with(rate_per_second=0.01, burst=1)
        self.assertEqual(self.sink.post(EVENT, token).status, 201)
        with self.sink.connect() as connection:
            connection.send(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                            b"Expect: 100-continue\r\nContent-Length: %d\r\nAuthorization: Bearer %s\r\n\r\n"
                            % (len(EVENT), token.encode()))
            self.assertTrue(connection.rest().startswith(b"HTTP/1.1 429 "))

    def test_own_limits(self):
        token = self.token_with(rate_per_second=0.5, burst=3)
        burst = fields(self.sink.post(EVENT, token))["burst"]
        self.assertEqual((burst["q"], burst["w"], burst["r"]), (3, 6, 2))


class Attempts(Limited):
    """Requests without a valid token count with their address."""

    options = {"rate": 1000, "burst": 1000, "address_rate": 1, "address_burst": 10}

    def test_attempts(self):
        """Guessing is limited by address, for every endpoint; a valid token from there is not."""
        wrong = self.write_token[:-10] + "0000000000"
        statuses, began = [], time.monotonic()
        for n in range(40):
            answer = (self.sink.post(EVENT, wrong) if n % 4 == 0 else self.sink.post(EVENT) if n % 4 == 1 else
                      self.sink.get("/v1/admin/events", token=wrong) if n % 4 == 2 else
                      self.sink.post(EVENT, headers=[("Authorization", "Basic eDp5")]))
            statuses.append(answer.status)
            if answer.status == 429:
                self.refused(answer)
        took = time.monotonic() - began
        passed = [s for s in statuses if s != 429]
        self.assertGreaterEqual(len(passed), 10)
        self.assertLessEqual(len(passed), 10 + took + 1)
        self.assertEqual(set(passed) - {400, 401, 503}, set())
        self.assertEqual(self.limited("attempts"), 40 - len(passed))
        for _ in range(20):
            self.assertEqual(self.sink.post(EVENT, self.write_token).status, 201)


class Proxies(Limited):
    """A client's address: the peer's, or what trusted proxies say."""

    options = {"open_project": "demo", "address_rate": 1, "address_burst": 5, "pacing": 0}

    @staticmethod
    def status(sink, n, *headers):
        return sink.post(EVENT, headers=[(name, value.format(n)) for name, value in headers]).status

    def one_limit(self, sink, *headers):
        """These all count as one client's."""
        began = time.monotonic()
        for n in range(1, 250):
            status = self.status(sink, n, *headers)
            if status == 429:
                break
            self.assertEqual(status, 201)
        self.assertEqual(status, 429)
        self.assertGreater(n, 5)
        self.assertLessEqual(n - 1, 5 + time.monotonic() - began)

    def test_xff(self):
        """The headers of an untrusted peer change nothing."""
        self.one_limit(self.sink, ("X-Forwarded-For", "198.51.100.{}"), ("Forwarded", "for=198.51.100.{}"))

    def test_xff_of_a_trusted_proxy(self):
        sink = self.new_sink(**self.options, trusted_proxies="127.0.0.0/8, 192.0.2.0/24").start().ready()
        # Each client has a limit of its own; what it wrote itself, on the left, is not believed.
        self.assertEqual({self.status(sink, n, ("X-Forwarded-For", "198.51.100.{}")) for n in range(20)}, {201})
        self.one_limit(sink, ("X-Forwarded-For", "203.0.113.{}, 198.51.100.77, 192.0.2.5"))
        # An IPv6 client is its /64; the header that was not chosen is not looked at.
        self.one_limit(sink, ("X-Forwarded-For", "2001:db8:1:2::{}"), ("Forwarded", "for=198.51.100.{}"))
        self.assertEqual(self.status(sink, 1, ("X-Forwarded-For", "2001:db8:1:3::{}")), 201)

    def test_xff_over_a_unix_socket(self):
        """Peers of Unix sockets are all one client, unless they are trusted to say whose request it is."""
        for trusted in ("", "unix"):
            sink = self.new_sink(**self.options, trusted_proxies=trusted)
            path = sink.folder / "socket"
            sink.folder.chmod(0o755)
            sink.environment["VOX_SINK_LISTEN"] = f"127.0.0.1:0,unix:{path}:0666"
            sink.start().ready()

            def post(n):
                client = socket.socket(socket.AF_UNIX)
                client.settimeout(120)
                client.connect(str(path))
                client.sendall(b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                               b"X-Forwarded-For: 198.51.100.%d\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
                               % (n, len(EVENT), EVENT))
                with client, client.makefile("rb") as answer:
                    return int(answer.readline().split()[1])
            if trusted:
                self.assertEqual({post(n) for n in range(20)}, {201})
            else:
                self.assertIn(429, (post(n % 250) for n in range(2000)))

    def test_bad_list_is_refused(self):
        sink = self.new_sink(**self.options, trusted_proxies="10.0.0.0/8, everybody")
        done = sink.command("serve", check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("everybody", done.stderr)


class Pacing(Limited):

    options = {"open_project": "demo", "rate": 200, "burst": 10, "address_rate": 200, "address_burst": 10}

    def client(self, token, count):
        """As profile vox-v1: one keep-alive connection, one object after the other, never a wait."""
        connection = http.client.HTTPConnection(*self.sink.address, timeout=120)
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        statuses = []
        for _ in range(count):
            connection.request("POST", "/v1/events", EVENT, headers)
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            self.assertFalse(answer.will_close)
        connection.close()
        return statuses

    def drain(self, token):
        count = 300
        began = time.monotonic()
        statuses = self.client(token, count)
        took = time.monotonic() - began
        self.assertEqual(statuses.count(429), 0)
        self.assertEqual(set(statuses), {201})
        self.assertGreaterEqual(took, (count - 10 - 1) / 200, "not faster than the limit")

    def test_a_client_that_never_waits_runs_at_the_limit(self):
        self.drain(self.token_with(label="'paced'"))

    def test_without_token(self):
        self.drain(None)

    def test_not_too_many(self):
        """Beyond those that may be held back, and the time that they may, it is 429."""
        token, began = self.token_with(rate_per_second=5, burst=1), time.monotonic()
        connections = []
        for _ in range(60):
            connection = self.sink.connect()
            connection.send(self.raw(token))
            connections.append(connection)
        statuses = [connection.read("POST").status for connection in connections]
        took = time.monotonic() - began
        for connection in connections:
            connection.close()
        # One at once, ten that wait in two seconds, and what the rate lets through meanwhile.
        self.assertEqual(set(statuses) - {201, 429}, set())
        self.assertGreaterEqual(statuses.count(201), 11)
        self.assertLessEqual(statuses.count(201), 11 + 5 * took)
        self.assertGreaterEqual(self.limited("token"), statuses.count(429))

    @staticmethod
    def raw(token):
        return (b"POST /v1/events HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\nAuthorization: Bearer %s\r\n\r\n%s" % (len(EVENT), token.encode(), EVENT))

    def test_stops_while_some_are_held_back(self):
        """A sink that stops does not wait for their time."""
        sink = self.new_sink(**{**self.options, "pacing": 10000, "stop_deadline": 60}).start().ready()
        token = self.token_with(rate_per_second=0.1001, burst=1)
        self.reads(sink)
        self.assertEqual(sink.post(EVENT, token).status, 201)
        connection = sink.connect()
        connection.send(self.raw(token))
        wait_until(lambda: self.limited("token", "paced", sink) >= 1, "the request is held back")
        self.assertEqual(sink.stop(), 0)
        self.assertIn(connection.read("POST").status, (201, 503))
        connection.close()


class Isolation(Limited):

    options = {"rate": 100000, "burst": 100000}

    def test_isolation(self):
        """One token floods at fifty times its limit: another's requests all succeed."""
        self.measure(50, None)

    def measure(self, count, quiet):
        flooder = self.token_with(rate_per_second=1, burst=1)
        other = self.token_with(label="'other'")
        stop, tried, began = threading.Event(), itertools.count(), time.monotonic()

        def flood():
            while not stop.is_set():
                try:
                    next(tried)
                    self.sink.post(EVENT, flooder)
                except (OSError, socket.timeout):
                    pass
        pool = [threading.Thread(target=flood) for _ in range(8)]
        for thread in pool:
            thread.start()
        times, statuses = [], []
        with self.sink.connect() as connection:
            # Long enough that it was a flood: fifty for each that the limit allows.
            while len(statuses) < count or next(tried) < 50 * (time.monotonic() - began + 1):
                sent = time.monotonic()
                statuses.append(connection.request("POST", "/v1/events", EVENT, token=other).status)
                times.append(time.monotonic() - sent)
                if time.monotonic() - began > 60:
                    break
        stop.set()
        for thread in pool:
            thread.join(300)
        self.assertEqual(set(statuses), {201})
        self.assertGreater(self.limited("token"), 0)
        if quiet is not None:
            p99 = sorted(times)[len(times) * 99 // 100]
            self.assertLessEqual(p99, max(2 * quiet, quiet + 0.02))

    def test_isolation_in_time(self):
        if not LONG or SANITIZED:
            self.skipTest("compares times: --long, on the release build")
        token, times = self.token_with(label="'quiet'"), []
        with self.sink.connect() as connection:
            for _ in range(2000):
                sent = time.monotonic()
                self.assertEqual(connection.request("POST", "/v1/events", EVENT, token=token).status, 201)
                times.append(time.monotonic() - sent)
        self.measure(2000, sorted(times)[len(times) * 99 // 100])


class Quota(Limited):

    options = {"catalog_poll": 50}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.new_sink(**cls.options).start().ready()

    def exhaust(self, sink, token):
        """Posts until the sink refuses; how many were stored."""
        for stored in range(1000):
            answer = sink.post(EVENT, token)
            if answer.status != 201:
                break
        self.assert_problem(answer, "quota_exceeded")
        after = int(answer.header("retry-after"))
        self.assertLessEqual(after, 86400)
        members = dict(member.strip().split(";", 1) for member in answer.header("ratelimit").split(","))
        self.assertEqual(members.pop('"daily"'), f"r=0;t={after}")
        self.assertIn(list(members), ([], ['"burst"']), "and the burst where there is one")
        return stored

    def used(self, token, column):
        key = token.split("_")[1]
        return int(self.value(f"SELECT coalesce(sum({column}), 0) FROM telemetry.token_usage u JOIN telemetry.tokens t "
                              f"ON t.id = u.token_id WHERE t.key_id = '{key}' AND u.day = telemetry.today()"))

    def test_two_sinks_share_it(self):
        token = self.token_with(quota_per_day=40)
        for _ in range(25):
            self.assertEqual(self.sink.post(EVENT, token).status, 201)
        self.reads(self.other)
        left = self.exhaust(self.other, token)
        self.assertGreaterEqual(left, 15)
        self.assertLess(left, 40, "alone it would have taken as many")
        self.reads(self.sink)
        self.assertEqual(self.exhaust(self.sink, token), 0)
        self.assertEqual(self.used(token, "events"), 25 + left)
        self.assertEqual(self.used(token, "bytes"), (25 + left) * len(EVENT))
        self.assertGreaterEqual(self.limited("quota_events"), 1)
        # Others are not concerned.
        self.assertEqual(self.sink.post(EVENT, self.write_token).status, 201)

    def test_bytes(self):
        token = self.token_with(quota_bytes_per_day=10 * len(EVENT))
        stored = self.exhaust(self.sink, token)
        self.assertGreaterEqual(stored, 10)
        self.assertLess(stored, 20)
        self.assertGreaterEqual(self.limited("quota_bytes"), 1)

    def test_duplicates_and_refusals_use_nothing(self):
        token = self.token_with(quota_per_day=3)
        key = "0198c5f2-7a10-7c3e-9d55-2f6a3b1c4d5e"
        self.assertEqual(self.sink.post(EVENT, token, key).status, 201)
        for _ in range(5):
            self.assertEqual(self.sink.post(EVENT, token, key).status, 200)
            self.assertEqual(self.sink.post(b"{}", token).status, 422)
        self.assertEqual(self.used(token, "events"), 1)
        self.assertEqual(self.sink.post(EVENT, token).status, 201)

    def test_a_new_day(self):
        token = self.token_with(quota_per_day=2)
        self.exhaust(self.sink, token)
        self.reads(self.sink)
        # The token's next request takes in what was read: only a sum seen to be less is a new one.
        self.assertEqual(self.exhaust(self.sink, token), 0)
        self.sql("UPDATE telemetry.token_usage SET day = day - 1")
        wait_until(lambda: self.sink.post(EVENT, token).status == 201, "yesterday's events do not count")

    def test_last_use_is_written_down(self):
        token = self.token_with(label="'seen'")
        key = token.split("_")[1]
        self.assertEqual(self.sink.post(EVENT, token).status, 201)
        wait_until(lambda: self.value(f"SELECT last_used_at > now() - interval '1 minute' FROM telemetry.tokens "
                                      f"WHERE key_id = '{key}'") == "t", "the use of the token is in the database")


class Reload(Limited):
    """Limits follow the configuration file at SIGHUP, and a broken one changes nothing."""

    serve = False

    def test_reload(self):
        # Empty variables count as not given, so that the file decides.
        sink = self.new_sink(rate="", address_rate="", batch_rate="")
        path = sink.folder / "sink.yaml"
        path.write_text("rate: 7\nburst: 70\n")
        sink.folder.chmod(0o755)  # started by root, the sink reads it again as somebody else
        path.chmod(0o644)
        sink.environment["VOX_SINK_CONFIG"] = str(path)
        sink.start().ready()
        self.assertEqual(fields(sink.post(EVENT, self.write_token))["burst"]["q"], 70)
        path.write_text("rate: 7\nburst: 71\n")
        sink.signal(signal.SIGHUP)
        wait_until(lambda: fields(sink.post(EVENT, self.write_token))["burst"]["q"] == 71, "the new burst holds")
        path.write_text("rate: 0\ntrusted_proxies: nobody\n")
        sink.signal(signal.SIGHUP)
        wait_until(lambda: "trusted_proxies has" in sink.log(), "the broken list is told")
        self.assertEqual(fields(sink.post(EVENT, self.write_token))["burst"]["q"], 71)
        path.write_text("rate: 0\n")
        sink.signal(signal.SIGHUP)
        wait_until(lambda: sink.post(EVENT, self.write_token).header("ratelimit") is None, "no limit, no header")
