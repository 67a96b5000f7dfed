# SPDX-License-Identifier: Apache-2.0
"""Two sinks, a primary and its synchronous standby, links that can be cut, and the load."""

import contextlib

from batchload import BatchLoad
from link import Link
from voxtest import Cluster, Load, Sink, wait_until

DATABASE = "chaos"
SETTINGS = {"max_connections": 100, "wal_level": "replica", "max_wal_senders": 4, "hot_standby": "on",
            "synchronous_standby_names": "*", "checkpoint_timeout": "30s", "shared_buffers": "128MB",
            "wal_retrieve_retry_interval": "200ms"}
CONNECTIONS = 32
BATCH_CONNECTIONS = 4


def _url(folders):
    return f"postgresql://vox@/{DATABASE}?host={','.join(map(str, folders))}&target_session_attrs=read-write"


class World:
    """`primary` and `standby` change places at a failover. The second sink reaches both through links."""

    def __init__(self):
        self.primary = self.standby = None
        self.links, self.sinks, self.loads = [], [], []

    def __enter__(self):
        return self

    def begin(self):
        self.primary = Cluster().start(**{**SETTINGS, "synchronous_standby_names": ""})
        self.primary.create_database(DATABASE)
        self.standby = Cluster(source=self.primary)
        self.links = [Link(node.folder) for node in (self.primary, self.standby)]
        nodes = (self.primary.folder, self.standby.folder)
        self.sinks = [Sink(_url(nodes)), Sink(_url([link.folder for link in self.links]))]
        self.sinks[0].migrate()
        self.token = self.sinks[0].token("chaos", "ingest,read")
        self.standby.start(**SETTINGS)
        self.primary.stop()
        self.primary.start(**SETTINGS)
        self.wait_streaming()
        for sink in self.sinks:
            sink.start().ready()
        addresses = [sink.address for sink in self.sinks]
        self.loads = [Load(addresses, self.token, CONNECTIONS).start(),
                      BatchLoad(addresses, self.token, BATCH_CONNECTIONS).start()]

    def __exit__(self, *_):
        for load in self.loads:
            load.abandon()
        self._kill_sinks()
        for link in self.links:
            link.close()
        for node in (self.standby, self.primary):
            if node:
                node.remove()

    def sql(self, text):
        return self.primary.psql(DATABASE, text)

    def acked(self):
        return sum(load.count() for load in self.loads)

    def run_on(self, count):
        """Each load has `count` more acknowledgements than now."""
        targets = [load.count() + count for load in self.loads]
        wait_until(lambda: all(load.count() >= target for load, target in zip(self.loads, targets)),
                   f"{count} more acknowledgements; so far {[load.count() for load in self.loads]}", 300)

    def wait_streaming(self):
        wait_until(self.is_streaming, "the standby is synchronous", 300)

    def is_streaming(self):
        """Until it does, sessions of killed sinks wait for it and may have taken every connection."""
        with contextlib.suppress(AssertionError):
            return self.primary.value("postgres", "SELECT count(*) FROM pg_stat_replication "
                                                  "WHERE sync_state IN ('sync', 'quorum')") == "1"
        return False

    def failover(self, silent=False):
        """The primary dies, its standby takes over, and what is left of the primary becomes the new standby.

        `silent`: it hangs before it dies, until a sink has found the new one and waits for that one's standby.
        """
        old = self.primary
        if silent:
            with old.frozen():
                self._promote()
                wait_until(lambda: self.primary.value("postgres", "SELECT count(*) FROM pg_stat_activity WHERE "
                                                                  "application_name = 'vox-sink' AND "
                                                                  "wait_event = 'SyncRep'") != "0",
                           "a sink commits on the new primary while the old one is silent", 240)
        old.kill()
        if not silent:
            self._promote()
        old.clone(self.primary)
        old.start(**SETTINGS)
        self.wait_streaming()

    def _promote(self):
        self.standby.promote()
        self.primary, self.standby = self.standby, self.primary

    def _kill_sinks(self):
        for sink in self.sinks:
            if sink.process and sink.process.poll() is None:
                sink.kill()

    def give_up(self):
        """Ends sinks and load where they stand; what was stored can be read."""
        self._kill_sinks()
        for load in self.loads:
            load.finish(0)
            load.unresolved.clear()
        if not self.primary.alive():
            self.primary.start(**SETTINGS)
        return self.loads

    def finish(self):
        """Ends the load; everything under way is retried until it has an answer."""
        for load in self.loads:
            load.finish()
        for sink in self.sinks:
            code = sink.stop()
            assert code == 0, f"exit {code} after SIGTERM"
            sink.check_log()
        return self.loads
