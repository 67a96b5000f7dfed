# SPDX-License-Identifier: Apache-2.0
"""Keyed load: connections that post events with unique ids, remember what was acknowledged, retry the rest."""

import json
import threading
import time

from .base import model_call, uuid7
from .http import Connection, Refused


class Load:
    """Threads, each with one keep-alive connection and one event under way.

    `addresses` are the sinks, dealt out in turn. acked[id] is the first receipt that a 2xx named; `statuses` counts
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
        self._threads = [threading.Thread(target=self._work, args=(i,), daemon=True) for i in range(connections)]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def count(self):
        return len(self.acked)

    def finish(self, deadline=60):
        """No new events; what is under way is retried until `deadline` seconds from now."""
        self._deadline = time.monotonic() + deadline
        self._stopping.set()
        for thread in self._threads:
            thread.join(deadline + 60)
            assert not thread.is_alive(), "a load thread hangs"
        return self

    def _work(self, number):
        connection, serial, address = None, 0, self.addresses[number % len(self.addresses)]
        while not self._stopping.is_set():
            serial += 1
            event_id = uuid7()
            body = json.dumps(model_call(f"load-{number}-{serial}"), separators=(",", ":")).encode()
            done = False
            while not done:
                try:
                    if connection is None:
                        connection = Connection(address, 30)
                    answer = connection.request("POST", "/v1/events", body, token=self.token,
                                                headers=[("Idempotency-Key", event_id)])
                    done = self._take(event_id, answer)
                    if (answer.header("connection") or "").lower() == "close":
                        connection.close()
                        connection = None
                except (OSError, Refused):
                    if connection:
                        connection.close()
                    connection = None
                    with self._lock:
                        self.broken += 1
                if not done:
                    self.retried.add(event_id)
                    if self._deadline and time.monotonic() > self._deadline:
                        with self._lock:
                            self.unresolved.add(event_id)
                        return
                    time.sleep(0.05)  # the back-off of a client that retries
        if connection:
            connection.close()

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
