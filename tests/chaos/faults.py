# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, by name: how often in the short and the long form, and how it is done.

commit(world, rng) returns when the fault is over and everything is up again; what it returns is told.
"""

import socket
import struct
import subprocess
from dataclasses import dataclass
from typing import Callable

from voxtest import model_call, wait_until
from world import DATABASE, SETTINGS


@dataclass
class Fault:
    short: int
    long: int
    commit: Callable


def kill_sink(world, rng):
    sink = rng.choice(world.sinks)
    sink.kill()
    sink.start().ready()
    # Whom it served has gone to the other one: both are to have some again.
    for load in world.loads:
        load.cut(rng, 0.5)


def kill_postgres(world, rng):
    if rng.random() < 0.5:
        world.primary.stop_immediate()
    else:
        world.primary.kill()
    world.primary.start(**SETTINGS)
    world.wait_streaming()


def failover(world, _):
    world.failover()


def failover_silent(world, _):
    """The old primary accepts connections and says nothing: it must not keep the sinks from the new one."""
    world.failover(silent=True)


def kill_standby(world, _):
    """Without its standby no commit may be acknowledged; with it again they go on."""
    world.standby.kill()
    world.standby.start(**SETTINGS)
    world.wait_streaming()


def end_sessions(world, rng):
    for _ in range(rng.randrange(1, 4)):
        world.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                  f"WHERE datname = '{DATABASE}' AND pid <> pg_backend_pid()")


def cancel_statements(world, rng):
    for _ in range(rng.randrange(1, 10)):
        world.sql("SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                  f"WHERE datname = '{DATABASE}' AND pid <> pg_backend_pid()")


def cut_at_commit(world, _):
    """The link is cut when COMMIT has gone out and no answer has come."""
    fired = [link.cut_at_commit() for link in world.links]

    def cut():
        """An event of ours, should all the load be with the sink that has no links."""
        world.sinks[1].post(model_call("cut"), world.token)
        return any(event.is_set() for event in fired)
    wait_until(cut, "a writer's link is cut at its COMMIT")
    for link in world.links:
        link.disarm()


def cut_links(world, _):
    return f"{sum(link.cut_all() for link in world.links)} cut"


def cut_clients(world, rng):
    return f"{sum(load.cut(rng, 0.5) for load in world.loads)} cut"


def freeze_postgres(world, _):
    with world.primary.frozen():
        wait_until(lambda: refuses(world), "503 while the database is frozen")


def lock_events(world, _):
    """ACCESS EXCLUSIVE until both sinks have said 503; PostgreSQL ends the holder after 30 s in any case."""
    holder = subprocess.Popen(
        [str(world.primary.bin / "psql"), "-XAtq", "-d", world.primary.url(DATABASE)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    holder.stdin.write("BEGIN; LOCK TABLE telemetry.events IN ACCESS EXCLUSIVE MODE; SELECT 'held';\n")
    holder.stdin.flush()
    assert holder.stdout.readline().strip() == "held"
    try:
        wait_until(lambda: refuses(world), "503 while the table is locked")
    finally:
        holder.stdin.close()
        holder.wait(120)
        holder.stdout.close()


def lock_events_long(world, _):
    subprocess.run([str(world.primary.bin / "psql"), "-XAtq", "-d", world.primary.url(DATABASE), "-c",
                    "BEGIN; LOCK TABLE telemetry.events IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(30)"],
                   check=True, stdout=subprocess.DEVNULL, timeout=300)


def exhaust_connections(world, _):
    """Every connection that the server allows is taken, and the sinks have lost theirs."""
    held = []
    try:
        # Each time anew: a session that has ended may leave its place a moment later, for a sink to take.
        wait_until(lambda: take_all(world, held) and refuses(world), "503 while there is no connection to be had")
    finally:
        for session in held:
            session.close()
    return f"{len(held)} taken"


def refuses(world):
    """Both sinks say 503."""
    return all(sink.post(model_call("refuse"), world.token).status == 503 for sink in world.sinks)


def take_all(world, held):
    """Takes what is free and ends what the sinks have; true once they have nothing left."""
    while session := open_session(world):
        held.append(session)
    return held and ask(held[0], "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                        f"WHERE datname = '{DATABASE}' AND application_name <> 'held'") == 0


def open_session(world):
    """An idle session of the database, by hand: libpq's own programs would be a process each. None if refused."""
    session = socket.socket(socket.AF_UNIX)
    session.settimeout(120)
    session.connect(str(world.primary.folder / ".s.PGSQL.5432"))
    words = b"user\0vox\0database\0" + DATABASE.encode() + b"\0application_name\0held\0\0"
    session.sendall(struct.pack("!II", 8 + len(words), 196608) + words)
    if b"Z" in list(messages(session)):
        return session
    session.close()
    return None


def ask(session, sql):
    """How many rows the statement gives."""
    text = sql.encode() + b"\0"
    session.sendall(b"Q" + struct.pack("!I", 4 + len(text)) + text)
    return sum(kind == b"D" for kind in messages(session))


def messages(session):
    """The kinds of the server's messages (PostgreSQL's protocol, 55.7) until it is ready, says no, or is gone."""
    while len(head := exactly(session, 5)) == 5:
        kind, length = head[:1], struct.unpack("!I", head[1:])[0]
        exactly(session, length - 4)
        yield kind
        if kind in (b"Z", b"E"):
            return


def exactly(session, count):
    """So many bytes; fewer where the server has closed."""
    data = b""
    while len(data) < count and (piece := session.recv(count - len(data))):
        data += piece
    return data


FAULTS = {
    "kill_sink": Fault(6, 500, kill_sink),
    "kill_postgres": Fault(2, 50, kill_postgres),
    "failover": Fault(1, 7, failover),
    "failover_silent": Fault(1, 3, failover_silent),
    "kill_standby": Fault(1, 5, kill_standby),
    "end_sessions": Fault(3, 50, end_sessions),
    "cancel_statements": Fault(3, 50, cancel_statements),
    "cut_at_commit": Fault(4, 50, cut_at_commit),
    "cut_links": Fault(2, 20, cut_links),
    "cut_clients": Fault(3, 50, cut_clients),
    "freeze_postgres": Fault(1, 3, freeze_postgres),
    "lock_events": Fault(1, 3, lock_events),
    "lock_events_30_s": Fault(0, 2, lock_events_long),
    "exhaust_connections": Fault(1, 5, exhaust_connections),
}
