# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow on purpose: they are closed by their deadlines, and nobody else notices.

The short case counts. The long ones run slowhttptest with 500 connections in each of its modes and compare the time of
a client that behaves with its time when nobody else is there.
"""

import json
import select
import socket
import subprocess
import threading
import time
import unittest

from voxtest import LONG, SANITIZED, SinkCase, model_call, uuid7, wait_until

PIECES = {
    "head": b"GET /healthz HTTP/1.1\r\nHost: sink\r\n",
    "body": b"POST /v1/events HTTP/1.1\r\nHost: sink\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n",
    "read": b"GET /v1/contracts HTTP/1.1\r\nHost: sink\r\n\r\n",
}


class SlowCase(SinkCase):

    options = {"head_deadline": 5, "transfer_grace": 5, "transfer_deadline": 8, "idle_timeout": 10, "open_project": "demo"}

    def cut(self):
        return self.sink.metrics().get(("vox_sink_connections_cut_total", (("reason", "deadline"),)), 0)

    def connections(self):
        return self.sink.metrics()["vox_sink_connections", ()]


class Slow(SlowCase):

    many = 100  # of each kind

    def test_three_hundred(self):
        """100 heads, 100 bodies and 100 answers that trickle: a client among them is served every time."""
        socks, stop = {}, threading.Event()
        for kind, piece in PIECES.items():
            for _ in range(self.many):
                sock = socket.socket()
                self.addCleanup(sock.close)
                if kind == "read":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                sock.connect(self.sink.address)
                # Who reads slowly asks for more than any buffer between takes.
                sock.sendall(piece * 100 if kind == "read" else piece)
                sock.setblocking(False)
                socks[sock] = kind

        def trickle():
            while not stop.wait(0.2):
                for sock, kind in socks.items():
                    try:
                        if kind == "read":
                            sock.recv(1)
                        else:
                            sock.send(b"a" if kind == "head" else b" ")
                    except OSError:
                        pass

        thread = threading.Thread(target=trickle)
        thread.start()
        try:
            while True:
                answer = self.sink.post(model_call("among"), self.write_token, uuid7())
                self.assertEqual(answer.status, 201, answer)
                if self.connections() <= 1:
                    break
            self.assertGreaterEqual(self.cut(), 2 * self.many)
        finally:
            stop.set()
            thread.join()
        for sock in socks:
            sock.settimeout(120)
            try:
                while sock.recv(65536):
                    pass
            except ConnectionError:
                pass


@unittest.skipUnless(LONG and not SANITIZED, "only in the long run, and without a sanitizer")
class SlowHttpTest(SlowCase):

    many = 500
    seconds = 40
    samples = 1500
    rounds = 20

    def latencies(self, until):
        """Milliseconds of posts on one connection until until(), which is asked after every 25."""
        taken = []
        with self.sink.connect() as connection:
            while not taken or len(taken) % 25 or not until():
                body = json.dumps(model_call("legitimate")).encode()
                began = time.monotonic()
                answer = connection.request("POST", "/v1/events", body, token=self.write_token,
                                            headers=[("Idempotency-Key", uuid7())])
                taken.append((time.monotonic() - began) * 1000)
                self.assertEqual(answer.status, 201, answer)
                select.select([], [], [], 0.005)  # a client's own pace
        return taken

    def attack(self, closed, *mode):
        """Quiet and loud times in turn, until of each there are enough for a p99; `closed` meet our own deadline each time.

        What else the machine does falls on both alike; where it makes them differ, more are taken.
        """
        quiet, loud, cut, good = [], [], [], False
        while len(cut) < self.rounds and not good:
            quiet_end = time.monotonic() + 5
            quiet += self.latencies(lambda end=quiet_end: time.monotonic() > end)
            before = self.cut()
            loud += self.among_slow_ones(*mode)
            cut.append(self.cut() - before)
            p99 = [sorted(times)[len(times) * 99 // 100] for times in (quiet, loud)]
            good = min(len(quiet), len(loud)) >= self.samples and p99[1] <= max(2 * p99[0], p99[0] + 20)
        print(f"    {' '.join(mode)}: p99 {p99[0]:.1f} ms of {len(quiet)} quiet, {p99[1]:.1f} ms of {len(loud)} among {self.many},"
              f" {cut} cut")
        self.assertGreaterEqual(min(cut), closed)
        self.assertTrue(good, f"p99 {p99[0]} ms alone, {p99[1]} ms among the slow ones")

    def among_slow_ones(self, *mode):
        url = f"http://127.0.0.1:{self.sink.address[1]}"
        words = ["slowhttptest", *mode[:-1], "-c", str(self.many), "-r", "250", "-l", str(self.seconds), "-p", "5",
                 "-u", url + mode[-1]]
        began = time.monotonic()
        with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as tool:
            wait_until(lambda: self.connections() > self.many // 2, "the slow ones are here")
            # Until they are closed, by us: the tool would keep them longer.
            loud = self.latencies(lambda: self.connections() <= 2)
            self.assertLess(time.monotonic() - began, self.seconds)
            tool.terminate()
        return loud

    def test_header(self):
        self.attack(self.many, "-H", "-i", "1", "/healthz")

    def test_body(self):
        self.attack(self.many, "-B", "-i", "1", "-s", "100000", "-f", "application/json", "/v1/events")

    def test_read(self):
        self.attack(0, "-X", "-n", "2", "-z", "8", "-w", "64", "-y", "128", "-k", "10", "/v1/contracts")
