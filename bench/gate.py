# SPDX-License-Identifier: Apache-2.0
"""gate_cost: the share of the sink's processor time for a request that token and limits take."""

from common import EVENT, cpu_seconds, tool
from voxtest.sink import Sink

CONNECTIONS = 64
# Limits that are judged, charged and told in each answer, and never reached.
LIMITS = {"rate": 1000000, "burst": 1000000, "address_rate": 1000000, "address_burst": 1000000}


def cost(bench, sink, token):
    """A run against this sink; user and system time for each event stored, in microseconds."""
    host, port = sink.address
    began = cpu_seconds(sink.process)
    load = tool("load", f"{host}:{port}", token, EVENT, CONNECTIONS, bench.seconds)
    load["cpu_us"] = (cpu_seconds(sink.process) - began) / load["ok"] * 1e6
    return load


def measure(bench):
    """Pairs of an open project without a limit, and a token with limits, each with a sink of its own."""
    bare, whole = Sink(bench.url, open_project="bench"), Sink(bench.url, **LIMITS)
    try:
        for sink in (bare, whole):
            sink.start().ready()
        (a, b), middle, low, high = bench.ratios(
            "gate_cost", lambda: cost(bench, bare, "-"), lambda: cost(bench, whole, bench.token), "cpu_us")
    finally:
        for sink in (bare, whole):
            if sink.process:
                sink.stop()
    bench.figures["gate_cost"] = 1 - middle
    print(f"{CONNECTIONS} connections, open project {a['cpu_us']:.1f} us of CPU an event, token and limits "
          f"{b['cpu_us']:.1f}: share {1 - middle:.3f} ({1 - high:.3f}..{1 - low:.3f})", flush=True)
