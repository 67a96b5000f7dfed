# SPDX-License-Identifier: Apache-2.0
"""Quarantine: what fails its schema is kept aside where the token's policy says so, acknowledged, and replayed."""

import json
import pathlib
import shutil
import tempfile
import unittest

from voxtest import CONTRACTS, SinkCase, minified_sha256, model_call, uuid7, wait_until

INVALID = model_call("bad", latency_ms=-1)
UNKNOWN = {"Nobody": {"knows": "this"}}


class Quarantine(SinkCase):
    serve = False  # until its tokens are there

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.aside = cls.sink.token("demo", "ingest,read", "--on-invalid", "quarantine")
        cls.both = cls.sink.token("replayed", "ingest,read", "--on-invalid", "quarantine")
        cls.sink.start().ready()

    def quarantined(self, key):
        return self.sql("SELECT code, contract, pointer, convert_from(body, 'UTF8'), "
                        "expires_on - (received_at AT TIME ZONE 'UTC')::date "
                        f"FROM telemetry.quarantine WHERE event_id = '{key}'")

    def listed(self, *argv):
        done = self.sink.command("quarantine", "list", "--json", *argv)
        return {row["event_id"]: row for row in json.loads(done.stdout)["quarantine"]}

    def assert_kept(self, body, key, contract):
        answer = self.sink.post(body, self.aside, key)
        receipt = self.assert_receipt(answer, 202, contract, key)
        self.assertEqual(receipt["sha256"], minified_sha256(json.dumps(body)))
        self.assertEqual(self.stored(key), 0)
        self.assertEqual(self.sql(f"SELECT state, expires_on - (received_at AT TIME ZONE 'UTC')::date FROM telemetry.event_keys "
                                  f"WHERE event_id = '{key}'"), [["1", "30"]])
        # Again: a duplicate, and nothing twice; other content under that id is a conflict.
        again = self.assert_receipt(self.sink.post(body, self.aside, key), 200, contract, key)
        self.assertEqual(again["received_at"], receipt["received_at"])
        self.assert_problem(self.sink.post({**body, "x": 1}, self.aside, key), "event_id_reused")
        self.assert_problem(self.sink.post(model_call("other"), self.aside, key), "event_id_reused")
        self.assertEqual(len(self.quarantined(key)), 1)
        # Asked for, the receipt is the same, and says where the event lies.
        asked = self.settled(lambda: self.sink.get(f"/v1/receipts/{key}", token=self.aside))
        self.assertEqual((asked.status, asked.json()), (200, {**receipt, "quarantined": True}))
        other = self.settled(lambda: self.sink.get(f"/v1/receipts/{key}", token=self.both))
        self.assert_problem(other, "receipt_unknown")

    def test_a_schema_failure(self):
        key = uuid7()
        self.assert_kept(INVALID, key, "model-call.v1")
        self.assertEqual(self.quarantined(key)[0],
                         ["schema_invalid", "model-call.v1", "/ModelCall/latency_ms",
                          json.dumps(INVALID, separators=(",", ":")), "30"])

    def test_an_unknown_contract(self):
        key = uuid7()
        self.assert_kept(UNKNOWN, key, "unknown")
        self.assertEqual(self.quarantined(key)[0][:3], ["unknown_contract", "", ""])

    def test_an_unknown_contract_that_the_client_names(self):
        key = uuid7()
        answer = self.sink.post(UNKNOWN, self.aside, key, headers=[("X-Vox-Telemetry-Contract", "nobody.v7")])
        self.assert_receipt(answer, 202, "unknown", key)
        self.assertEqual(self.quarantined(key)[0][:3], ["unknown_contract", "nobody.v7", ""])

    def test_in_one_batch_with_good_ones(self):
        good, bad = uuid7(), uuid7()
        self.assert_receipt(self.sink.post(model_call("good"), self.aside, good), 201)
        self.assert_receipt(self.sink.post(INVALID, self.aside, bad), 202)
        self.assertEqual((self.stored(good), self.stored(bad)), (1, 0))

    def test_lines_of_a_batch(self):
        good, bad, unknown = uuid7(), uuid7(), uuid7()
        lines = [{"id": good, "event": model_call("good")}, {"id": bad, "event": INVALID},
                 {"id": unknown, "event": UNKNOWN}]
        body = "".join(json.dumps(line) + "\n" for line in lines)
        for statuses in ([201, 202, 202], [200, 200, 200]):
            answer = self.sink.request(
                "POST", "/v1/batch", body, token=self.aside,
                headers=[("Content-Type", "application/vnd.vox.telemetry.batch+ndjson")])
            self.assertEqual(answer.status, 200, answer)
            verdicts = [json.loads(line) for line in answer.body.decode().splitlines()]
            self.assertEqual([v["status"] for v in verdicts], statuses)
            self.assertEqual([v["receipt"]["contract"] for v in verdicts], ["model-call.v1", "model-call.v1", "unknown"])
        self.assertEqual([self.stored(key) for key in (good, bad, unknown)], [1, 0, 0])
        self.assertEqual([len(self.quarantined(key)) for key in (good, bad, unknown)], [0, 1, 1])

    def test_other_policies_and_other_refusals_keep_nothing(self):
        before = self.value("SELECT count(*) FROM telemetry.quarantine")
        self.assert_problem(self.sink.post(INVALID, self.write_token), "schema_invalid")
        self.assert_problem(self.sink.post(UNKNOWN, self.write_token), "unknown_contract")
        for body, code in (
                (b'{"a":1', None), (b"[1]", "json_not_object"), (b'{"a":1,"a":2}', None),
                (model_call("/home/someone/secret"), "content_refused"),
                # Fails its schema and the guard too: nothing of it may be kept.
                (model_call("/home/someone/secret", latency_ms=-1), "schema_invalid"),
                ({"Nobody": {"path": "/home/someone/secret"}}, "unknown_contract"),
                (json.loads((CONTRACTS / "samples/completion-run.v1/valid/typical.json").read_text()),
                 "class_not_allowed")):
            answer = self.sink.post(body, self.aside)
            self.assertGreaterEqual(answer.status, 400, body)
            if code:
                self.assert_problem(answer, code)
        self.assertEqual(self.value("SELECT count(*) FROM telemetry.quarantine"), before)

    def test_list_and_show(self):
        key = uuid7()
        self.assert_receipt(self.sink.post(INVALID, self.aside, key), 202)
        row = self.listed("--project", "demo")[key]
        self.assertEqual((row["project"], row["code"], row["contract"], row["pointer"]),
                         ("demo", "schema_invalid", "model-call.v1", "/ModelCall/latency_ms"))
        self.sink.token("nobody", "read")
        self.assertEqual(self.listed("--project", "nobody"), {})
        for command in ("list", "replay"):
            done = self.sink.command("quarantine", command, "--project", "unheard", check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn('no project "unheard"', done.stderr)
        text = self.sink.command("quarantine", "list").stdout
        self.assertRegex(text, rf"{key} +demo ")
        self.assertNotIn("claude", text, "a list shows no payload")
        self.assertEqual(json.loads(self.sink.command("quarantine", "show", key).stdout), INVALID)
        self.assertEqual(self.sink.command("quarantine", "show", uuid7(), check=False).returncode, 1)
        self.assertEqual(self.sink.command("quarantine", "show", "x", check=False).returncode, 2)

    def test_replay(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="vox-contracts-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        shutil.copytree(CONTRACTS, folder / "contracts")
        folder.chmod(0o755)
        still_bad, mended, erased, late = uuid7(), uuid7(), uuid7(), uuid7()
        for key, body in ((still_bad, model_call("x", model=7)), (mended, INVALID), (erased, INVALID)):
            self.assert_receipt(self.sink.post(body, self.both, key), 202)
        self.sink.command("project", "set", "replayed", "--max-class", "S2")
        past = {"detector_id": "d", "scope": "s", "reason": "r", "owner": "", "expires_at": "2024-02-01T00:00:00Z"}
        wait_until(lambda: self.sink.post(past, self.both, late).status in (200, 202), "the raised class counts")
        received = self.listed("--project", "replayed")[mended]["received_at"]
        self.sql(f"UPDATE telemetry.event_keys SET state = 2, sha256 = NULL WHERE event_id = '{erased}'")
        done = self.sink.command("quarantine", "replay", "--project", "replayed")
        self.assertEqual(done.stdout, "0 events moved out of quarantine, 4 stay\n")
        # The contracts learn to take what they refused. What states a day that has passed stays all the same.
        for contract, old, new in (("model-call", '"minimum": 0', '"minimum": -5'),
                                   ("completion-suppression", '"minLength": 1', '"minLength": 0')):
            schema = folder / f"contracts/{contract}.v1.schema.json"
            text = schema.read_text()
            self.assertIn(old, text)
            schema.write_text(text.replace(old, new))
        done = self.sink.command("quarantine", "replay", "--project", "replayed", "--contracts-dir",
                                 str(folder / "contracts"))
        self.assertEqual(done.stdout, "1 events moved out of quarantine, 3 stay\n")
        self.assertEqual(set(self.listed("--project", "replayed")), {still_bad, erased, late})
        self.assertEqual([self.stored(key) for key in (mended, erased, late)], [1, 0, 0])
        receipt = self.settled(lambda: self.sink.get(f"/v1/receipts/{mended}", token=self.both)).json()
        self.assertEqual(receipt["received_at"], received)
        self.assertEqual(receipt["contract"], "model-call.v1")
        page = self.settled(lambda: self.sink.get("/v1/admin/events?contract=model-call.v1", token=self.both))
        events = page.json()["events"]
        self.assertEqual([(e["event_id"], e["event"]) for e in events], [(mended, INVALID)])
        self.assertEqual(self.value(f"SELECT expires_on - (received_at AT TIME ZONE 'UTC')::date = (SELECT days FROM telemetry.contract_retention r "
                                    f"WHERE r.contract_id = e.contract_id) FROM telemetry.events e WHERE event_id = '{mended}'"), "t")

    def test_replay_keeps_to_the_tokens_contracts(self):
        """What came by a token that may send one contract alone is not stored as another by a replay."""
        listed = self.sink.token("listed", "ingest", "--on-invalid", "quarantine", "--contracts", "model-call.v1")
        folder = pathlib.Path(tempfile.mkdtemp(prefix="vox-contracts-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, folder)
        shutil.copytree(CONTRACTS, folder / "contracts")
        folder.chmod(0o755)
        key = uuid7()
        self.wait_accepted(listed)
        self.assert_receipt(self.sink.post(INVALID, listed, key), 202)
        schema = folder / "contracts/model-call.v1.schema.json"
        schema.write_text(schema.read_text().replace('"minimum": 0', '"minimum": -5'))
        replay = ("quarantine", "replay", "--project", "listed", "--contracts-dir", str(folder / "contracts"))
        # The list is today's, as the contracts are.
        self.sink.command("token", "set", listed.split("_")[1], "--contracts", "model-discovery")
        self.assertEqual(self.sink.command(*replay).stdout, "0 events moved out of quarantine, 1 stay\n")
        self.assertEqual((self.stored(key), len(self.quarantined(key))), (0, 1))
        self.sink.command("token", "set", listed.split("_")[1], "--contracts", "model-call")
        self.assertEqual(self.sink.command(*replay).stdout, "1 events moved out of quarantine, 0 stay\n")
        self.assertEqual((self.stored(key), len(self.quarantined(key))), (1, 0))

    def test_metrics(self):
        name = ("vox_sink_events_total", (("contract", "unknown"), ("outcome", "quarantined")))
        before = self.sink.metrics().get(name, 0)
        self.sink.post({"Nobody": {"knows": uuid7()}}, self.aside)
        wait_until(lambda: self.sink.metrics().get(name, 0) == before + 1, "the quarantined event is counted")


if __name__ == "__main__":
    unittest.main()
