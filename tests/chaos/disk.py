# SPDX-License-Identifier: Apache-2.0
"""A full disk: PostgreSQL on a small file system of its own that runs full under load, and has room again."""

import subprocess

from verdict import check
from voxtest import Cluster, Load, Sink, wait_until, model_call

SIZE_MB = 320


class Small:
    """One sink before a cluster that lives on a tmpfs of SIZE_MB."""

    def __enter__(self):
        self.cluster = Cluster(size_mb=SIZE_MB)
        return self

    def __exit__(self, *_):
        self.cluster.remove()

    def sql(self, text):
        return self.cluster.psql("chaos", text)


def can_mount():
    """Whether a file system may be mounted here; the reason if not."""
    done = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", "/mnt"],
                          text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return None if done.returncode == 0 else done.stdout.strip()


def refuses(sink, token):
    return sink.post(model_call("full"), token).status == 503


def fill_up():
    """What was acknowledged and stored around it; None where it cannot be done."""
    reason = can_mount()
    if reason:
        print(f"full disk: skipped, no file system can be mounted here ({reason})", flush=True)
        return None
    with Small() as small:
        cluster = small.cluster.start(max_wal_size="64MB", shared_buffers="32MB")
        cluster.create_database("chaos")
        sink = Sink(cluster.url("chaos")).migrate()
        token = sink.token("chaos", "ingest,read")
        sink.start().ready()
        load = Load(sink.address, token, 16).start()
        wait_until(lambda: load.count() >= 500, "the load runs")
        # PostgreSQL may make room by a checkpoint.
        wait_until(lambda: cluster.fill_disk() and refuses(sink, token), "503 while the disk is full")
        before = load.count()
        cluster.fill_disk().unlink()

        def stores():
            # A server that cannot write its log ends itself, now or in a moment.
            if not cluster.alive():
                cluster.start(max_wal_size="64MB", shared_buffers="32MB")
            return load.count() >= before + 500
        wait_until(stores, "stores again", 240)
        load.finish()
        assert sink.stop() == 0
        total = check(small, [load])
    print(f"full disk: refused while full, went on with room; {total.acked} acked", flush=True)
    return total
