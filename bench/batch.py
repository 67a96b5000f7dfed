# SPDX-License-Identifier: Apache-2.0
"""bench/run batch: batches of 10,000 events through HTTP, beside raw COPY of the same rows into the same tables."""

import datetime
import hashlib
import itertools
import json
import subprocess
import tempfile
import time
import uuid

from common import Bench, EVENT
from voxtest.http import Connection

LINES = 10_000       # of one batch
COPIED_AT_ONCE = 1000  # rows of one transaction of raw COPY


class Unlimited(Bench):
    options = {"rate": 0, "batch_rate": 0}


_serial = itertools.count()


def uuid7():
    """Time first, then a serial number: ids in order, as clients make them."""
    return str(uuid.UUID(int=time.time_ns() // 1_000_000 << 80 | 7 << 76 | 2 << 62 | next(_serial)))


def body(text, count=LINES):
    return "".join(f'{{"id":"{uuid7()}","event":{text}}}\n' for _ in range(count)).encode()


def send(connection, token, lines, count=LINES):
    """Seconds from the first byte to the last verdict."""
    began = time.monotonic()
    answer = connection.request("POST", "/v1/batch", lines, token=token,
                                headers=[("Content-Type", "application/vnd.vox.telemetry.batch+ndjson")])
    took = time.monotonic() - began
    stored = answer.body.count(b'"status":201')
    if answer.status != 200 or stored != count:
        raise SystemExit(f"a batch was not stored: {answer.status}, {stored} of {count} lines")
    return took


def copy_script(text, contract):
    """psql's input: ten transactions, each with a COPY into events and one into event_keys."""
    today = datetime.date.today()
    now, expires = datetime.datetime.now(datetime.timezone.utc).isoformat(), today + datetime.timedelta(365)
    digest, payload = hashlib.sha256(text.encode()).hexdigest(), text.replace("\\", "\\\\")
    trace = json.loads(text)["ModelCall"]["trace_id"]
    script = ["SET client_min_messages = error;\n"]
    for _ in range(LINES // COPIED_AT_ONCE):
        ids = [uuid7() for _ in range(COPIED_AT_ONCE)]
        script.append("BEGIN;\nCOPY telemetry.events (received_at, event_id, project_id, contract_id, token_id, expires_on,"
                      " due_on, class, sha256, trace_id, payload) FROM stdin;\n")
        script.extend(f"{now}\t{i}\t1\t{contract}\t1\t{expires}\t{expires}\t1\t\\\\x{digest}\t{trace}\t{payload}\n" for i in ids)
        script.append("\\.\nCOPY telemetry.event_keys (received_at, event_id, project_id, gen, contract_id, expires_on, sha256)"
                      " FROM stdin;\n")
        script.extend(f"{now}\t{i}\t1\t1\t{contract}\t{expires}\t\\\\x{digest}\n" for i in ids)
        script.append("\\.\nCOMMIT;\n")
    return "".join(script)


class Batches:
    def __init__(self, bench):
        self.bench = bench
        self.text = json.dumps(json.loads(EVENT.read_text()), separators=(",", ":"))
        self.contract = bench.cluster.value("bench", "SELECT id FROM telemetry.contracts WHERE name = 'model-call.v1'")
        self.connection = Connection(bench.sink.address, 120)

    def measure(self, prepare, run):
        """Events a second of what `run` does with what `prepare` made, which is not timed."""
        spent = count = 0
        while spent < self.bench.seconds:
            spent += run(prepare())
            count += LINES
        return {"rate": count / spent}

    def batches(self):
        return self.measure(lambda: body(self.text), lambda lines: send(self.connection, self.bench.token, lines))

    def run_copy(self, script):
        began = time.monotonic()
        subprocess.run(["psql", "-qXv", "ON_ERROR_STOP=1", "-f", script.name, self.bench.url], check=True)
        return time.monotonic() - began

    def copies(self):
        def prepare():
            script = tempfile.NamedTemporaryFile("w", dir="/tmp", suffix=".sql")
            script.write(copy_script(self.text, self.contract))
            script.flush()
            return script
        return self.measure(prepare, self.run_copy)


def measure(options):
    with Unlimited(options.seconds, options.pairs) as bench:
        batches = Batches(bench)
        bench.seconds = min(2, options.seconds)
        batches.batches()
        batches.copies()
        bench.seconds = options.seconds
        (ours, copy), middle, low, high = bench.ratios("batch_vs_copy", batches.batches, batches.copies, "rate")
        print(f"batches {ours['rate']:.0f} events/s, raw COPY {copy['rate']:.0f} rows/s: {middle:.2f} "
              f"({low:.2f}..{high:.2f})", flush=True)
        bench.figures["batch_rate"] = ours["rate"]
        return bench.figures
