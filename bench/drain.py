# SPDX-License-Identifier: Apache-2.0
"""bench/run drain: a spool of thousands emptied by the client, beside one post after the other, and beside bare COPY."""

import json
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import time

from common import ROOT, Bench, Sink

ENTRIES = 8605  # 34 MB on disk, about 2 KB each without white space: a spool that was seen in the wild
CLIENT = ROOT / "build/release/bin/vox-telemetry"
DEFAULTS = {"rate": 10, "address_rate": 10, "batch_rate": 5000}
V1_RATE, V1_BURST = 10, 30
V1_ENTRIES = 2000  # of them are posted one by one; its rate is the same all along
TABLES = ("events", "event_keys")
COPY_ROWS = 1000  # a transaction


def event(number, dice):
    """A model call with members that its contract does not know, as producers add them."""
    return {"ModelCall": {
        "model": "claude-sonnet-4", "provider": "openrouter", "route_profile": "balanced", "prompt_tokens": 18342,
        "completion_tokens": dice.randrange(4000), "latency_ms": dice.randrange(20000), "cost_usd": 0.024318,
        "cost_source": "provider", "retry_attempt": 0, "task_id": number, "trace_id": f"{dice.getrandbits(128):032x}",
        "caller_agent_id": "planner",
        "spans": [{"name": f"step-{i}", "start": dice.randrange(10**6), "took": dice.randrange(10**5),
                   "tokens": dice.randrange(10**4), "model": "claude-sonnet-4", "ok": True} for i in range(19)]}}


def uuid7(dice, ms):
    bits = (ms << 80) | (7 << 76) | (dice.getrandbits(12) << 64) | (2 << 62) | dice.getrandbits(62)
    text = f"{bits:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


class Drain(Bench):
    options = {"rate": 0, "address_rate": 0, "batch_rate": 0}

    def __enter__(self):
        super().__enter__()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vox-drain-", dir="/tmp"))
        (self.folder / "model/pending").mkdir(parents=True)
        dice, ms = random.Random(6), int(time.time() * 1000) - ENTRIES
        for number in range(ENTRIES):
            path = self.folder / "model/pending" / f"{uuid7(dice, ms + number)}.json"
            path.write_text(json.dumps(event(number, dice), indent=2))
        paths = sorted(self.folder.glob("model/pending/*"))
        files = [path.read_bytes() for path in paths]
        self.bodies = [json.dumps(json.loads(f), separators=(",", ":")).encode() for f in files]
        self.body_of = {path.stem: body for path, body in zip(paths, self.bodies)}
        print(f"{len(files)} files, {sum(map(len, files)) / 1e6:.1f} MB on disk, "
              f"{sum(map(len, self.bodies)) / len(files):.0f} bytes each without white space", flush=True)
        self.limited = Sink(self.url, **DEFAULTS)
        self.limited.start()
        self.limited.ready()
        return self

    def __exit__(self, *details):
        self.limited.stop()
        shutil.rmtree(self.folder)
        super().__exit__(*details)

    def empty(self):
        self.cluster.psql("bench", "TRUNCATE telemetry.events, telemetry.event_keys; CHECKPOINT")

    def spool(self):
        spool = self.folder / "spool"
        shutil.rmtree(spool, ignore_errors=True)
        shutil.copytree(self.folder / "model", spool)
        for path in (spool, spool / "pending"):
            path.chmod(0o700)
        os.sync()  # a spool lies on the disk when it is uploaded, as the files of copy() do
        return spool

    def upload(self, sink=None):
        self.empty()
        spool = self.spool()
        host, port = (sink or self.sink).address
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "VOX_TELEMETRY_UPLOAD_TOKEN": self.token,
                       "VOX_TELEMETRY_UPLOAD_URL": f"http://{host}:{port}/v1/events", "VOX_TELEMETRY_SPOOL_DIR": str(spool)}
        began = time.monotonic()
        done = subprocess.run([CLIENT, "upload", "--json"], env=environment, stdout=subprocess.PIPE, check=True)
        took = time.monotonic() - began
        said = json.loads(done.stdout)
        stored = self.cluster.value("bench", "SELECT count(*) FROM telemetry.events")
        assert (said["sent"], said["remaining"], int(stored)) == (ENTRIES, 0, ENTRIES), (said, stored)
        return {"seconds": took, "rate": ENTRIES / took, "requests": said["requests"]}

    def v1(self):
        """As the existing client: each file read, made compact, posted, deleted, one after the other."""
        self.empty()
        names = sorted((self.spool() / "pending").iterdir())
        head = (f"POST /v1/events HTTP/1.1\r\nHost: sink\r\nAuthorization: Bearer {self.token}\r\n"
                "Content-Type: application/json; charset=utf-8\r\nContent-Length: ")
        began = time.monotonic()
        with socket.create_connection(self.sink.address) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for path, body in list(zip(names, self.bodies))[:V1_ENTRIES]:
                path.read_bytes()  # its parsing would be Python's: the bodies are made already
                connection.sendall(f"{head}{len(body)}\r\n\r\n".encode() + body)
                answer = connection.recv(65536)
                assert answer.startswith(b"HTTP/1.1 201 "), answer[:200]
                while not answer.endswith(b"}"):
                    answer += connection.recv(65536)
                path.unlink()
        took = time.monotonic() - began
        return {"seconds": took * ENTRIES / V1_ENTRIES, "rate": V1_ENTRIES / took}

    def copy(self):
        """The rows that are there now, copied into both tables again with their texts as sent, 1,000 a transaction."""
        script = ""
        parts = {table: self.part_files(table) for table in TABLES}
        for pair in zip(*parts.values()):
            script += "BEGIN;\n" + "".join(f"\\copy telemetry.{table} FROM '{path}'\n" for table, path in zip(TABLES, pair))
            script += "COMMIT;\n"
        self.empty()
        os.sync()
        began = time.monotonic()
        self.psql_file(script)
        took = time.monotonic() - began
        assert self.rows() == [ENTRIES, ENTRIES]
        return {"seconds": took, "rate": ENTRIES / took}

    def part_files(self, table):
        """What the table holds, in files of so many rows as a transaction takes; they are on the disk of the spool."""
        whole = self.folder / f"{table}.copy"
        whole.write_text("")
        whole.chmod(0o666)
        self.psql_file(f"\\copy (SELECT * FROM telemetry.{table}) TO '{whole}'\n")
        lines = whole.read_bytes().splitlines(keepends=True)  # COPY writes a row as a line
        if table == "events":
            lines = [self.as_sent(line) for line in lines]
        paths = []
        for at in range(0, len(lines), COPY_ROWS):
            paths.append(self.folder / f"{table}.{at}.copy")
            paths[-1].write_bytes(b"".join(lines[at:at + COPY_ROWS]))
        return paths

    def as_sent(self, line):
        """The row with the text that the client sent: what jsonb prints has its members sorted already."""
        *columns, payload = line.rstrip(b"\n").split(b"\t")
        body = self.body_of[columns[2].decode()]
        assert json.loads(payload) == json.loads(body)  # no character of a body is one that COPY writes in another way
        return b"\t".join((*columns, body)) + b"\n"

    def rows(self):
        return [int(self.cluster.value("bench", f"SELECT count(*) FROM telemetry.{table}")) for table in TABLES]

    def psql_file(self, text):
        path = self.folder / "script.sql"
        path.write_text(text)
        subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-f", str(path), self.url], check=True)


def row(name, ours, theirs, middle, low, high):
    return f"{name:>8}  {ours['seconds']:>8.2f} s  {theirs['seconds']:>8.2f} s  {middle:.2f} ({low:.2f}..{high:.2f})"


def measure(options):
    with Drain(options.seconds, options.pairs) as bench:
        figures = bench.figures
        bench.upload()  # once to get warm
        (theirs, ours), *v1 = bench.ratios("drain_vs_v1", bench.v1, bench.upload, "seconds")
        rows = [row("v1", ours, theirs, *v1)]
        # COPY is of the very rows that ours stored, so that ours goes first in each pair.
        (ours, copy), *beside = bench.ratios("drain_vs_copy", bench.upload, bench.copy, "seconds", turned=False)
        rows.append(row("copy", ours, copy, *beside))
        figures.update(drain_seconds=ours["seconds"], v1_seconds=theirs["seconds"], copy_seconds=copy["seconds"],
                       drain_requests=ours["requests"])
        limited = bench.upload(bench.limited)
        alone = (ENTRIES - V1_BURST) / V1_RATE
        figures["drain_limits_seconds"] = limited["seconds"]
        figures["drain_limits_vs_v1"] = alone / limited["seconds"]
        rows.append(f"{'limits':>8}  {limited['seconds']:>8.2f} s  {alone:>8.2f} s  {alone / limited['seconds']:.0f}")
        print(f"{'beside':>8}  {'ours':>10}  {'theirs':>10}  ratio (quartiles)", *rows, sep="\n", flush=True)
        return figures
