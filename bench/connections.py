# SPDX-License-Identifier: Apache-2.0
"""bench/run connections: memory of a sink that holds 10,000 of them, fresh and once each of them was used."""

import json
import resource
import socket

from common import Bench, EVENT, rss_mb
from voxtest import uuid7, wait_until

CONNECTIONS = 10_000
DESCRIPTORS = CONNECTIONS + 200
AT_ONCE = 500  # requests under way


class Patient(Bench):
    options = {"max_connections": DESCRIPTORS, "idle_timeout": 3600, "head_deadline": 3600}


def request(bench, event):
    return (f"POST /v1/events HTTP/1.1\r\nHost: sink.example\r\nUser-Agent: bench/1\r\nAccept: */*\r\n"
            f"Authorization: Bearer {bench.token}\r\nContent-Type: application/json\r\n"
            f"Idempotency-Key: \"{uuid7()}\"\r\nContent-Length: {len(event)}\r\n\r\n{event}").encode()


def answer(connection):
    """Reads one; its status."""
    got = b""
    while b"\r\n\r\n" not in got:
        piece = connection.recv(65536)
        if not piece:
            raise SystemExit("the sink closed a connection")
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    missing = int(next(line.split(":")[1] for line in lines if line.startswith("content-length"))) - len(body)
    while missing > 0:
        missing -= len(connection.recv(missing))
    return int(lines[0].split()[1])


def hold(bench):
    """That many connections, and the sink has taken them all."""
    held = [socket.create_connection(bench.sink.address, 60) for _ in range(CONNECTIONS)]

    def taken():
        text = bench.sink.request("GET", "/metrics").body.decode()
        open_now = next(line for line in text.splitlines() if line.startswith("vox_sink_connections "))
        return float(open_now.split()[1]) >= CONNECTIONS
    wait_until(taken, "the sink holds them", 120)
    return held


def use(bench, held):
    event = json.dumps(json.loads(EVENT.read_text()), separators=(",", ":"))
    for first in range(0, len(held), AT_ONCE):
        some = held[first:first + AT_ONCE]
        for connection in some:
            connection.sendall(request(bench, event))
        refused = [status for status in map(answer, some) if status != 201]
        if refused:
            raise SystemExit(f"the sink answered {refused[0]}")


def measure(options):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if 0 <= most < DESCRIPTORS:
        print(f"connections: not measured, {most} descriptors are all this user may have (ulimit -Hn {DESCRIPTORS})")
        return {}
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, most))
    with Patient(options.seconds, options.pairs) as bench:
        figures = {"connections_none_mb": rss_mb(bench.sink.process)}
        held = hold(bench)
        figures["connections_fresh_mb"] = rss_mb(bench.sink.process)
        use(bench, held)
        figures["connections_used_mb"] = rss_mb(bench.sink.process)
        for connection in held:
            connection.close()
    print(f"memory of the sink with no connection {figures['connections_none_mb']:.1f} MB, with {CONNECTIONS} fresh ones "
          f"{figures['connections_fresh_mb']:.1f} MB, after an event by each {figures['connections_used_mb']:.1f} MB")
    return figures
