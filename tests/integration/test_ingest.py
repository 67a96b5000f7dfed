# SPDX-License-Identifier: Apache-2.0
"""POST /v1/events: every answer of docs/PROTOCOL.md for one event, and what is stored."""

import base64
import datetime
import decimal
import gzip
import json
import uuid

import voxtest
from voxtest import PROBLEMS, SinkCase, minified_sha256, model_call, samples, uuid7, wait_until, zstd


def with_member(raw_value, name="x"):
    """A valid ModelCall with one more member whose value is the raw JSON text given."""
    text = json.dumps(model_call("raw"), separators=(",", ":"))
    return (text[:-2] + f',"{name}":{raw_value}' + "}}").encode()


class Stored(SinkCase):
    """201, 200 and 409."""

    def test_one_event_is_created(self):
        event_id = uuid7()
        body = json.dumps(model_call("one")).encode()
        answer = self.sink.post(body, self.write_token, event_id)
        receipt = self.assert_receipt(answer, 201, event_id=event_id)
        self.assertEqual(receipt["sha256"], minified_sha256(body))
        self.assertTrue(uuid.UUID(answer.header("x-request-id")))
        row = self.sql("SELECT encode(sha256, 'hex'), class, trace_id, payload ->> 'ModelCall' IS NOT NULL, "
                       f"expires_on - received_at::date FROM telemetry.events WHERE event_id = '{event_id}'")
        self.assertEqual(len(row), 1)
        self.assertEqual(row[0][:4], [receipt["sha256"], "1", "one", "t"])
        self.assertIn(int(row[0][4]), (364, 365, 366))

    def test_every_valid_sample_is_taken(self):
        self.sink.command("project", "set", "demo", "--max-class", "S2")
        token = self.sink.token("samples", "ingest")
        self.sink.command("project", "set", "samples", "--max-class", "S2")
        wait_until(lambda: self.sink.post(next(samples("valid", "completion-run.v1"))[2], token).status == 201,
                   "the raised class counts")
        for contract, name, body, _ in samples("valid"):
            with self.subTest(contract=contract, sample=name):
                self.assert_receipt(self.sink.post(body, token, uuid7()), 201, contract)

    def test_duplicate_pretty_or_compact(self):
        event_id = uuid7()
        event = model_call("two")
        compact = json.dumps(event, separators=(",", ":"))
        first = self.assert_receipt(self.sink.post(compact, self.write_token, event_id), 201)
        for text in (compact, json.dumps(event, indent=4), json.dumps(event, indent="\t") + "\r\n \n"):
            again = self.assert_receipt(self.sink.post(text, self.write_token, event_id), 200)
            self.assertEqual({**again, "duplicate": False}, first)
        self.assertEqual(self.stored(event_id), 1)

    def test_same_id_other_content(self):
        event_id = uuid7()
        self.assert_receipt(self.sink.post(model_call("first"), self.write_token, event_id), 201)
        self.assert_problem(self.sink.post(model_call("second"), self.write_token, event_id), "event_id_reused")
        self.assertEqual(self.sql(f"SELECT trace_id FROM telemetry.events WHERE event_id = '{event_id}'"), [["first"]])

    def test_member_order_is_content(self):
        event_id = uuid7()
        event = model_call("order")
        self.assert_receipt(self.sink.post(event, self.write_token, event_id), 201)
        turned = {"ModelCall": dict(reversed(event["ModelCall"].items()))}
        self.assert_problem(self.sink.post(turned, self.write_token, event_id), "event_id_reused")

    def test_ids_of_two_projects_are_apart(self):
        event_id, other = uuid7(), self.sink.token("apart", "ingest")
        self.wait_accepted(other)
        self.assert_receipt(self.sink.post(model_call("a"), self.write_token, event_id), 201)
        self.assert_receipt(self.sink.post(model_call("b"), other, event_id), 201)

    def test_receipt_again(self):
        event_id = uuid7()
        receipt = self.assert_receipt(self.sink.post(model_call("again"), self.write_token, event_id), 201)
        for token in (self.write_token, self.read_token):
            answer = self.settled(lambda t=token: self.sink.get(f"/v1/receipts/{event_id}", token=t))
            self.assertEqual(answer.status, 200, answer)
            self.assertEqual({**answer.json(), "duplicate": False}, receipt)
        other = self.sink.token("elsewhere", "read")
        for event, token in ((event_id, other), (uuid7(), self.read_token)):
            answer = self.settled(lambda e=event, t=token: self.sink.get(f"/v1/receipts/{e}", token=t))
            self.assert_problem(answer, "receipt_unknown")
        self.assert_problem(self.sink.get(f"/v1/receipts/{event_id}"), "token_missing")


class Identity(SinkCase):
    """Ids, times, pins and clients that the headers name."""

    def test_key_forms(self):
        for form in ("{}", '"{}"'):
            for change in (str.lower, str.upper):
                event_id = uuid7()
                answer = self.sink.post(model_call(event_id), self.write_token,
                                        headers=[("Idempotency-Key", form.format(change(event_id)))])
                self.assert_receipt(answer, 201, event_id=event_id)

    def test_key_malformed(self):
        for key in ("", "x", '"', "1234", uuid7()[:-1], uuid7() + "0", f'"{uuid7()}', f"{{{uuid7()}}}",
                    f"{uuid7()}, {uuid7()}"):
            with self.subTest(key=key):
                answer = self.sink.post(model_call(), self.write_token, headers=[("Idempotency-Key", key)])
                self.assert_problem(answer, "event_id_malformed")

    def test_two_keys(self):
        keys = [("Idempotency-Key", uuid7()), ("Idempotency-Key", uuid7())]
        answer = self.sink.post(model_call(), self.write_token, headers=keys)
        self.assertEqual(answer.status, 400, answer)
        self.assertIn(answer.code, ("event_id_ambiguous", "event_id_malformed"))

    def test_without_key_each_is_new(self):
        ids = set()
        for _ in range(3):
            receipt = self.assert_receipt(self.sink.post(model_call("same"), self.write_token), 201)
            self.assertEqual(uuid.UUID(receipt["event_id"]).version, 7)
            ids.add(receipt["event_id"])
        self.assertEqual(len(ids), 3)

    def test_webhook_id(self):
        header = [("webhook-id", "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W")]
        first = self.assert_receipt(self.sink.post(model_call("hook"), self.write_token, headers=header), 201)
        self.assertEqual(first["id"], header[0][1])
        self.assertEqual(uuid.UUID(first["event_id"]).version, 8)
        again = self.assert_receipt(self.sink.post(model_call("hook"), self.write_token, headers=header), 200)
        self.assertEqual(again["event_id"], first["event_id"])
        token = self.sink.token("hooks", "ingest")
        self.wait_accepted(token)
        other = self.sink.post(model_call("hook"), token, headers=header)
        self.assertNotEqual(self.assert_receipt(other, 201)["event_id"], first["event_id"])

    def test_webhook_id_that_is_a_uuid(self):
        event_id = uuid7()
        answer = self.sink.post(model_call("hook2"), self.write_token, headers=[("webhook-id", event_id)])
        self.assert_receipt(answer, 201, event_id=event_id)
        answer = self.sink.post(model_call("hook2"), self.write_token, event_id, headers=[("webhook-id", event_id)])
        self.assert_receipt(answer, 200, event_id=event_id)
        answer = self.sink.post(model_call("hook2"), self.write_token, event_id, headers=[("webhook-id", uuid7())])
        self.assert_problem(answer, "event_id_ambiguous")

    def test_webhook_id_malformed(self):
        for text in ("a.b", "x" * 257, "tab\there"):
            answer = self.sink.post(model_call(), self.write_token, headers=[("webhook-id", text)])
            self.assertEqual(answer.status, 400, answer)
            self.assertIn(answer.code, ("event_id_malformed", "http_malformed"))

    def test_event_time(self):
        for text, stored in (
                ("2026-01-31T12:00:00Z", "2026-01-31 12:00:00+00"),
                ("2026-01-31T12:00:00.25+01:00", "2026-01-31 11:00:00.25+00"),
                ("2019-12-31T23:59:59Z", ""), ("2099-01-01T00:00:00Z", "")):
            event_id = uuid7()
            answer = self.sink.post(model_call(text), self.write_token, event_id,
                                    headers=[("X-Vox-Telemetry-At", text)])
            self.assert_receipt(answer, 201)
            self.assertEqual(self.value("SET TIME ZONE 'UTC'; SELECT occurred_at FROM telemetry.events "
                                        f"WHERE event_id = '{event_id}'"), stored)

    def test_event_time_malformed(self):
        for text in ("", "now", "today", "infinity", "epoch", "2026-01-31", "2026-01-31T24:00:00Z",
                     "2026-02-30T00:00:00Z", "01/02/2026", "2026-01-31T12:00:00", "1769860800",
                     "2026-01-31T12:00:00Z, 2026-01-31T12:00:00Z"):
            with self.subTest(at=text):
                answer = self.sink.post(model_call(), self.write_token, headers=[("X-Vox-Telemetry-At", text)])
                self.assert_problem(answer, "event_time_malformed")

    def test_contract_pin(self):
        def pinned(pin):
            return self.sink.post(model_call(uuid7()), self.write_token, headers=[("X-Vox-Telemetry-Contract", pin)])
        self.assert_receipt(pinned("model-call.v1"), 201)
        self.assert_problem(pinned("model-call.v2"), "unknown_contract")
        self.assert_problem(pinned("never-heard-of.v1"), "unknown_contract")
        self.assert_problem(pinned("build-summary.v1"), "schema_invalid")
        for pin in ("", "model-call", "model-call.v0", "model-call.v01", "model-call.v10000", "Model-Call.v1", "../x.v1"):
            with self.subTest(pin=pin):
                self.assert_problem(pinned(pin), "contract_pin_malformed")

    def test_client_is_kept(self):
        for agent, stored in (("vox-telemetry/0.1.0 (linux)", "vox-telemetry/0.1.0"), ("nothing of that form", "")):
            event_id = uuid7()
            self.assert_receipt(self.sink.post(model_call(event_id), self.write_token, event_id,
                                               headers=[("User-Agent", agent)]), 201)
            self.assertEqual(self.value(f"SELECT client FROM telemetry.events WHERE event_id = '{event_id}'"), stored)


class Refused(SinkCase):
    """Bodies and requests that are not taken: the answer is the table's, and nothing is stored."""

    def setUp(self):
        self.before = self.rows()

    def tearDown(self):
        self.assertEqual(self.rows(), self.before, "nothing was stored")

    def refuse(self, body, code, **more):
        event_id = uuid7()
        answer = self.sink.post(body, more.pop("token", self.write_token), event_id, **more)
        problem = self.assert_problem(answer, code)
        self.assertEqual(self.stored(event_id), 0)
        return problem

    def refuse_all(self, code, bodies):
        for number, body in enumerate(bodies):
            with self.subTest(code=code, number=number, body=body[:60]):
                self.refuse(body, code)

    def test_not_json(self):
        self.refuse_all("json_malformed", [
            b"", b" ", b"{", b"}", b"nonsense", b'{"a":}', b'{"a":1,}', b"{'a':1}", b'{"a":NaN}', b'{"a":Infinity}',
            b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":1e}', b'{"a":tru}', b"{}{}", b"{} x",
            b'{"a":"\t"}', b'{"a":"\\x41"}', b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"),
            b'/* c */ {"a":1}', with_member('"open'), b"\x00", b'{"a":1}\x00'])

    def test_not_an_object(self):
        self.refuse_all("json_not_object", [b"[]", b"1", b'"text"', b"null", b"true", b"[{}]", b" [1] "])

    def test_strings(self):
        self.refuse_all("json_string_refused", [
            with_member('"\\u0000"'), with_member('"a\\u0000b"'), with_member("1", "a\\u0000"),
            with_member('"\\ud800"'), with_member('"\\udc00"'), with_member('"\\ud800x"'),
            with_member('"\\ud800\\ud800"'), with_member('"\\uDBFF\\u0041"')])

    def test_invalid_utf8(self):
        answer = self.sink.post('{"a":1}'.encode("utf-16-le"), self.write_token)
        self.assertIn((answer.status, answer.code), ((400, "json_string_refused"), (400, "json_malformed")))
        for raw in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"):
            with self.subTest(raw=raw):
                answer = self.sink.post(with_member('"@"').replace(b"@", raw), self.write_token)
                self.assertEqual(answer.status, 400, answer)
                self.assertIn(answer.code, ("json_string_refused", "json_malformed"))

    def test_duplicate_members(self):
        self.refuse_all("json_duplicate_member", [
            b'{"ModelCall":{},"ModelCall":{}}', with_member('{"a":1,"a":1}'), with_member('{"a":1,"\\u0061":2}'),
            with_member('[[{"k":{"a":1,"b":2,"a":3}}]]'), with_member('1', "model")])

    def test_depth(self):
        self.assert_depth_stored()
        self.refuse_all("json_too_deep", [
            with_member("[" * 63 + "]" * 63), with_member('{"a":' * 63 + "1" + "}" * 63),
            with_member("[" * 2050 + "]" * 2050), with_member("[" * 500_000), b'{"a":' * 150_000])

    def assert_depth_stored(self):
        # The event's two objects and 62 arrays: 64 levels are taken.
        answer = self.sink.post(with_member("[" * 62 + "]" * 62), self.write_token)
        self.assert_receipt(answer, 201)
        self.before += 1

    def test_nodes(self):
        # The root, the call, its 16 values and the array itself: 19 values besides the array's.
        members = len(model_call()["ModelCall"])
        room = 20_000 - (2 + members + 1)
        self.assert_receipt(self.sink.post(with_member("[" + ",".join("0" * room) + "]"), self.write_token), 201)
        self.before += 1
        self.refuse_all("json_too_many_nodes", [
            with_member("[" + ",".join("0" * (room + 1)) + "]"), with_member("[" + ",".join(["{}"] * 100_000) + "]"),
            with_member("[" + ",".join(["[]"] * 100_000) + "]"), with_member("[" + ",".join(['""'] * 100_000) + "]")])

    def test_poison_numbers(self):
        self.refuse_all("json_number_refused", [
            with_member(n) for n in (
                "1e-16384", "0e-999999999", "0.0e2147483648", "0." + "1" * 16384, "1e-16383", "1e309", "1e-309",
                "-1e309", "1E+400", "9" * 33, "0." + "9" * 33, "1e99999999999999999999", "0e99999999999999999999",
                "[" + ",".join(["1e-16383"] * 5000) + "]", "[" + ",".join(["1e308"] * 300) + "]",
                "[" + ",".join(["1e308"] * 18_000) + "]")])

    def test_neighbours_of_poison_numbers(self):
        for n in ("1e308", "1e-308", "9" * 32, "0." + "9" * 32, "-" + "9" * 32, "0e0", "0.0",
                  "[" + ",".join(["1e308"] * 200) + "]"):
            with self.subTest(number=n[:40]):
                self.assert_receipt(self.sink.post(with_member(n), self.write_token), 201)
                self.before += 1

    def test_media_types(self):
        for kind in ("text/plain", "application/xml", "application/json; charset=utf-16",
                     "application/json; charset=iso-8859-1", "application/jsonx", "json", "",
                     "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            with self.subTest(kind=kind):
                self.refuse(model_call(), "media_type_unsupported", headers=[("Content-Type", kind)])
        self.refuse(model_call(), "media_type_unsupported", headers=[("Content-Type", None)])
        twice = [("Content-Type", "application/json"), ("Content-Type", "application/json")]
        answer = self.sink.post(model_call(), self.write_token, headers=twice)
        self.assertIn(answer.status, (400, 415), answer)

    def test_media_types_taken(self):
        for kind in ("application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8",
                     'Application/JSON; charset="utf-8"'):
            with self.subTest(kind=kind):
                answer = self.sink.post(model_call(kind), self.write_token, headers=[("Content-Type", kind)])
                self.assert_receipt(answer, 201)
                self.before += 1

    def test_content_encodings(self):
        for coding in ("br", "gzip, gzip", "deflate", "compress", "x"):
            with self.subTest(coding=coding):
                answer = self.sink.post(model_call(), self.write_token, headers=[("Content-Encoding", coding)])
                self.assert_problem(answer, "content_encoding_unsupported")
                self.assertEqual(answer.header("accept-encoding"), "gzip, zstd")

    def test_encoded_bodies_are_decoded(self):
        body = json.dumps(model_call("encoded"), indent=2).encode()
        bodies = {"gzip": gzip.compress(body), "GZIP": gzip.compress(body[:9]) + gzip.compress(body[9:]),
                  "zstd": zstd(body), "identity": body}
        for coding, sent in bodies.items():
            with self.subTest(coding=coding):
                answer = self.sink.post(sent, self.write_token, uuid7(), [("Content-Encoding", coding)])
                self.assertEqual(self.assert_receipt(answer, 201)["sha256"], minified_sha256(body))
                self.before += 1

    def test_broken_encodings(self):
        body = gzip.compress(json.dumps(model_call("broken")).encode())
        for name, sent in {"plain": b"{}", "cut": body[:-1], "more": body + b"{}", "empty": b"",
                           "damaged": body[:-6] + b"xx" + body[-4:]}.items():
            with self.subTest(body=name):
                self.refuse(sent, "content_encoding_malformed", headers=[("Content-Encoding", "gzip")])

    def test_bombs(self):
        bomb = b"{" + b" " * (64 << 20)
        for coding, sent in {"gzip": gzip.compress(bomb), "zstd": zstd(bomb)}.items():
            with self.subTest(coding=coding):
                self.refuse(sent, "body_too_large", headers=[("Content-Encoding", coding)])

    def test_too_large_by_length(self):
        body = with_member('"' + "x" * 1_048_577 + '"')
        self.refuse(body, "body_too_large")
        # Refused by the length alone: the body need not be sent.
        with self.sink.connect() as connection:
            connection.send(b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                            b"Authorization: Bearer " + self.write_token.encode() +
                            b"\r\nContent-Length: 99999999999\r\n\r\n")
            self.assert_problem(connection.read(), "body_too_large")

    def test_too_large_chunked(self):
        body = with_member('"' + "x" * 1_048_577 + '"')
        self.refuse(body, "body_too_large", chunked=True)
        self.refuse(with_member('"' + "x" * 2_000_000 + '"'), "body_too_large", chunked=True)
        # One that goes on and on is cut off without an answer.
        try:
            answer = self.sink.post(with_member('"' + "x" * 50_000_000 + '"'), self.write_token, chunked=True)
            self.assert_problem(answer, "body_too_large")
        except voxtest.Refused:
            pass

    def test_largest_is_taken(self):
        body = with_member('"@"')
        body = body.replace(b"@", b"x" * (1_048_576 - len(body) + 1))
        self.assertEqual(len(body), 1_048_576)
        for chunked in (False, True):
            self.assert_receipt(self.sink.post(body, self.write_token, chunked=chunked), 201)
            self.before += 1

    def test_length_required(self):
        answer = self.sink.request("POST", "/v1/events", token=self.write_token,
                                   headers=[("Content-Type", "application/json")])
        self.assert_problem(answer, "length_required")
        self.assertEqual(answer.header("connection"), "close")

    def test_unknown_contracts(self):
        self.refuse_all("unknown_contract", [
            b"{}", b'{"Unheard":{}}', b'{"ModelCall":{},"BuildSummary":{}}', b'{"modelcall":{}}', b'{"a":1,"b":2}'])

    def test_class_above_the_projects(self):
        for contract, name, body, _ in samples("valid", classes=("S2",)):
            with self.subTest(contract=contract, sample=name):
                self.refuse(body, "class_not_allowed")

    def test_invalid_samples(self):
        for contract, name, body, expect in samples("invalid", classes=("S0", "S1")):
            with self.subTest(contract=contract, sample=name):
                self.assert_expected(self.refuse(body, expect["code"]), expect)

    def test_invalid_samples_of_class_s2(self):
        token = self.sink.token("s2", "ingest")
        self.sink.command("project", "set", "s2", "--max-class", "S2")
        body = next(body for _, _, body, expect in samples("invalid", "completion-run.v1")
                    if expect["code"] == "schema_invalid")  # the verdict that comes after the class
        wait_until(lambda: self.sink.post(body, token).code == "schema_invalid", "the raised class counts")
        for contract, name, body, expect in samples("invalid", classes=("S2",)):
            with self.subTest(contract=contract, sample=name):
                self.assert_expected(self.refuse(body, expect["code"], token=token), expect)

    def assert_expected(self, problem, expect):
        if "pointer" not in expect:
            self.assertNotIn("errors", problem)
            return
        found = [(e["pointer"], e["keyword"]) for e in problem["errors"]]
        self.assertIn((expect["pointer"], expect["keyword"]), found)
        self.assertTrue(all(e["message"] for e in problem["errors"]))

    def test_canary(self):
        """Nothing of a payload or a token comes back, or stands in the log, whatever is wrong with it."""
        canary = "canary" + uuid7().replace("-", "")
        token = self.write_token
        bad = token[:-1] + ("0" if token[-1] != "0" else "1")
        bodies = [
            f'{{"{canary}":1}}', f'{{"{canary}', f'"{canary}"', f'{{"a":"{canary}\\u0000"}}',
            f'{{"{canary}":1,"{canary}":2}}', f'{{"ModelCall":{{"{canary}":"{canary}","model":"{canary}"}}}}',
            json.dumps(model_call(canary, latency_ms=canary)), json.dumps(model_call(canary, model={canary: canary})),
            f'{{"ModelCall":"{canary}"}}', json.dumps({"ResearchMetric": {
                "session_id": canary, "metric_type": canary + "!", canary: 1}}),
            json.dumps({"LintFinding": {"rule_id": canary, "severity": canary, "relative_path": "/" + canary,
                                        "line": 0, "autofix_available": canary}})]
        for body in bodies:
            with self.subTest(body=body[:40]):
                answer = self.sink.post(body, token, uuid7())
                self.assertGreaterEqual(answer.status, 400)
                self.assert_unseen(answer, canary)
        for headers in ([("Idempotency-Key", canary)], [("X-Vox-Telemetry-At", canary)],
                        [("X-Vox-Telemetry-Contract", canary)], [("Content-Type", canary)],
                        [("Content-Encoding", canary)], [("webhook-id", canary + ".")]):
            with self.subTest(headers=headers):
                answer = self.sink.post(model_call(), token, headers=headers)
                self.assertGreaterEqual(answer.status, 400)
                self.assert_unseen(answer, canary)
        for target in (f"/{canary}", f"/v1/contracts/{canary}", f"/v1/receipts/{canary}",
                       f"/v1/admin/events?{canary}=1", f"/v1/admin/events?cursor={canary}"):
            with self.subTest(target=target):
                answer = self.sink.get(target, token=self.read_token)
                self.assertGreaterEqual(answer.status, 400)
                self.assert_unseen(answer, canary)
        for wrong in (bad, canary, "vts_" + canary):
            self.assert_unseen(self.sink.post(model_call(), wrong), wrong)
        log = self.sink.log()
        for secret in (canary, token, bad, token.split("_")[2], self.read_token):
            self.assertNotIn(secret, log)

    def assert_unseen(self, answer, text):
        self.assertNotIn(text.encode(), answer.body)
        self.assertNotIn(text, repr(answer.headers))

    def test_only_codes_of_the_table(self):
        """/metrics has counted no problem that the table does not have."""
        counted = {dict(labels)["code"] for (name, labels) in self.sink.metrics() if name == "vox_sink_problems_total"}
        self.assertEqual(counted - set(PROBLEMS), set())


class Tokens(SinkCase):
    """401, 403 and what goes before them."""

    def setUp(self):
        self.before = self.rows()

    def tearDown(self):
        self.assertEqual(self.rows(), self.before, "nothing was stored")

    def test_missing(self):
        answer = self.sink.post(model_call())
        self.assert_problem(answer, "token_missing")
        self.assertNotIn("error=", answer.header("www-authenticate"))

    def test_malformed(self):
        token = self.write_token
        for value in ("", "Bearer", "Bearer ", f"Basic {base64.b64encode(b'a:b').decode()}", token,
                      f"Bearer {token} {token}", f"Bearer {token},{token}", "Bearer " + "x" * 3000):
            with self.subTest(value=value[:30]):
                answer = self.sink.post(model_call(), headers=[("Authorization", value)])
                self.assertIn(answer.status, (400, 401), answer)
                self.assertIn(answer.code, ("authorization_malformed", "token_missing", "token_invalid"))
        # Beyond what a head may be it is no matter of tokens any more.
        for length in (5_000, 6_000):
            with self.subTest(length=length):
                answer = self.sink.post(model_call(), headers=[("Authorization", "Bearer " + "x" * length)])
                self.assert_problem(answer, "head_too_large")

    def test_two_authorizations(self):
        answer = self.sink.post(model_call(), self.write_token,
                                headers=[("Authorization", f"Bearer {self.write_token}")])
        self.assert_problem(answer, "authorization_malformed")

    def test_elsewhere_is_no_token(self):
        token = self.write_token
        self.assert_problem(self.sink.post(model_call(), headers=[("Cookie", f"token={token}")]), "token_missing")
        answer = self.sink.request("POST", f"/v1/events?access_token={token}", json.dumps(model_call()))
        self.assertIn(answer.code, ("token_missing", "query_malformed"))

    def test_scheme_in_any_case(self):
        # Asked of a reader, so that nothing is stored.
        for scheme in ("bearer", "BEARER"):
            header = ("Authorization", f"{scheme} {self.read_token}")
            answer = self.settled(lambda h=header: self.sink.get(f"/v1/receipts/{uuid7()}", headers=[h]))
            self.assert_problem(answer, "receipt_unknown")

    def test_not_accepted(self):
        token = self.write_token
        crc = token[:-1] + ("0" if token[-1] != "0" else "1")
        unknown = self.another_clusters_token()
        revoked = self.sink.token("demo", "ingest")
        self.wait_accepted(revoked)
        self.sink.command("token", "revoke", revoked.split("_")[1])
        wait_until(lambda: self.sink.get(f"/v1/receipts/{uuid7()}", token=revoked).status == 401, "revoked counts")
        later = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
        expired = self.sink.token("demo", "ingest", "--expires", later.strftime("%Y-%m-%dT%H:%M:%SZ"))
        self.wait_accepted(expired)
        self.sql("UPDATE telemetry.tokens SET expires_at = clock_timestamp() "
                 f"WHERE key_id = '{expired.split('_')[1]}'")
        wait_until(lambda: self.sink.get(f"/v1/receipts/{uuid7()}", token=expired).status == 401, "expired counts")
        bodies = set()
        for wrong in (crc, unknown, revoked, expired, token[:-2], "vts_a_b_c"):
            with self.subTest(wrong=wrong[:14]):
                answer = self.settled(lambda w=wrong: self.sink.post(model_call(), w))
                problem = self.assert_problem(answer, "token_invalid")
                self.assertIn('error="invalid_token"', answer.header("www-authenticate"))
                bodies.add(json.dumps({k: v for k, v in problem.items() if k != "instance"}))
        self.assertEqual(len(bodies), 1, "nobody can tell unknown, revoked and expired apart")

    def another_clusters_token(self):
        """Well-formed, with a right checksum, and unknown here: made in another database."""
        name = self.database + "_other"
        self.cluster.create_database(name)
        self.addCleanup(self.cluster.drop_database, name)
        sink = type(self.sink)(self.cluster.url(name))
        sink.migrate()
        return sink.token()

    def test_new_token_works_at_once(self):
        token = self.sink.token("fresh", "ingest")
        answer = self.settled(lambda: self.sink.get(f"/v1/receipts/{uuid7()}", token=token))
        self.assert_problem(answer, "receipt_unknown")

    def test_new_token_with_a_long_body(self):
        """A body that is not awaited: the token may be asked to come again, and is never called bad."""
        event = {**model_call(), "padding": "x" * 100_000}
        for _ in range(10):
            token = self.sink.token("fresh", "ingest")
            answer = self.sink.post(event, token)
            if answer.status == 503:
                self.assert_problem(answer, "not_ready")
                answer = wait_until(lambda: (lambda a: a if a.status != 503 else None)(self.sink.post(event, token)),
                                    "the tokens are read again")
            self.assert_problem(answer, "unknown_contract")
        unknown = self.another_clusters_token()
        self.assert_problem(self.sink.post(event, unknown), "not_ready")
        wait_until(lambda: self.sink.post(event, unknown).code == "token_invalid", "the tokens are read again")

    def test_new_token_that_asks_before_its_body(self):
        """Whoever waits for 100 Continue with a token made this moment hears it, or is asked to come again; never 401."""
        def ask(token):
            with self.sink.connect() as connection:
                connection.send(f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                                "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n".encode())
                head = connection._until(b"\r\n\r\n")
                status = int(head.split(b" ")[1])
                self.assertEqual(status == 503, b"\r\nretry-after: " in head.lower())
                return status

        for _ in range(10):
            token = self.sink.token("fresh", "ingest")
            seen = set()
            wait_until(lambda: seen.add(ask(token)) or 100 in seen, "the token is known")
            self.assertLessEqual(seen, {100, 503})
        unknown = self.another_clusters_token()
        self.assertEqual(ask(unknown), 503)
        wait_until(lambda: ask(unknown) == 401, "the tokens are read again")

    def test_scopes(self):
        answer = self.sink.post(model_call(), self.read_token)
        self.assert_problem(answer, "scope_insufficient")
        self.assertIn('error="insufficient_scope"', answer.header("www-authenticate") or "")
        self.assert_problem(self.sink.get("/v1/admin/events", token=self.write_token), "scope_insufficient")
        admin = self.sink.token("demo", "admin")
        self.assert_problem(self.sink.post(model_call(), admin), "scope_insufficient")

    def test_before_the_body(self):
        """A client that expects 100-continue is told no before it sends anything."""
        crc = self.write_token[:-1] + ("0" if self.write_token[-1] != "0" else "1")
        for token, length, code in ((crc, 10, "token_invalid"), (self.write_token, 2_000_000, "body_too_large")):
            with self.subTest(code=code), self.sink.connect() as connection:
                connection.send(f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                                f"Content-Type: application/json\r\nContent-Length: {length}\r\n"
                                "Expect: 100-continue\r\n\r\n".encode())
                connection._until(b"\r\n")
                connection.pending = b"HTTP/1.1 100 told\r\n\r\n" + connection.pending
                # The first line was no 100: the rest is the final answer's headers.
                head = connection.rest()
                self.assertNotIn(b"100 Continue", head)
                self.assertIn(f'"code":"{code}"'.encode(), head)


class Routes(SinkCase):
    """404, 405 and HEAD."""

    def test_unknown_paths(self):
        for target in ("/", "/v1", "/v1/", "/v1/event", "/v1/events/", "/v1/events/x", "/v2/events", "/V1/EVENTS",
                       "/v1/receipts", "/v1/receipts/", "/v1/contracts/", "/v1/admin", "/metrics/", "/index.html"):
            with self.subTest(target=target):
                self.assert_problem(self.sink.get(target), "route_unknown")

    def test_methods(self):
        for method, target, allowed in (
                ("GET", "/v1/events", {"POST"}), ("PUT", "/v1/events", {"POST"}), ("DELETE", "/v1/events", {"POST"}),
                ("PATCH", "/v1/events", {"POST"}), ("TRACE", "/v1/events", {"POST"}), ("post", "/v1/events", {"POST"}),
                ("OPTIONS", "/v1/events", {"POST"}), ("G@T", "/healthz", {"GET", "HEAD"}),
                ("POST", "/healthz", {"GET", "HEAD"}), ("POST", "/v1/contracts", {"GET", "HEAD"})):
            with self.subTest(method=method, target=target):
                body = b"{}" if method in ("PUT", "PATCH", "POST") else None
                answer = self.sink.request(method, target, body)
                if method == "G@T" and answer.status == 400:
                    continue  # refused for its framing
                self.assert_problem(answer, "method_not_allowed")
                self.assertEqual({m.strip() for m in answer.header("allow").split(",")}, allowed)

    def test_connect_is_no_tunnel(self):
        with self.sink.connect() as connection:
            connection.send(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")
            self.assertIn(connection.read().status, (400, 404, 405))

    def test_head(self):
        with self.sink.connect() as connection:
            whole = connection.request("GET", "/healthz")
            head = connection.request("HEAD", "/healthz")
            self.assertEqual((head.status, head.body), (200, b""))
            self.assertEqual(head.header("content-type"), whole.header("content-type"))
            self.assertEqual(connection.request("GET", "/healthz").status, 200)


class Fidelity(SinkCase):
    """What is read back is equal to what was sent, numbers as decimals."""

    NUMBERS = ["0.1", "1.10", "9007199254740993", "18446744073709551615", "18446744073709551616", "1e2", "-0", "0",
               "-0.0", "1E-7", "123456789012345678901234567890.12", "0.30000000000000004", "-9223372036854775808",
               "3.141592653589793238462643383279", "1e-300", "2.5e+3"]
    STRINGS = ["", "plain", "\u00e9", "\u20ac", "\U0001f600", "\u2028\u2029", "\u007f", "\ufeff", "\ufffe", "\"\\/",
               "\b\f\n\r\t\u0001\u001f", "\u0000".replace("\u0000", "nul-less"), "a\u0301", "\U0010ffff", "x" * 5000]

    def read_back(self, event_id, contract="model-call.v1"):
        answer = self.settled(lambda: self.sink.get(f"/v1/admin/events?limit=1000&contract={contract}",
                                                    token=self.read_token, headers=[("Accept", "application/x-ndjson")]))
        self.assertEqual(answer.status, 200, answer)
        for line in answer.body.splitlines():
            row = json.loads(line, parse_float=decimal.Decimal, parse_int=decimal.Decimal)
            if row.get("event_id") == event_id:
                return row
        self.fail("the event is not in the answer")

    def test_numbers(self):
        event_id = uuid7()
        body = with_member("[" + ",".join(self.NUMBERS) + "]")
        self.assert_receipt(self.sink.post(body, self.write_token, event_id), 201)
        found = self.read_back(event_id)["event"]["ModelCall"]["x"]
        self.assertEqual(found, [decimal.Decimal(n) for n in self.NUMBERS])

    def test_strings(self):
        for escaped in (True, False):
            event_id = uuid7()
            body = with_member(json.dumps(self.STRINGS, ensure_ascii=escaped), "x\u00e9" if not escaped else "x")
            self.assert_receipt(self.sink.post(body, self.write_token, event_id), 201)
            call = self.read_back(event_id)["event"]["ModelCall"]
            self.assertEqual(call["x" if escaped else "x\u00e9"], self.STRINGS)

    def test_whole_samples(self):
        for contract, name, body, _ in samples("valid", classes=("S0", "S1")):
            with self.subTest(contract=contract, sample=name):
                event_id = uuid7()
                receipt = self.assert_receipt(self.sink.post(body, self.write_token, event_id), 201, contract)
                row = self.read_back(event_id, contract)
                self.assertEqual(row["event"],
                                 json.loads(body, parse_float=decimal.Decimal, parse_int=decimal.Decimal))
                self.assertEqual((row["contract"], row["sha256"], row["received_at"]),
                                 (contract, receipt["sha256"], receipt["received_at"]))
