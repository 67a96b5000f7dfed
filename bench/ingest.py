# SPDX-License-Identifier: Apache-2.0
"""bench/run ingest: single events through HTTP, beside the writer's own statements without HTTP, and beside peers.

Each event has a bearer token, a signature, a limit that is never reached, its schema, and its id in the ledger.
The sink and the ceiling are measured with the processors divided (Bench.divided()), the peers and the sink beside them
with all for all, which suits the peers better; at FREE_PAIRED the sink and the ceiling both ways.
"""

import gate
from common import Bench, cpu_seconds, left_out, node_modules, rss_mb
from peers import Insert, NODE_PACKAGES, Node
from plot import plot

CONNECTIONS = (1, 16, 64, 256, 512)
PAIRED = (64, 256, 512)
PEERS_PAIRED = 256
FREE_PAIRED = 256


class SignedBench(Bench):
    options = gate.LIMITS


class Table:
    """A row for each number of connections, and the figures."""

    def __init__(self, bench):
        self.bench = bench
        self.insert = Insert(bench.cluster, "bench")
        modules = node_modules("the node column, ingest_N_vs_node", *NODE_PACKAGES)
        self.node = Node(bench, modules) if modules else None
        self.rows = []

    def peer(self, name, connections, load):
        """The peer's rate; at PEERS_PAIRED in pairs with the sink, else by one run."""
        if connections != PEERS_PAIRED:
            return load(connections, self.bench.seconds)["rate"]
        last, middle, low, high = self.bench.ratios(
            f"ingest_{connections}_vs_{name}", lambda: self.bench.load(connections),
            lambda: load(connections, self.bench.seconds), "rate")
        print(f"{name}: {middle:.2f} times its rate ({low:.2f}..{high:.2f})", flush=True)
        return last[1]["rate"]

    def measure(self, connections):
        bench, ratio, ceiling, runs = self.bench, "", "", 1
        began = cpu_seconds(bench.sink.process)
        with bench.divided():
            if connections in PAIRED:
                (load, top), middle, low, high = bench.ratios(
                    f"ingest_{connections}_vs_ceiling", lambda: bench.load(connections), bench.ceiling, "rate")
                bench.figures[f"ceiling_{connections}_rate"] = top["rate"]
                ratio, ceiling, runs = f"{middle:.2f} ({low:.2f}..{high:.2f})", f"{top['rate']:.0f}", bench.pairs
            else:
                load = bench.load(connections)
        spent = (cpu_seconds(bench.sink.process) - began) / (load["ok"] * runs) * 1e6
        if connections == FREE_PAIRED:
            self.free(connections)
        insert = self.peer("insert", connections, self.insert.load)
        node = self.peer("node", connections, self.node.load) if self.node else 0
        bench.figures[f"ingest_{connections}_rate"] = load["rate"]
        bench.figures[f"insert_{connections}_rate"] = insert
        if self.node:
            bench.figures[f"node_{connections}_rate"] = node
        node = f"{node:.0f}" if self.node else "-"
        return (f"{connections:>11}  {load['rate']:>8.0f}  {ceiling:>8}  {ratio:>18}  {insert:>8.0f}  {node:>8}  "
                f"{load['p50_us'] / 1000:>6.2f} ms  {load['p99_us'] / 1000:>6.2f} ms  {spent:>6.1f}")

    def free(self, connections):
        _, middle, low, high = self.bench.ratios(
            f"ingest_{connections}_free_vs_ceiling", lambda: self.bench.load(connections), self.bench.ceiling, "rate")
        print(f"ceiling, all processors for all: {middle:.2f} ({low:.2f}..{high:.2f})", flush=True)

    def print(self):
        rows = [self.measure(connections) for connections in CONNECTIONS]
        print(f"{'connections':>11}  {'events/s':>8}  {'ceiling':>8}  {'ratio (quartiles)':>18}  {'pgbench':>8}  "
              f"{'node':>8}  {'p50':>9}  {'p99':>9}  {'cpu us':>6}", *rows, sep="\n", flush=True)

    def close(self):
        if self.node:
            self.node.stop()


def half_load(bench):
    """Latency where nothing queues for want of capacity: half the rate just measured, evenly spaced."""
    print(f"\n{'connections':>11}  {'rate':>8}  {'p50':>9}  {'p95':>9}  {'p99':>9}    at half load")
    for connections in (64, 256):
        rate = bench.figures[f"ingest_{connections}_rate"] / 2
        got = bench.load(connections, rate=round(rate))
        print(f"{connections:>11}  {got['rate']:>8.0f}  {got['p50_us'] / 1000:>6.2f} ms  {got['p95_us'] / 1000:>6.2f} ms  "
              f"{got['p99_us'] / 1000:>6.2f} ms", flush=True)
        bench.figures[f"half_load_{connections}_p99_ms"] = got["p99_us"] / 1000


def lone(bench):
    (load, bare), middle, low, high = bench.ratios(
        "lone_vs_commit", lambda: bench.load(1), bench.bare, "p50_us")
    print(f"\nlone request {load['p50_us'] / 1000:.2f} ms, bare transaction {bare['p50_us'] / 1000:.2f} ms: "
          f"{middle:.2f} ({low:.2f}..{high:.2f})")


def memory(bench):
    bench.load(1000, 3)
    bench.load(256, 3)
    bench.figures["rss_mb"] = rss_mb(bench.sink.process)
    print(f"memory of the sink after all of it: {bench.figures['rss_mb']:.1f} MB\n")


def measure(options):
    with SignedBench(options.seconds, options.pairs, signed=True) as bench:
        bench.load(64, 3)
        bench.ceiling(3)
        table = Table(bench)
        try:
            table.print()
        finally:
            table.close()
        picture = plot(bench.figures, CONNECTIONS)
        if picture:
            print(f"\nas a picture: {picture}")
        else:
            left_out("the picture", "gnuplot not installed")
        half_load(bench)
        lone(bench)
        gate.measure(bench)
        memory(bench)
        return bench.figures
