# SPDX-License-Identifier: Apache-2.0
"""What the parts of bench/run share: the release build, a private PostgreSQL with a sink, measuring programs, pairs."""

import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))

from voxtest.cluster import Cluster  # noqa: E402  (needs the path above)
from voxtest.sink import Sink  # noqa: E402

TOOLS = ROOT / "build/release/bench"
PEERS = ROOT / "build/peers"  # what npm installs for the peers
EVENT = ROOT / "contracts/samples/model-call.v1/valid/typical.json"
CEILING_BATCH = 128


def build():
    subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "release"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def tool(name, *argv, url=None):
    """Runs a measuring program; its `name: value` lines as a dictionary."""
    env = {"VOX_SINK_DATABASE_URL": url} if url else {}
    done = subprocess.run([str(TOOLS / f"bench_{name}"), *map(str, argv)], env=env, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"bench_{name} failed: {done.stdout}{done.stderr}")
    return {k: float(v) for k, v in (line.split(": ") for line in done.stdout.splitlines())}


def node_modules(*packages):
    """The folder with these packages ("ajv@8"), installed once; None where that cannot be."""
    modules = PEERS / "node_modules"

    def there():
        return all((modules / package.split("@")[0]).is_dir() for package in packages)
    if not there() and shutil.which("node") and shutil.which("npm"):
        PEERS.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--prefix", PEERS, *packages], check=False)
    return modules if there() else None


def rss_mb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


class Bench:
    options = {}  # of the sinks

    def __init__(self, seconds, pairs):
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
        self.sink.start()
        self.sink.ready()
        return self

    def __exit__(self, *_):
        self.sink.stop()
        self.cluster.remove()

    def load(self, connections, seconds=None, rate=None):
        host, port = self.sink.address
        return tool("load", f"{host}:{port}", self.token, EVENT, connections, seconds or self.seconds,
                    *([rate] if rate else []))

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
