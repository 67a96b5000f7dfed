# SPDX-License-Identifier: Apache-2.0
"""Ready means that an event sent now could be stored: what changes under a running sink changes the answer."""

from voxtest import SinkCase, model_call, wait_until


class Readiness(SinkCase):
    own_cluster = True

    def becomes(self, status, why):
        wait_until(lambda: self.sink.status_of("/readyz") == status, why)

    def stores_again(self):
        self.becomes(200, "ready again, by itself")
        self.assertEqual(self.sink.post(model_call("after"), self.write_token).status, 201)

    def test_table_away(self):
        """Nobody's fault but the operator's: 503 for the client, not ready for the supervisor."""
        self.sql("ALTER TABLE telemetry.events RENAME TO events_away")
        try:
            answer = self.sink.post(model_call("away"), self.write_token)
            self.assert_problem(answer, "database_unavailable")
            self.becomes(503, "not ready while the table is away")
            self.assertEqual(self.sink.metrics()["vox_sink_database_up", ()], 0)
        finally:
            self.sql("ALTER TABLE telemetry.events_away RENAME TO events")
        self.stores_again()

    def test_fsync_turned_off(self):
        """A reload that turns fsync off: nothing is acknowledged any more, and it is not ready."""
        self.sql("ALTER SYSTEM SET fsync = off")
        try:
            self.sql("SELECT pg_reload_conf()")
            wait_until(lambda: self.value("SHOW fsync") == "off", "the server took the setting")
            self.becomes(503, "not ready without fsync")
            self.assert_problem(self.sink.post(model_call("loose"), self.write_token), "database_unavailable")
        finally:
            self.sql("ALTER SYSTEM RESET fsync")
            self.sql("SELECT pg_reload_conf()")
        self.stores_again()
