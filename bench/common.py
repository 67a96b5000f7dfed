# SPDX-License-Identifier: Apache-2.0
"""What the parts of bench/run share: the release build, a private PostgreSQL with a sink, measuring programs, pairs."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))

from voxtest.base import build_release  # noqa: E402  (needs the path above)
from voxtest.cluster import Cluster  # noqa: E402
from voxtest.sink import Sink  # noqa: E402

TOOLS = ROOT / "build/release/bench"
PEERS = ROOT / "build/peers"  # what npm installs for the peers
EVENT = ROOT / "contracts/samples/model-call.v1/valid/typical.json"
CEILING_BATCH = 128


def tool(name, *argv, url=None):
    """Runs a measuring program; its `name: value` lines as a dictionary."""
    env = {"VOX_SINK_DATABASE_URL": url} if url else {}
    done = subprocess.run([str(TOOLS / f"bench_{name}"), *map(str, argv)], env=env, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"bench_{name} failed: {done.stdout}{done.stderr}")
    return {k: float(v) for k, v in (line.split(": ") for line in done.stdout.splitlines())}


def left_out(what, why):
    """What a run does not measure or draw is said, once and where it is decided."""
    print(f"left out: {what}: {why}", flush=True)


def node_modules(what, *packages):
    """The folder with these packages ("ajv@8"), installed once; None where that cannot be, and `what` is left out."""
    modules = PEERS / "node_modules"
    missing = [program for program in ("node", "npm") if not shutil.which(program)]

    def there():
        return all((modules / package.split("@")[0]).is_dir() for package in packages)
    if not there() and not missing:
        PEERS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", PEERS, *packages], check=False)
    if there() and "node" not in missing:
        return modules
    left_out(what, f"{' and '.join(missing)} not installed" if missing else f"npm did not install {' '.join(packages)}")
    return None


def make_master_key(sink):
    key = sink.folder / "master.key"
    sink.command("master-key", "create", key)
    return key


def signing_token(sink):
    """A new token whose requests must be signed, as `token create --json` tells it."""
    return json.loads(sink.command("token", "create", "--project", "bench", "--scope", "ingest", "--signature", "required",
                                   "--json").stdout)


def signature(made):
    """The header of the Vox form over the event, by now; good for five minutes, so each run has one of its own."""
    at, secret = int(time.time()), base64.b64decode(made["signing_secret"].removeprefix("whsec_"))
    digest = hmac.new(secret, b"%d\n%s" % (at, EVENT.read_bytes()), hashlib.sha256).hexdigest()
    return f"X-Vox-Telemetry-Signature: t={at},kid={made['signing_kid']},v1={digest}"


def rss_mb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def processors():
    """Those that we may use, as halves: for the sink and the load, and for PostgreSQL; None where there is one only."""
    all_of_them = sorted(os.sched_getaffinity(0))
    half = len(all_of_them) // 2
    return (set(all_of_them[:half]), set(all_of_them[half:])) if half else None


def threads_of(pid):
    with contextlib.suppress(FileNotFoundError):
        yield from (int(thread.name) for thread in pathlib.Path(f"/proc/{pid}/task").iterdir())


def place(pids, where):
    """These processes, all of their threads and whatever they start, on these processors."""
    for thread in (thread for pid in pids for thread in threads_of(pid)):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread, where)


class Bench:
    """A sink before a PostgreSQL of its own. With `signed` it has a token whose events are signed by `signing`."""

    options = {}  # of the sinks

    def __init__(self, seconds, pairs, signed=False):
        self.signed, self.master_key, self.signing = signed, None, None
        self.seconds, self.pairs = seconds, pairs
        self.figures = {}
        self.cluster = Cluster()
        self.cluster.start(shared_buffers="1GB", max_wal_size="8GB", checkpoint_timeout="30min", max_connections=600)
        self.cluster.create_database("bench")
        self.url = self.cluster.url("bench")
        self.sink = Sink(self.url, **self.options)

    def __enter__(self):
        self.sink.migrate()
        self.token = self.sink.token("bench", "ingest,read")
        if self.signed:
            self.master_key = make_master_key(self.sink)
            self.sink.environment["VOX_SINK_MASTER_KEY_FILE"] = str(self.master_key)
            self.signing = signing_token(self.sink)
        self.sink.start()
        self.sink.ready()
        return self

    def __exit__(self, *_):
        self.sink.stop()
        self.cluster.remove()

    @contextlib.contextmanager
    def divided(self):
        """PostgreSQL has half of the processors for itself, sink and measuring programs the other."""
        halves = processors()
        if not halves:
            yield
            return
        everywhere = halves[0] | halves[1]
        ours, theirs = [os.getpid(), self.sink.process.pid], self.cluster.pids()
        try:
            place(ours, halves[0])
            place(theirs, halves[1])
            yield
        finally:
            place(ours, everywhere)
            place(self.cluster.pids(), everywhere)

    def load(self, connections, seconds=None, rate=None):
        return self.load_at("{}:{}".format(*self.sink.address), connections, seconds, rate)

    def load_at(self, address, connections, seconds=None, rate=None):
        """The same events to whoever listens there."""
        seconds = seconds or self.seconds
        if not self.signing:
            return tool("load", address, self.token, EVENT, connections, seconds, rate or 0)
        return tool("load", address, self.signing["token"], EVENT, connections, seconds, rate or 0, signature(self.signing))

    def ceiling(self, seconds=None):
        return tool("ceiling", EVENT, CEILING_BATCH, seconds or self.seconds, url=self.url)

    def bare(self):
        return tool("bare", EVENT, self.seconds, url=self.url)

    def ratios(self, name, a, b, value, turned=True):
        """Pairs of a and b, one after the other, in turned order; the median of the ratios and their quartiles."""
        got = []
        last = None
        for i in range(self.pairs):
            if turned and i % 2:
                second, first = b(), a()
            else:
                first, second = a(), b()
            last = (first, second)
            got.append(first[value] / second[value])
        low, middle, high = statistics.quantiles(got, n=4) if len(got) > 1 else (got[0],) * 3
        self.figures[name] = middle
        self.figures[f"{name}_iqr"] = high - low
        return last, middle, low, high
