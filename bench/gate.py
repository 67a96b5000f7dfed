# SPDX-License-Identifier: Apache-2.0
"""gate_cost: the share of the sink's processor time for an event that token, signature and limits take."""

import base64
import hashlib
import hmac
import json
import time

from common import EVENT, cpu_seconds, tool
from voxtest.sink import Sink

CONNECTIONS = 64
# Limits that are judged, charged and told in each answer, and never reached.
LIMITS = {"rate": 1000000, "burst": 1000000, "address_rate": 1000000, "address_burst": 1000000}


def signature(made):
    """The header of the Vox form over the event, by now; good for five minutes."""
    at, secret = int(time.time()), base64.b64decode(made["signing_secret"].removeprefix("whsec_"))
    digest = hmac.new(secret, b"%d\n%s" % (at, EVENT.read_bytes()), hashlib.sha256).hexdigest()
    return f"X-Vox-Telemetry-Signature: t={at},kid={made['signing_kid']},v1={digest}"


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
    key = whole.folder / "master.key"
    whole.command("master-key", "create", key)
    whole.environment["VOX_SINK_MASTER_KEY_FILE"] = str(key)
    made = json.loads(whole.command("token", "create", "--project", "bench", "--scope", "ingest", "--signature",
                                    "required", "--json").stdout)
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
