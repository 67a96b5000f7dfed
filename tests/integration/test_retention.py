# SPDX-License-Identifier: Apache-2.0
"""Retention: expired weeks go while two sinks serve, the plan covers everything, rows follow a changed policy."""

import json
import subprocess
import unittest

from voxtest import SinkCase, model_call, uuid7, wait_until

# In one transaction: a keeper that looks between the statements would drop the week before it has its rows.
OLD_WEEK = """
BEGIN;
CREATE TABLE telemetry.events_p20200106 (LIKE telemetry.events INCLUDING ALL);
ALTER TABLE telemetry.events ATTACH PARTITION telemetry.events_p20200106 FOR VALUES FROM ('2020-01-06') TO ('2020-01-13');
INSERT INTO telemetry.events (received_at, event_id, project_id, contract_id, token_id, expires_on, due_on, class, sha256, payload)
SELECT '2019-01-07', gen_random_uuid(), 1, (SELECT id FROM telemetry.contracts WHERE name = 'model-call.v1'), 1,
       '2020-01-07', '2020-01-07', 1, sha256('x'), '{}' FROM generate_series(1, 5);
COMMIT;
"""
SUPPRESSION = "completion-suppression.v1"
IN_TABLE = "SELECT count(*) FROM pg_class WHERE relname = 'events_p20200106'"


def upkeep_failures(log):
    """The lines that say so. That the database did not answer in time (duty=database) is the machine's doing."""
    return [line for line in log.splitlines() if "upkeep failed" in line and "duty=database" not in line]


class TwoSinks(SinkCase):
    options = {"keeper_interval": 1}

    def store(self, trace, key):
        """As a client does: 503 is asked again. A row waits half a second for a lock, a slow disk may hold one longer."""
        answer = self.settled(lambda: self.sink.post(model_call(trace), self.write_token, key))
        self.assertIn(answer.status, (200, 201), answer)

    def test_one_of_them_drops_what_has_expired(self):
        other = self.new_sink(**self.options).start().ready()

        def dropped():
            return sum(s.metrics().get(("vox_sink_expired_partitions_total", ()), 0) for s in (self.sink, other))

        before = dropped()
        self.sql(OLD_WEEK)
        old = "/v1/admin/events?since=2019-01-01T00:00:00Z&until=2020-01-01T00:00:00Z"
        page = self.settled(lambda: self.sink.get(old, token=self.read_token)).json()
        self.assertEqual(page["events"], [], "not shown, though it still lies there")
        keys = [uuid7() for _ in range(20)]
        for key in keys:  # ingest goes on meanwhile
            self.store("on", key)
        wait_until(lambda: self.value(IN_TABLE) == "0", "the expired week is gone")
        wait_until(lambda: dropped() > before, "one of the two counted it")
        for key in keys:
            self.assertEqual(self.stored(key), 1)
        self.assertEqual(upkeep_failures(other.log()), [])

    def test_a_reader_in_the_way_holds_up_nobody(self):
        holder = subprocess.Popen(
            [str(self.cluster.bin / "psql"), "-XAtq", self.cluster.url(self.database)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.wait, 60)
        self.addCleanup(holder.stdin.close)
        holder.stdin.write("BEGIN; SELECT count(*) FROM telemetry.events; \\echo held\n")
        holder.stdin.flush()
        lines = iter(holder.stdout.readline, "")
        self.assertIn("held\n", lines)
        self.addCleanup(holder.stdout.close)
        # Made aside: attaching it waits for no reader.
        self.sql(OLD_WEEK)
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        wait_until(lambda: self.value(waiting) != "0", "a sink tries to drop it", interval=0.005)
        for _ in range(10):
            self.store("held", uuid7())
        self.assertEqual(self.value(IN_TABLE), "1")
        holder.stdin.write("COMMIT;\n")
        holder.stdin.flush()
        wait_until(lambda: self.value(IN_TABLE) == "0", "it is dropped once the reader has gone")

    def test_a_keeper_that_cannot_work_stops_no_ingest(self):
        # Upkeep may not even make partitions, and those made ahead are gone: each is made when a row needs it.
        self.sql("ALTER FUNCTION telemetry.drop_expired(text, date) RENAME TO drop_expired_away")
        self.addCleanup(self.sql, "ALTER FUNCTION telemetry.drop_expired_away(text, date) RENAME TO drop_expired")
        self.sql(OLD_WEEK)
        wait_until(lambda: upkeep_failures(self.sink.log()), "upkeep fails and says so")
        self.sql("DO $$DECLARE p record; BEGIN FOR p IN SELECT inhrelid::regclass AS name FROM pg_inherits "
                 "WHERE inhparent = 'telemetry.events'::regclass AND inhrelid::regclass::text ~ '_p20' "
                 "AND inhrelid <> 'telemetry.events_p20200106'::regclass "
                 "LOOP EXECUTE 'DROP TABLE ' || p.name; END LOOP; END$$")
        key = uuid7()
        self.store("alone", key)
        self.assertEqual(self.stored(key), 1)
        self.sql("DROP TABLE IF EXISTS telemetry.events_p20200106")

    def test_a_week_that_cannot_be_made_holds_up_nothing_else(self):
        """Its name is another table's. The weeks around it are made, the ledger turns, what has expired goes."""
        week = self.value("SELECT max(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = "
                          "'telemetry.events'::regclass AND c.relname ~ '^events_p'")
        other = self.value("SELECT min(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = "
                           "'telemetry.quarantine'::regclass AND c.relname ~ '^quarantine_p'")
        metric = "vox_sink_upkeep_failing", (("duty", "partitions"),)
        offset = len(self.sink.log())
        self.sql(f"BEGIN; DROP TABLE telemetry.{week}; CREATE TABLE telemetry.{week} (theirs int); "
                 f"DROP TABLE telemetry.{other}; COMMIT")
        wait_until(lambda: self.sink.metrics().get(metric) == 1, "the week cannot be made")
        self.sql(f"UPDATE telemetry.ledger SET opened_at = opened_at - interval '91 days'; {OLD_WEEK}")
        generations = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'telemetry.event_keys'::regclass"
        wait_until(lambda: self.value(generations) == "2", "the ledger has turned")
        wait_until(lambda: self.value(IN_TABLE) == "0", "the expired week is gone")
        wait_until(lambda: self.value(f"SELECT count(*) FROM pg_class WHERE relname = '{other}'") == "1", "the other is made")
        self.assertEqual(self.sink.metrics()[metric], 1)
        said = [line for line in upkeep_failures(self.sink.log()[offset:]) if "duty=partitions" in line]
        self.assertEqual(len(said), 1, "said once")
        self.assertRegex(said[0], week[-8:-4])
        self.sql(f"DROP TABLE telemetry.{week}")
        wait_until(lambda: {value for (name, _), value in self.sink.metrics().items() if name == metric[0]} == {0},
                   "the week is made, and no duty fails")
        wait_until(lambda: '"upkeep works again" duty=partitions' in self.sink.log(), "the log says so")


class Commands(SinkCase):
    options = {"keeper_interval": 3600}

    def plan(self, code=0):
        done = self.sink.command("retention", "plan", "--json", check=False)
        self.assertEqual((done.returncode, done.stderr), (code, ""), done)
        return json.loads(done.stdout)

    def test_plan_and_apply(self):
        wait_until(lambda: self.sink.metrics().get(("vox_sink_partitions_ahead_days", ())) == 35, "the keeper's first look")
        # Its keeper looks again when contracts were told: it would drop what is to be planned.
        self.sink.stop()
        self.addCleanup(self.sink.ready)
        self.addCleanup(self.sink.start)
        self.sql(OLD_WEEK)
        plan = self.plan()
        served = {f"{c['contract']}" for c in plan["contracts"]}
        self.assertEqual(served, {row[0] for row in self.sql("SELECT name FROM telemetry.contracts")})
        self.assertGreater(len(served), 30)
        self.assertEqual([c for c in plan["contracts"] if not c["covered"]], [])
        self.assertEqual(
            {t["table"] for t in plan["tables"]},
            {row[0] for row in self.sql("SELECT relname FROM pg_class WHERE relnamespace = 'telemetry'::regnamespace "
                                        "AND relkind IN ('r', 'p') AND NOT relispartition")})
        self.assertEqual([t for t in plan["tables"] if not t["covered"]], [])
        expired = [p for p in plan["partitions"] if p["expired"]]
        self.assertEqual([(p["name"], p["from"], p["to"], p["rows"]) for p in expired],
                         [("events_p20200106", "2020-01-06", "2020-01-13", 5)])
        self.assertEqual([c["expired_rows"] for c in plan["contracts"] if c["contract"] == "model-call.v1"], [5])
        text = self.sink.command("retention", "plan").stdout
        self.assertRegex(text, r"events_p20200106 +2020-01-06 +2020-01-13 +5 +\d+ +drop")
        self.assertIn("1 expired partition dropped", self.sink.command("retention", "apply").stdout)
        self.assertEqual([p for p in self.plan()["partitions"] if p["expired"]], [])
        self.assertIn("0 expired partitions dropped", self.sink.command("retention", "apply").stdout)

    def test_plan_tells_rows_before_any_analyze(self):
        """Exact where a partition is small; of a large one about how many, by a sample and then by the server."""
        self.sql("ALTER TABLE telemetry.events_infinity SET (autovacuum_enabled = false)")
        rows = ("INSERT INTO telemetry.events (received_at, event_id, project_id, contract_id, token_id, expires_on, due_on, "
                "class, sha256, payload) SELECT now(), gen_random_uuid(), 1, (SELECT id FROM telemetry.contracts "
                "WHERE name = 'model-call.v1'), 1, 'infinity', NULL, 1, sha256('x'), to_jsonb(repeat('y', 1200)) "
                "FROM generate_series(1, %d)")
        self.sql(rows % 3)

        def forever():
            return next(p for p in self.plan()["partitions"] if p["name"] == "events_infinity")

        plan = self.plan()["partitions"]
        self.assertEqual([p["name"] for p in plan if p["rows"] is None or not p["rows_exact"]], [])
        self.assertEqual(forever()["rows"], 3)
        self.sql(rows % 6000)
        self.assertFalse(forever()["rows_exact"])
        self.assertTrue(3000 < forever()["rows"] < 9000, forever())
        self.assertRegex(self.sink.command("retention", "plan").stdout, r"events_infinity .* ~\d+ ")
        self.sql("ANALYZE telemetry.events_infinity")
        self.assertTrue(5900 < forever()["rows"] < 6100, forever())
        self.sql("TRUNCATE telemetry.events_infinity")

    def test_plan_says_what_is_not_covered(self):
        self.sql("CREATE TABLE telemetry.stray ()")
        self.addCleanup(self.sql, "DROP TABLE telemetry.stray")
        plan = self.plan(code=4)
        self.assertEqual([t["table"] for t in plan["tables"] if not t["covered"]], ["stray"])

    def test_reassign(self):
        key = uuid7()
        self.assert_receipt(self.sink.post(model_call("moves"), self.write_token, key), 201)
        self.sql("INSERT INTO telemetry.contract_retention (contract_id, days, valid_from) "
                 "SELECT id, 14, clock_timestamp() FROM telemetry.contracts WHERE name = 'model-call.v1'")
        done = self.sink.command("retention", "apply", "--reassign", "model-call.v1")
        self.assertRegex(done.stdout, r"model-call\.v1: \d+ rows looked at, [1-9]\d* moved to another day, 0 deleted")
        self.assertEqual(self.value(f"SELECT expires_on - (received_at AT TIME ZONE 'UTC')::date FROM telemetry.events WHERE event_id = '{key}'"), "14")
        page = self.settled(lambda: self.sink.get("/v1/admin/events?contract=model-call.v1", token=self.read_token)).json()
        self.assertIn(key, {e["event_id"] for e in page["events"]}, "queries find it where it now lies")
        self.assert_receipt(self.sink.post(model_call("moves"), self.write_token, key), 200)
        for contract, words in (("nobody.v1", "knows no contract"), ("completion-suppression.v1", "dates of their own")):
            done = self.sink.command("retention", "apply", "--reassign", contract, check=False)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(words, done.stderr)

    def test_usage(self):
        for argv in (("retention",), ("retention", "plan", "extra"), ("retention", "apply", "--reassign")):
            self.assertEqual(self.sink.command(*argv, check=False).returncode, 2, argv)


class AnotherDay(SinkCase):
    """The database's clock is days from the sink's: its day decides, for all of its sinks alike."""

    def move_clock(self, days):
        """For the sink, who asks for it by name; not for what the server compiled before."""
        self.sql("ALTER FUNCTION pg_catalog.clock_timestamp() RENAME TO real_timestamp; "
                 "CREATE FUNCTION pg_catalog.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE "
                 f"AS $$SELECT pg_catalog.real_timestamp() + interval '{days} days'$$; "
                 "CREATE OR REPLACE FUNCTION telemetry.today() RETURNS date LANGUAGE sql STABLE PARALLEL SAFE "
                 f"RETURN (now() AT TIME ZONE 'UTC' + interval '{days} days')::date")

    def dated(self, day):
        return {"detector_id": "d", "scope": "s", "reason": "r", "owner": "o", "created_at": None, "expires_at": day,
                "approved_by": None}

    def post_dated(self, day, key):
        return self.settled(lambda: self.sink.post(self.dated(day), self.suppression_token, key))

    def post_with_date(self, day, key):
        return self.post_dated(day, key).status

    def day(self, number):
        return self.value(f"SELECT (now() AT TIME ZONE 'UTC')::date + {number}")

    def setUp(self):
        self.sink.command("project", "create", self.id().rsplit(".", 1)[1], "--max-class", "S2")
        self.suppression_token = self.sink.token(self.id().rsplit(".", 1)[1], "ingest")

    def restore_clock(self):
        self.sql("DROP FUNCTION pg_catalog.clock_timestamp(); "
                 "ALTER FUNCTION pg_catalog.real_timestamp() RENAME TO clock_timestamp; "
                 "CREATE OR REPLACE FUNCTION telemetry.today() RETURNS date LANGUAGE sql STABLE PARALLEL SAFE "
                 "RETURN (now() AT TIME ZONE 'UTC')::date")

    def test_a_date_of_its_own_is_judged_by_the_databases_day(self):
        past, coming = self.day(-3), self.day(2)
        key = uuid7()
        self.assertEqual([self.post_with_date(past, uuid7()), self.post_with_date(coming, uuid7())], [422, 201])
        self.move_clock(-5)
        wait_until(lambda: self.post_with_date(past, key) in (200, 201), "the sink knows the database's clock", interval=0.2)
        self.assertEqual(self.value(f"SELECT due_on FROM telemetry.events WHERE event_id = '{key}'"), past)
        self.restore_clock()
        self.move_clock(5)
        wait_until(lambda: self.post_with_date(coming, uuid7()) == 422, "a day that has passed there", interval=0.2)
        self.assertEqual(self.post_with_date(self.day(7), uuid7()), 201)
        self.restore_clock()

    def verdicts(self, keys, day):
        body = "".join(json.dumps({"id": key, "event": self.dated(day)}) + "\n" for key in keys)

        def send():
            answer = self.sink.request("POST", "/v1/batch", body, token=self.suppression_token,
                                       headers=[("Content-Type", "application/vnd.vox.telemetry.batch+ndjson")])
            verdicts = [json.loads(line) for line in answer.body.splitlines()]
            return all(v["status"] != 503 for v in verdicts) and verdicts
        return wait_until(send, "the database answers in time")

    def test_what_is_sent_again_behind_its_date_is_a_duplicate(self):
        coming = self.day(2)
        wait_until(lambda: self.post_with_date(coming, uuid7()) == 201, "the sink's day is the database's", interval=0.2)
        alone, line = uuid7(), uuid7()
        first = self.post_dated(coming, alone).json()
        told = self.verdicts([line], coming)[0]["receipt"]
        self.move_clock(5)
        wait_until(lambda: self.post_with_date(coming, uuid7()) == 422, "that day has passed", interval=0.2)
        # Each way to send it, whichever it came by.
        again = self.assert_receipt(self.post_dated(coming, alone), 200, SUPPRESSION)
        self.assertEqual(again["received_at"], first["received_at"])
        verdicts = self.verdicts([line, alone, uuid7()], coming)
        self.assertEqual([v["status"] for v in verdicts], [200, 200, 422])
        self.assertEqual({**verdicts[0]["receipt"], "duplicate": None}, {**told, "duplicate": None})
        self.assertEqual(verdicts[2]["problem"]["code"], "expiry_refused")
        self.assert_receipt(self.post_dated(coming, line), 200, SUPPRESSION)
        self.assert_problem(self.post_dated(coming, None), "expiry_refused")
        self.assert_problem(self.post_dated(self.day(1), alone), "event_id_reused")
        self.assert_problem(self.post_dated("yesterday", alone), "expiry_refused")
        self.assertEqual([self.stored(alone), self.stored(line)], [1, 1])
        self.restore_clock()


if __name__ == "__main__":
    unittest.main()
