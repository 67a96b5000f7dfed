# SPDX-License-Identifier: Apache-2.0
"""Database roles of least privilege: the whole sink with logins that may do only what they are for."""

import subprocess
import unittest

from voxtest import ROOT, Sink, SinkCase, model_call, uuid7, wait_until

ROLES = {"ingest_role": "lp_ingest", "read_role": "lp_read", "owner_role": "lp_owner"}
LOGINS = ("lp_daemon", "lp_reader", "lp_migrator")


class Roles(SinkCase):
    """Logins are made before `migrate`, which makes the roles; then the logins become their members."""

    serve = False

    @classmethod
    def url(cls, login):
        return f"postgresql://{login}@/{cls.database}?host={cls.cluster.folder}"

    @classmethod
    def new_sink(cls, **options):
        sink = Sink(cls.url("lp_daemon"), migrate_database_url=cls.url("lp_migrator"),
                    read_database_url=cls.url("lp_reader"), **ROLES, **options)
        cls._sinks.append(sink)
        return sink

    def as_login(self, login, sql):
        """(rows, error) of a statement run by that login."""
        done = subprocess.run([str(self.cluster.bin / "psql"), "-XAtq", "-v", "VERBOSITY=sqlstate", "-c", sql,
                               self.url(login)],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300, check=False)
        return done.stdout.split("\n")[:-1], done.stderr.strip()


class LeastPrivilege(Roles):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster.psql(cls.database, "GRANT lp_ingest TO lp_daemon; GRANT lp_read TO lp_reader")
        cls.sink.start().ready()

    @classmethod
    def new_sink(cls, **options):
        if not cls._sinks:
            for login in LOGINS:
                cls.cluster.psql(cls.database, f"CREATE ROLE {login} LOGIN")
            cls.cluster.psql(cls.database, "ALTER ROLE lp_migrator CREATEROLE")
            cls.cluster.psql(cls.database, f"GRANT CREATE ON DATABASE {cls.database} TO lp_migrator")
        return super().new_sink(**options)

    def assert_denied(self, login, sql):
        rows, error = self.as_login(login, sql)
        self.assertEqual((rows, error.split()[-1:]), ([], ["42501"]), sql)

    def test_the_sink_works_whole(self):
        token = self.sink.token("demo", "ingest,read")
        self.wait_accepted(token)
        keys = [uuid7() for _ in range(3)]
        for key in keys:
            self.assert_receipt(self.sink.post(model_call("lp"), token, key), 201)
            self.assert_receipt(self.sink.post(model_call("lp"), token, key), 200)
        aside = self.sink.token("demo", "ingest", "--on-invalid", "quarantine")
        self.wait_accepted(aside)
        bad = uuid7()
        self.assert_receipt(self.sink.post(model_call("lp", latency_ms=-1), aside, bad), 202)
        self.assert_receipt(self.sink.post(model_call("lp", latency_ms=-1), aside, bad), 200)
        page = self.settled(lambda: self.sink.get("/v1/admin/events", token=token)).json()
        self.assertLessEqual(set(keys), {e["event_id"] for e in page["events"]})
        self.assertEqual(self.settled(lambda: self.sink.get(f"/v1/receipts/{keys[0]}", token=token)).status, 200)
        wait_until(lambda: self.sink.metrics().get(("vox_sink_partitions_ahead_days", ())) == 35,
                   "the keeper made its partitions")
        # That the database did not answer in time is no matter of rights.
        self.assertNotRegex(self.sink.log(), r"upkeep failed.* duty=(?!database)")
        self.assertEqual(self.sink.get("/readyz").status, 200)

    def test_doctor_is_content(self):
        done = self.sink.command("doctor", check=False)
        self.assertEqual(done.returncode, 0, done)
        self.assertNotIn("warn  rights", done.stdout)
        self.assertRegex(done.stdout, r"ok +rights +the login of database_url may do what it needs, and no more")
        self.assertRegex(done.stdout, r"ok +read rights +the login of read_database_url may do")

    def test_doctor_sees_too_much_and_too_little(self):
        sink = self.new_sink()
        sink.environment["VOX_SINK_DATABASE_URL"] = self.cluster.url(self.database)
        done = sink.command("doctor", check=False)
        self.assertRegex(done.stdout, r"warn +rights +the login of database_url may do more")
        sink.environment["VOX_SINK_DATABASE_URL"] = self.url("lp_daemon")
        sink.environment["VOX_SINK_READ_DATABASE_URL"] = self.url("lp_daemon")
        done = sink.command("doctor", check=False)
        self.assertEqual(done.returncode, 4, done)
        self.assertRegex(done.stdout, r"fail +read rights +the login of read_database_url lacks SELECT on project_")

    def test_doctor_sees_rights_to_what_the_roles_keep_away(self):
        for login, right, line in (("lp_daemon", "SELECT (body) ON telemetry.quarantine", "rights"),
                                   ("lp_reader", "SELECT (payload) ON telemetry.events", "read rights"),
                                   ("lp_reader", "SELECT (body) ON telemetry.quarantine", "read rights")):
            self.sql(f"GRANT {right} TO {login}")
            try:
                self.assertRegex(self.sink.command("doctor", check=False).stdout, rf"warn +{line} +the login of")
            finally:
                self.sql(f"REVOKE {right} FROM {login}")

    def test_the_daemon_can_neither_read_payloads_nor_change_the_schema(self):
        for sql in ("SELECT payload FROM telemetry.events", "SELECT * FROM telemetry.project_events",
                    "SELECT body FROM telemetry.quarantine", "DELETE FROM telemetry.events",
                    "UPDATE telemetry.events SET class = 0", "TRUNCATE telemetry.events",
                    "DROP TABLE telemetry.events_infinity", "CREATE TABLE telemetry.x ()",
                    "ALTER TABLE telemetry.events ADD COLUMN x int", "DELETE FROM telemetry.event_keys",
                    "UPDATE telemetry.tokens SET revoked_at = NULL", "INSERT INTO telemetry.projects (name) VALUES ('x')",
                    "SELECT payload FROM telemetry.events_infinity"):
            self.assert_denied("lp_daemon", sql)

    def test_no_temporary_tables_where_the_operator_says_so(self):
        """As docs/SECURITY.md tells; PostgreSQL allows them to all."""
        revoke = f"REVOKE TEMPORARY ON DATABASE {self.database} FROM PUBLIC"
        self.assertIn(revoke.replace(self.database, "NAME"), " ".join((ROOT / "docs/SECURITY.md").read_text().split()))
        self.sql(revoke)
        try:
            for login in ("lp_daemon", "lp_reader"):
                self.assert_denied(login, "CREATE TEMPORARY TABLE x ()")
            self.sink.command("migrate")
            token = self.sink.token("demo", "ingest,read")
            self.wait_accepted(token)
            self.assert_receipt(self.sink.post(model_call("lp"), token))
            self.assertEqual(self.settled(lambda: self.sink.get("/v1/admin/events", token=token)).status, 200)
        finally:
            self.sql(revoke.replace("REVOKE", "GRANT").replace("FROM", "TO"))

    def test_reads_see_the_project_views_alone(self):
        for sql in ("SELECT * FROM telemetry.events", "SELECT * FROM telemetry.events_infinity",
                    "SELECT * FROM telemetry.tokens", "SELECT * FROM telemetry.event_keys",
                    "SELECT * FROM telemetry.quarantine", "SELECT telemetry.make_partition('events', 'infinity')",
                    "INSERT INTO telemetry.contract_retention (contract_id, days) VALUES (1, 1)"):
            self.assert_denied("lp_reader", sql)

    def test_a_query_that_forgets_its_project_stays_in_it(self):
        ours, theirs = self.sink.token("first", "ingest"), self.sink.token("second", "ingest")
        for token, trace in ((ours, "ours"), (theirs, "theirs")):
            self.wait_accepted(token)
            self.assertEqual(self.sink.post(model_call(trace), token).status, 201)
        project = self.value("SELECT id FROM telemetry.projects WHERE name = 'first'")
        for view in ("project_events", "project_events_in_order"):
            sql = f"SELECT payload -> 'ModelCall' ->> 'trace_id' FROM telemetry.{view}"
            self.assertEqual(self.as_login("lp_reader", sql), ([], ""), "without the setting none")
            self.assertEqual(
                self.as_login("lp_reader", f"BEGIN; SET LOCAL telemetry.project_id = {project}; {sql}; COMMIT; {sql}"),
                (["ours"], ""), "only of the project, and only in that transaction")
        # What the row's day has passed is not shown, though it still lies there.
        self.sql(f"UPDATE telemetry.events SET expires_on = 'infinity', due_on = telemetry.today() "
                 f"WHERE project_id = {project}")
        self.assertEqual(self.as_login(
            "lp_reader", f"BEGIN; SET LOCAL telemetry.project_id = {project}; SELECT * FROM telemetry.project_events"),
            ([], ""))

    def test_everything_belongs_to_the_owner_and_is_in_the_table_of_rights(self):
        foreign = self.sql(
            "SELECT relname FROM pg_class WHERE relnamespace = 'telemetry'::regnamespace AND relkind IN ('r', 'p', 'v', 'S')"
            " AND relowner <> 'lp_owner'::regrole UNION ALL SELECT proname FROM pg_proc"
            " WHERE pronamespace = 'telemetry'::regnamespace AND proowner <> 'lp_owner'::regrole")
        self.assertEqual(foreign, [])
        nobodys = self.sql(
            "SELECT relname FROM pg_class WHERE relnamespace = 'telemetry'::regnamespace AND relkind IN ('r', 'p', 'v')"
            " AND NOT relispartition AND NOT has_any_column_privilege('lp_ingest', oid, 'SELECT, INSERT')"
            " AND NOT has_any_column_privilege('lp_read', oid, 'SELECT')")
        self.assertEqual(nobodys, [], "a new table needs its rows in server/store/grants.c")

    def test_migrate_again_changes_nothing(self):
        rights = ("SELECT relname, relacl FROM pg_class WHERE relnamespace = 'telemetry'::regnamespace "
                  "AND NOT relispartition ORDER BY 1")
        before = self.sql(rights)
        done = self.sink.command("migrate")
        self.assertEqual((done.stdout, done.stderr), ("the schema is up to date\n", ""))
        self.assertEqual(self.sql(rights), before)

    def test_names_of_roles_are_checked(self):
        for name in ("Vox", "vox-ingest", "pg_ingest", "1vox", "x" * 64, "lp_read", "a;b", 'a"b'):
            done = self.sink.command("migrate", "--ingest-role", name, check=False)
            self.assertEqual(done.returncode, 3, (name, done))
            self.assertIn("ingest_role", done.stderr)


class Unprivileged(Roles):
    """A login that may make no roles is told what to run, and its sink works with one login."""

    @classmethod
    def setUpClass(cls):
        cls.names = {k: f"un_{k}" for k in ROLES}
        super().setUpClass()

    @classmethod
    def new_sink(cls, **options):
        cls.cluster.psql(cls.database, "CREATE ROLE un_plain LOGIN")
        cls.cluster.psql(cls.database, f"GRANT CREATE ON DATABASE {cls.database} TO un_plain")
        sink = Sink(cls.url("un_plain"), **cls.names, **options)
        cls._sinks.append(sink)
        return sink

    def test_it_is_told_and_then_it_works(self):
        done = self.sink.command("migrate")
        self.assertIn("warning: the roles of least privilege are not set up", done.stderr)
        statements = done.stderr.split("as a superuser: ", 1)[1].split("; then vox-sink", 1)[0]
        self.sink.start().ready()
        self.assertEqual(self.sink.post(model_call("plain"), self.write_token).status, 201)
        for statement in statements.split("; "):
            self.sql(statement)
        done = self.sink.command("migrate")
        self.assertEqual((done.stdout, done.stderr), ("the schema is up to date\n", ""))
        self.assertEqual(self.sink.post(model_call("plain"), self.write_token).status, 201)
        self.assertEqual(self.sink.stop(), 0)


if __name__ == "__main__":
    unittest.main()
