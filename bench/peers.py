# SPDX-License-Identifier: Apache-2.0
"""The peers of bench/run ingest: one INSERT for each request, by pgbench and by a Node endpoint of the usual make."""

import json
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile

from common import EVENT, ROOT

NODE_PACKAGES = ("ajv@8", "fastify@5", "pg@8")
POOL = 32  # the Node endpoint's connections to the database
WARM_SECONDS = 4

INSERT = """\
WITH key AS (
 INSERT INTO telemetry.event_keys (received_at, event_id, project_id, gen, contract_id, expires_on, sha256)
 SELECT now(), gen_random_uuid(), 1, gen, 1, current_date + 365, sha256('{body}'::bytea) FROM telemetry.ledger
 ON CONFLICT DO NOTHING RETURNING event_id, sha256)
INSERT INTO telemetry.events (received_at, event_id, project_id, contract_id, token_id, expires_on, due_on, class,
 sha256, trace_id, payload)
SELECT now(), event_id, 1, 1, 1, current_date + 365, current_date + 365, 1, sha256, '{trace}', '{body}'::jsonb FROM key;
"""


class Insert:
    """pgbench: each of N clients one durable transaction after the other, prepared, no HTTP and no checks."""

    def __init__(self, cluster, database):
        self.cluster, self.database = cluster, database
        self.folder = tempfile.TemporaryDirectory(prefix="vox-bench-")
        self.script = pathlib.Path(self.folder.name) / "insert.sql"
        # pgbench would read ":null" as a variable of its own.
        body = EVENT.read_text().replace("\n", " ").replace("'", "''").replace('":', '": ')
        self.script.write_text(INSERT.format(body=body, trace=json.loads(EVENT.read_text())["ModelCall"]["trace_id"]))

    def load(self, clients, seconds):
        """The rate of the last `seconds`: a new connection's first statements are dear, and each client has its own.

        Where the machine is busy many clients may say nothing for so long; they get more time then.
        """
        for given in (round(seconds), 4 * round(seconds) + 20):
            each = self.progress(clients, given + WARM_SECONDS)[WARM_SECONDS:]
            if each:
                return {"rate": statistics.fmean(each)}
        sys.exit(f"pgbench with {clients} clients said nothing in {given + WARM_SECONDS} s: give it more")

    def progress(self, clients, seconds):
        """Transactions a second, as it says them each second."""
        argv = [self.cluster.bin / "pgbench", "-n", "-M", "prepared", "-c", clients, "-j", min(clients, 2), "-P", 1,
                "-T", seconds, "-f", self.script, "-h", self.cluster.folder, "-U", "vox",
                self.database]
        done = subprocess.run([str(a) for a in argv], text=True, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        if done.returncode != 0:
            sys.exit(f"pgbench failed: {done.stderr[-500:]}")
        return [float(tps) for tps in re.findall(r"^progress: [\d.]+ s, ([\d.]+) tps", done.stderr, re.M)]


class Node:
    """The endpoint of bench/peers/endpoint.mjs as a child process: the bench's token, key and limit, as the sink has them."""

    def __init__(self, bench, modules):
        self.bench = bench
        key, limit = bench.signing, bench.options
        environment = dict(os.environ, PGHOST=str(bench.cluster.folder), PGDATABASE="bench", PGUSER="vox",
                           TOKEN=key["token"], SIGNING_KID=key["signing_kid"], SIGNING_SECRET=key["signing_secret"],
                           RATE=str(limit["rate"]), BURST=str(limit["burst"]), NODE_ENV="production")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "node", ROOT / "bench/peers/endpoint.mjs", modules,
             ROOT / "contracts/model-call.v1.schema.json", str(POOL)],
            env=environment, text=True, stdout=subprocess.PIPE)
        word, port = self.process.stdout.readline().split() or ("", "")
        assert word == "listening", "the Node endpoint did not start"
        self.address = f"127.0.0.1:{port}"
        self.load(256, 3)  # its compiler has seen the code, its pool is connected

    def load(self, connections, seconds):
        return self.bench.load_at(self.address, connections, seconds)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        self.process.stdout.close()
