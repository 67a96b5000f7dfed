# SPDX-License-Identifier: Apache-2.0
"""Who gets in: each case of the hostile list under Auth, and what an outage of the database does to tokens."""

import json
import pathlib
import random
import threading
import time
import unittest

from voxtest import LONG, SINK, SinkCase, made_up_token, model_call, run, uuid7, wait_until


class Auth(SinkCase):
    """The cases of the list, by name. Tokens are read again only when somebody asks or the database tells."""

    options = {"catalog_poll": 60000}

    def loads(self):
        return self.sink.metrics()["vox_sink_reloads_total", (("what", "catalog"), ("outcome", "ok"))]

    def asked_after(self, token):
        """The answer to a token of which the sink may have to ask the database."""
        return self.settled(lambda: self.sink.get(f"/v1/receipts/{uuid7()}", token=token))

    def refusal(self, token):
        """The whole answer but for what differs from request to request."""
        answer = self.asked_after(token)
        body = {name: value for name, value in answer.json().items() if name != "instance"}
        return answer.status, json.dumps(body), [h for h in answer.headers if h[0] not in ("x-request-id", "date")]

    def bad_ones(self):
        """{kind: token} of one that nobody made, one revoked and one expired, all known to be refused."""
        revoked, expired = self.sink.token("demo", "read"), self.sink.token("demo", "read")
        self.sink.command("token", "revoke", revoked.split("_")[1])
        self.sql(f"UPDATE telemetry.tokens SET expires_at = now() WHERE key_id = '{expired.split('_')[1]}'")
        for token in (revoked, expired):
            wait_until(lambda token=token: self.refusal(token)[0] == 401, "it is refused")
        return {"unknown": made_up_token(), "revoked": revoked, "expired": expired}

    def test_no_token(self):
        answer = self.sink.post(model_call())
        self.assert_problem(answer, "token_missing")
        self.assertEqual(answer.header("www-authenticate"), 'Bearer realm="vox-sink"')
        for value in ("Basic abc", "Bearer", "", "Bearer " + "x" * 4000, "Bearer \x01", "Bearer \xe4", "Bearer a\0b"):
            with self.subTest(value=value[:12]):
                answer = self.sink.post(model_call(), headers=[("Authorization", value)])
                self.assertIn(answer.status, (400, 401), answer)
                self.assert_problem(answer, answer.code)
        # Of 8 KB: larger than a head may be, answered before anything else is judged.
        answer = self.sink.post(model_call(), headers=[("Authorization", "Bearer " + "x" * 8192)])
        self.assertEqual(answer.status, 431)
        self.assert_problem(answer, "head_too_large")

    def test_two_auth(self):
        token = self.write_token
        answer = self.sink.post(model_call(), token, headers=[("Authorization", f"Bearer {token}")])
        self.assert_problem(answer, "authorization_malformed")
        self.assert_problem(self.sink.post(model_call(), headers=[("Cookie", f"access_token={token}")]), "token_missing")
        answer = self.sink.request("POST", f"/v1/events?access_token={token}", model_call())
        self.assertIn(answer.code, ("token_missing", "query_malformed"))
        with self.sink.connect() as connection:
            connection.send(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                            b"Transfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n2\r\n{}\r\n0\r\n"
                            b"Authorization: Bearer " + token.encode() + b"\r\n\r\n")
            self.assert_problem(connection.read("POST"), "token_missing")

    def test_crc_fail(self):
        token = self.write_token
        wrong = token[:-1] + ("0" if token[-1] != "0" else "1")

        def loads_meanwhile():
            before = self.loads()
            for _ in range(20):
                self.assert_problem(self.sink.get(f"/v1/receipts/{uuid7()}", token=wrong), "token_invalid")
            return self.loads() - before

        # Others may be the reason for a load: a token that was made a moment ago, a minute that is over.
        wait_until(lambda: loads_meanwhile() == 0, "nobody asks the database")
        before = self.loads()
        self.assert_problem(self.asked_after(made_up_token()), "token_invalid")
        self.assertGreater(self.loads(), before, "a well-formed one is asked after")

    def test_oracle(self):
        bad = self.bad_ones()
        answers = {kind: self.refusal(token) for kind, token in bad.items()}
        self.assertEqual(answers["unknown"], answers["revoked"])
        self.assertEqual(answers["unknown"], answers["expired"])
        self.assertEqual(answers["unknown"][0], 401)

    @unittest.skipUnless(LONG, "10,000 samples; tests/run --long")
    def test_oracle_timing(self):
        bad, times = self.bad_ones(), {"unknown": [], "revoked": [], "expired": []}

        def ask():
            with self.sink.connect(60) as connection:
                for _ in range(170):
                    kind = random.choice(list(bad))
                    began = time.perf_counter()
                    answer = connection.request("GET", f"/v1/receipts/{uuid7()}", token=bad[kind])
                    times[kind].append(time.perf_counter() - began)
                    assert answer.status == 401, answer

        threads = [threading.Thread(target=ask) for _ in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertGreaterEqual(sum(map(len, times.values())), 10000)
        for one, two in (("unknown", "revoked"), ("unknown", "expired"), ("revoked", "expired")):
            # Rank sums: how many standard deviations the two are from being the same.
            ranked = sorted([(t, one) for t in times[one]] + [(t, two) for t in times[two]])
            n, m = len(times[one]), len(times[two])
            ranks = sum(i + 1 for i, (_, kind) in enumerate(ranked) if kind == one)
            z = (ranks - n * (n + m + 1) / 2) / (n * m * (n + m + 1) / 12) ** 0.5
            self.assertLess(abs(z), 4, f"{one} against {two}")

    def test_revoke_live(self):
        token = self.sink.token("demo", "ingest")
        accepted, refused, others, stop = [], [], [], threading.Event()

        def send():
            with self.sink.connect() as connection:
                while not stop.is_set():
                    began = time.monotonic()
                    answer = connection.request("POST", "/v1/events", json.dumps(model_call(uuid7())).encode(), token=token)
                    {201: accepted, 401: refused}.get(answer.status, others).append(began)

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(accepted) >= 100, "events flow")
        self.sink.command("token", "revoke", token.split("_")[1])
        revoked = time.monotonic()
        wait_until(lambda: len(refused) >= 20, "the revocation holds")
        stop.set()
        for thread in threads:
            thread.join()
        # 1 s is what docs/SECURITY.md states; a busy machine is given more, but not to take it back.
        self.assertLess(max(accepted), revoked + (1 if LONG else 60))
        self.assert_problem(self.settled(lambda: self.sink.post(model_call(), token)), "token_invalid")

    def test_scope(self):
        answer = self.sink.get("/v1/admin/events", token=self.write_token)
        self.assert_problem(answer, "scope_insufficient")
        self.assertIn('error="insufficient_scope"', answer.header("www-authenticate"))
        admin = self.sink.token("demo", "admin")
        self.assert_problem(self.sink.post(model_call(), admin), "scope_insufficient")
        self.assert_problem(self.sink.post(model_call(), self.read_token), "scope_insufficient")

    def test_cross_tenant(self):
        event_id = uuid7()
        other = self.sink.token("other", "ingest,read")
        self.assert_receipt(self.sink.post(model_call(event_id), self.write_token, key=event_id))

        def asked(identity):
            answer = self.settled(lambda: self.sink.get(f"/v1/receipts/{identity}", token=other))
            return answer.status, {k: v for k, v in answer.json().items() if k != "instance"}

        self.assertEqual(asked(event_id), asked(uuid7()))
        events = self.settled(lambda: self.sink.get("/v1/admin/events", token=other))
        self.assertEqual(events.json()["events"], [])
        # The same id is free in the other project.
        self.assert_receipt(self.sink.post(model_call(event_id), other, key=event_id))


class Canary(SinkCase):
    """No secret, token or payload value where anybody could read it."""

    def test_canary(self):
        master = self.sink.folder / "master.key"
        self.sink.command("master-key", "create", str(master))
        canary = "canary" + uuid7().replace("-", "")
        sink = self.new_sink(master_key_file=master, log_level="debug")
        password = "password" + uuid7().replace("-", "")
        url = sink.environment["VOX_SINK_DATABASE_URL"]
        sink.environment["VOX_SINK_DATABASE_URL"] = url.replace("vox@", f"vox:{password}@", 1)
        self.assertNotEqual(sink.environment["VOX_SINK_DATABASE_URL"], url)
        other_password = "password" + uuid7().replace("-", "")
        sink.environment["PGPASSWORD"] = other_password
        said = []
        for broken in (url.replace("vox@", f"vox:{password}@[", 1), f"host='x password={password}",
                       f"host=/nowhere user=vox password={password}"):
            for argv in ("doctor",), ("token", "list"):
                done = run(SINK, *argv, env={**sink.environment, "VOX_SINK_DATABASE_URL": broken})
                self.assertNotEqual(done.returncode, 0)
                said += [done.stdout, done.stderr]
        done = sink.command("token", "create", "--project", "demo", "--scope", "ingest", "--signature", "optional", "--json")
        made = json.loads(done.stdout)
        said += [done.stderr, sink.command("token", "list", "--json").stdout, sink.command("token", "list").stdout,
                 sink.command("token", "key", "list", "--json").stdout, sink.command("doctor", check=False).stdout,
                 sink.command("config", "show").stdout]
        fresh = json.loads(sink.command("token", "rotate", made["key_id"], "--json").stdout)
        second = sink.command("token", "key", "add", fresh["key_id"]).stdout.strip()
        aside = sink.token("demo", "ingest", "--on-invalid", "quarantine")
        sink.start().ready()
        for token in (made["token"], fresh["token"], made["token"][:-1] + "x", made_up_token()):
            for headers in ([], [("X-Vox-Telemetry-Signature", f"t=1,kid={made['key_id']},v1={canary}")],
                            [("webhook-id", canary), ("webhook-timestamp", "1"), ("webhook-signature", canary)],
                            [("webhook-id", canary), ("webhook-timestamp", str(int(time.time()))),
                             ("webhook-signature", "v1," + "A" * 43 + "=")]):
                answer = sink.post(model_call(canary, latency_ms=canary), token, headers=headers)
                self.assertGreaterEqual(answer.status, 400)
                said += [answer.body.decode(), repr(answer.headers)]
        taken = sink.post(model_call(canary), made["token"])
        self.assert_receipt(taken)
        kept = sink.post(model_call(canary, latency_ms=-1, unknown=canary), aside)
        self.assert_receipt(kept, 202)
        said += [kept.body.decode(), sink.command("quarantine", "list").stdout,
                 sink.command("quarantine", "list", "--json").stdout]
        process = pathlib.Path(f"/proc/{sink.process.pid}")
        said += [taken.body.decode(), sink.get("/metrics").body.decode(), (process / "cmdline").read_text(),
                 (process / "environ").read_text(), sink.log()]
        self.assertEqual(sink.stop(), 0)
        said.append(sink.log())
        secrets = [canary, master.read_text().strip(), password, other_password, second, second[6:], aside]
        for one in (made, fresh):
            secrets += [one["token"], one["token"].split("_")[2], one["signing_secret"], one["signing_secret"][6:]]
        for text in said:
            for secret in secrets:
                self.assertNotIn(secret, text)
        dump = "\n".join("|".join(row) for table in ("tokens", "token_keys", "master_key")
                         for row in self.sql(f"SELECT t::text FROM telemetry.{table} t"))
        for secret in secrets:
            self.assertNotIn(secret, dump)


class Outage(SinkCase):
    """The database goes away: known tokens stay good, for a while."""

    own_cluster = True
    options = {"token_max_age": 10, "catalog_poll": 100}

    def invalid(self, token):
        """An event that the schema refuses says 422 to whoever is let in, without a database."""
        return self.sink.post({"ModelCall": {}}, token).code

    def test_outage(self):
        self.assertEqual(self.invalid(self.write_token), "schema_invalid")
        revoked = self.sink.token("demo", "ingest")
        self.sink.command("token", "revoke", revoked.split("_")[1])
        wait_until(lambda: self.invalid(revoked) == "token_invalid", "it is revoked")
        began = time.monotonic()
        self.cluster.stop("immediate")
        seen = {self.invalid(self.write_token)}
        if time.monotonic() < began + 5:  # or this machine took half of that age to get here
            self.assertEqual(seen, {"schema_invalid"})
        wait_until(lambda: seen.add(self.invalid(self.write_token)) or "database_unavailable" in seen,
                   "knowledge as old as token_max_age lets nobody in")
        self.assertLessEqual(seen, {"schema_invalid", "database_unavailable"})
        # Nobody is told that a token is bad while nobody can know.
        self.assertEqual(self.invalid(revoked), "database_unavailable")
        self.cluster.start()
        wait_until(lambda: self.invalid(self.write_token) == "schema_invalid", "the tokens are read again")
        self.assertEqual(self.settled(lambda: self.sink.post({"ModelCall": {}}, revoked)).code, "token_invalid")
