# SPDX-License-Identifier: Apache-2.0
"""vox-sink migrate --citus. Citus is in no Debian package: a stand-in of two objects shows what the command does."""

from voxtest import SinkCase, model_call

# What the command asks of Citus: that the extension is there, one table, one function.
STAND_IN = """
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    VALUES (999999, 'citus', 10, 11, false, 'stand-in');
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partkey text);
CREATE FUNCTION pg_catalog.create_distributed_table(name regclass, key text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pg_catalog.pg_dist_partition VALUES (name, key);
    {more}
END
$$;
"""
# Fires for a statement that inserts nothing, too.
REFUSES = """
    CREATE OR REPLACE FUNCTION telemetry.refuse() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE feature_not_supported USING MESSAGE = ''correlated subqueries are not supported''; END';
    EXECUTE format('CREATE TRIGGER refuse BEFORE INSERT ON %s FOR EACH STATEMENT'
                   ' EXECUTE FUNCTION telemetry.refuse()', name);
"""


class Case(SinkCase):

    serve = False

    def distributed(self):
        return self.sql("SELECT logicalrelid, partkey FROM pg_dist_partition ORDER BY 1::text")


class Absent(Case):

    def test_absent(self):
        done = self.sink.command("migrate", "--citus", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("CREATE EXTENSION citus", done.stderr)

    def test_not_while_looking(self):
        for flag in ("--status", "--dry-run"):
            self.assertEqual(self.sink.command("migrate", flag, "--citus", check=False).returncode, 2, flag)


class Taken(Case):

    def test_taken(self):
        self.sql(STAND_IN.format(more=""))
        for _ in range(2):
            done = self.sink.command("migrate", "--citus")
            self.assertIn("events and event_keys are distributed by event_id", done.stdout)
            self.assertEqual(self.distributed(),
                             [["telemetry.event_keys", "event_id"], ["telemetry.events", "event_id"]])
        self.sink.start().ready()
        self.assertEqual(self.sink.post(model_call(), self.write_token).status, 201)


class Refused(Case):

    def test_refused(self):
        self.sql(STAND_IN.format(more=REFUSES))
        done = self.sink.command("migrate", "--citus", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("correlated subqueries are not supported", done.stderr)
        self.assertIn("no table was distributed", done.stderr)
        self.assertEqual(self.distributed(), [], "all of it was one transaction")
        self.assertEqual(self.value("SELECT count(*) FROM pg_trigger WHERE tgname = 'refuse'"), "0")
