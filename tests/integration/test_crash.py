# SPDX-License-Identifier: Apache-2.0
"""The promise under faults: what was acknowledged is stored exactly once, whoever is killed, and when."""

import json
import subprocess

from voxtest import LONG, Load, SinkCase, SANITIZED, model_call, wait_until

CONNECTIONS = 64


class Crash(SinkCase):
    own_cluster = True

    def wait_for_more(self, load, count):
        """The load has `count` more acknowledgements than now: it really runs."""
        target = load.count() + count
        wait_until(lambda: load.count() >= target, f"{count} more acknowledgements", 120)

    def test_kill_sink(self):
        """kill -9 of the sink, again and again, under keyed load."""
        rounds = 30 if LONG else 3 if SANITIZED else 10
        load = Load(self.sink.address, self.write_token, CONNECTIONS).start()
        for _ in range(rounds):
            self.wait_for_more(load, 200)
            self.sink.kill()
            self.sink.start().ready()
        self.wait_for_more(load, 200)
        load.finish()
        self.assertGreater(load.broken, 0, "the kills were felt")
        self.assertGreater(len(load.retried), 0)
        self.assert_exactly_once(load)

    def test_kill_postgres(self):
        """pg_ctl stop -m immediate: 503 with Retry-After meanwhile, and the sink recovers by itself."""
        rounds = 10 if LONG else 1 if SANITIZED else 3
        load = Load(self.sink.address, self.write_token, CONNECTIONS).start()
        pid = self.sink.process.pid
        for _ in range(rounds):
            self.wait_for_more(load, 200)
            refused = load.statuses.get(503, 0)
            self.cluster.stop_immediate()
            answer = wait_until(lambda: self.unavailable(), "503 while the database is down")
            self.assert_problem(answer, answer.code)
            self.assertIn(answer.code, ("database_unavailable", "deadline_exceeded", "not_ready"))
            wait_until(lambda: self.sink.status_of("/readyz") == 503, "/readyz says not ready")
            self.assertEqual(self.sink.status_of("/healthz"), 200)
            # Events that were under way may be waiting for a connection still.
            wait_until(lambda: load.statuses.get(503, 0) > refused, "the load hears of it")
            before = load.count()
            self.cluster.start()
            wait_until(lambda: load.count() >= before + 200, "stores again, by itself")
        load.finish()
        self.assertEqual(self.sink.process.pid, pid)
        self.assertIsNone(self.sink.process.poll())
        self.assertEqual(load.retry_after_missing, 0)
        self.assert_exactly_once(load)

    def unavailable(self):
        answer = self.sink.post(model_call("down"), self.write_token)
        return answer if answer.status == 503 else None

    def test_kill_backends(self):
        """The server ends every session of the sink: nothing acknowledged is lost, new sessions are made."""
        load = Load(self.sink.address, self.write_token, 16).start()
        for _ in range(5):
            self.wait_for_more(load, 100)
            self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                     "WHERE datname = current_database() AND pid <> pg_backend_pid()")
        self.wait_for_more(load, 100)
        load.finish()
        self.assert_exactly_once(load)

    def test_frozen(self):
        """A server that takes everything and says nothing: 503 in time; what was under way is stored once or never."""
        load = Load(self.sink.address, self.write_token, 16).start()
        self.wait_for_more(load, 100)
        with self.cluster.frozen():
            answer = wait_until(lambda: self.unavailable(), "503 while the database is frozen")
            self.assert_problem(answer, answer.code)
            self.assertEqual(self.sink.status_of("/healthz"), 200)
            before = load.count()
        wait_until(lambda: load.count() >= before + 100, "stores again, by itself")
        load.finish()
        self.assert_exactly_once(load)

    def test_locked_out(self):
        """ACCESS EXCLUSIVE on the table: 503 in time, not a hang and no 4xx; afterwards it goes on."""
        holder = subprocess.Popen(
            [str(self.cluster.bin / "psql"), "-XAtq", "-d", self.cluster.url(self.database)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        holder.stdin.write("BEGIN; LOCK TABLE telemetry.events IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n")
        holder.stdin.flush()
        self.assertEqual(holder.stdout.readline().strip(), "held")
        try:
            answer = self.sink.post(json.dumps(model_call("locked")), self.write_token)
            self.assertEqual(answer.status, 503, answer)
            self.assert_problem(answer, answer.code)
        finally:
            holder.stdin.close()
            holder.wait(120)
            holder.stdout.close()
        wait_until(lambda: self.sink.post(model_call("after"), self.write_token).status == 201, "stores again")
