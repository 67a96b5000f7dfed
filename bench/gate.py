# SPDX-License-Identifier: Apache-2.0
"""gate_cost: the share of the sink's processor time for an event that token, signature and limits take."""

from common import EVENT, cpu_seconds, signature, signing_token, tool
from voxtest.sink import Sink

CONNECTIONS = 64
# Limits that are judged, charged and told in each answer, and never reached.
LIMITS = {"rate": 1000000, "burst": 1000000, "address_rate": 1000000, "address_burst": 1000000}


def cost(bench, sink, token, *header):
    """A run against this sink; user and system time for each event stored, in microseconds."""
    host, port = sink.address
    began = cpu_seconds(sink.process)
    load = tool("load", f"{host}:{port}", token, EVENT, CONNECTIONS, bench.seconds, 0, *header)
    load["cpu_us"] = (cpu_seconds(sink.process) - began) / load["ok"] * 1e6
    return load


def measure(bench):
    """Pairs of an open project without a limit, and a signed event with token and limits, each with a sink of its own."""
    bare, whole = Sink(bench.url, open_project="bench"), Sink(bench.url, **LIMITS)
    for sink in (bare, whole):  # a sink without the key that tokens need would not be ready
        sink.environment["VOX_SINK_MASTER_KEY_FILE"] = str(bench.master_key)
    made = signing_token(whole)
    try:
        for sink in (bare, whole):
            sink.start().ready()
        (a, b), middle, low, high = bench.ratios(
            "gate_cost", lambda: cost(bench, bare, "-"),
            lambda: cost(bench, whole, made["token"], signature(made)), "cpu_us")
    finally:
        for sink in (bare, whole):
            if sink.process:
                sink.stop()
    bench.figures["gate_cost"] = 1 - middle
    parts = tool("gate", EVENT)
    bench.figures.update({f"gate_{name}": ns for name, ns in parts.items()})
    print("the gate's parts alone: " + ", ".join(f"{name.removesuffix('_ns')} {ns:.0f} ns" for name, ns in parts.items()))
    print(f"{CONNECTIONS} connections, open project {a['cpu_us']:.1f} us of CPU an event; token, signature and limits "
          f"{b['cpu_us']:.1f}: share {1 - middle:.3f} ({1 - high:.3f}..{1 - low:.3f})", flush=True)
