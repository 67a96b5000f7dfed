# SPDX-License-Identifier: Apache-2.0
"""Keyed load: connections that post events with unique ids, remember what was acknowledged, retry the rest."""

import contextlib
import json
import random
import socket
import threading
import time

from .base import model_call, uuid7
from .http import Connection, Refused


class Load:
    """Threads, each with one keep-alive connection and one event under way.

    `addresses` are the sinks, dealt out in turn; who is cut off goes on to any of them. acked[id] is the first receipt that a 2xx named; `statuses` counts
    every answer; an id without a 2xx is retried with the same id and content until it has one or finish() gives up.
    """

    def __init__(self, addresses, token, connections=64):
        self.addresses = addresses if isinstance(addresses, list) else [addresses]
        self.token = token
        self.acked = {}
        self.retried = set()
        self.statuses = {}
        self.refusals = []  # answers that are neither 2xx nor 429, 503
        self.retry_after_missing = 0
        self.broken = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._deadline = None
        self.unresolved = set()
        self._connections = [None] * connections
        self._turns = [number % len(self.addresses) for number in range(connections)]
        self._random = random.Random(connections)
        self._threads = [threading.Thread(target=self._work, args=(i,), daemon=True) for i in range(connections)]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def count(self):
        return len(self.acked)

    def finish(self, deadline=120):
        """No new events; what is under way is retried until `deadline` seconds from now."""
        self._deadline = time.monotonic() + deadline
        self._stopping.set()
        for thread in self._threads:
            thread.join(deadline + 120)
            assert not thread.is_alive(), "a load thread hangs"
        return self

    def abandon(self):
        """Ends without waiting for anything."""
        self._deadline = 0
        self._stopping.set()

    def cut(self, rng, share):
        """Cuts about this share of the connections, wherever they are; how many."""
        cut = [c for c in self._connections if c and rng.random() < share]
        for connection in cut:
            with contextlib.suppress(OSError):
                connection.socket.shutdown(socket.SHUT_RDWR)
        return len(cut)

    def _exchange(self, number, send):
        """send(connection) on the thread's connection, made anew where there is none; None where it broke.

        Who was cut off comes again to any of the sinks.
        """
        connection = self._connections[number]
        try:
            if connection is None:
                connection = Connection(self.addresses[self._turns[number]], 60)
                self._connections[number] = connection
            answer = send(connection)
            if (answer.header("connection") or "").lower() == "close":
                self._disconnect(number)
            return answer
        except (OSError, Refused):
            self._disconnect(number)
            self._turns[number] = self._random.randrange(len(self.addresses))
            with self._lock:
                self.broken += 1
            return None

    def _disconnect(self, number):
        connection, self._connections[number] = self._connections[number], None
        if connection:
            connection.close()

    def _give_up(self, ids):
        """Before a retry of these: true once finish() or abandon() wants no more of them."""
        self.retried.update(ids)
        if self._deadline is not None and time.monotonic() > self._deadline:
            with self._lock:
                self.unresolved.update(ids)
            return True
        time.sleep(0.05)  # the back-off of a client that retries
        return False

    def _work(self, number):
        serial = 0
        while not self._stopping.is_set():
            serial += 1
            event_id = uuid7()
            body = json.dumps(model_call(f"load-{number}-{serial}"), separators=(",", ":")).encode()

            def send(connection, key=event_id, text=body):
                return connection.request("POST", "/v1/events", text, token=self.token,
                                          headers=[("Idempotency-Key", key)])
            while True:
                answer = self._exchange(number, send)
                if answer and self._take(event_id, answer):
                    break
                if self._give_up([event_id]):
                    return
        self._disconnect(number)

    def _take(self, event_id, answer):
        with self._lock:
            self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
            if answer.status in (200, 201):
                receipt = answer.json()
                if receipt["event_id"] != event_id:
                    self.refusals.append(("another event's receipt", event_id, answer))
                self.acked.setdefault(event_id, receipt)
                return True
            if answer.status in (429, 503):
                if not (answer.header("retry-after") or "").isdigit():
                    self.retry_after_missing += 1
                return False
            self.refusals.append(("refused", event_id, answer))
            return True
