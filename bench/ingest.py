# SPDX-License-Identifier: Apache-2.0
"""bench/run ingest: single events through HTTP, beside the writer's own statements without HTTP."""

from common import Bench, cpu_seconds, rss_mb

CONNECTIONS = (1, 16, 64, 256, 512)
PAIRED = (64, 256, 512)


def ingest(bench):
    print(f"{'connections':>11}  {'events/s':>9}  {'ceiling/s':>9}  {'ratio (quartiles)':>19}  "
          f"{'p50':>8}  {'p99':>8}  {'cpu us/event':>12}")
    bench.load(64, 3)
    bench.ceiling(3)
    for connections in CONNECTIONS:
        began, ratio, ceiling = cpu_seconds(bench.sink.process), "", ""
        if connections in PAIRED:
            (load, top), middle, low, high = bench.ratios(
                f"ingest_{connections}_vs_ceiling", lambda c=connections: bench.load(c), bench.ceiling, "rate")
            ratio, ceiling = f"{middle:.2f} ({low:.2f}..{high:.2f})", f"{top['rate']:.0f}"
            runs = bench.pairs
        else:
            load, runs = bench.load(connections), 1
        spent = cpu_seconds(bench.sink.process) - began
        per_event = spent / (load["ok"] * runs) * 1e6
        print(f"{connections:>11}  {load['rate']:>9.0f}  {ceiling:>9}  {ratio:>19}  "
              f"{load['p50_us'] / 1000:>5.2f} ms  {load['p99_us'] / 1000:>5.2f} ms  {per_event:>12.1f}", flush=True)
        bench.figures[f"ingest_{connections}_rate"] = load["rate"]
    (load, bare), middle, low, high = bench.ratios(
        "lone_vs_commit", lambda: bench.load(1), bench.bare, "p50_us")
    print(f"\nlone request {load['p50_us'] / 1000:.2f} ms, bare transaction {bare['p50_us'] / 1000:.2f} ms: "
          f"{middle:.2f} ({low:.2f}..{high:.2f})")
    bench.load(1000, 3)
    bench.load(256, 3)
    bench.figures["rss_mb"] = rss_mb(bench.sink.process)
    print(f"memory of the sink after all of it: {bench.figures['rss_mb']:.1f} MB\n")


def measure(options):
    with Bench(options.seconds, options.pairs) as bench:
        ingest(bench)
        return bench.figures
