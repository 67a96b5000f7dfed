# SPDX-License-Identifier: Apache-2.0
"""No number of connections stalls the loop, and many connections cost little memory.

Numbers near a power of two above all: a table, or what epoll gives at a time, has so many places. A stall is seconds to
minutes; the deadline is generous and nothing here measures speed.
"""

import asyncio
import json
import time

from voxtest import LONG, SANITIZED, SinkCase, model_call, uuid7, wait_until

COUNTS = (1, 2, 63, 64, 65, 127, 128, 129, 255, 256, 257, 512, 1000)
POSTS = 3
DEADLINE = 120


class Peer:
    """One keep-alive connection of the event loop here."""

    def __init__(self, case):
        self.case = case

    async def open(self):
        host, port = self.case.sink.address
        self.reader, self.writer = await asyncio.open_connection(host, port)
        return self

    async def post(self):
        body = json.dumps(model_call("stall"), separators=(",", ":"))
        self.writer.write((
            f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.case.write_token}\r\n"
            f"Content-Type: application/json\r\nIdempotency-Key: {uuid7()}\r\nContent-Length: {len(body)}\r\n\r\n"
            f"{body}").encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        await self.reader.readexactly(length)
        return int(head.split(" ")[1])

    def close(self):
        self.writer.close()


class Stall(SinkCase):

    def test_every_count_completes(self):
        counts = (1, 2, 64, 256) if SANITIZED else COUNTS
        stored = self.rows()
        for count in counts:
            with self.subTest(connections=count):
                statuses, seconds = asyncio.run(asyncio.wait_for(self.posts(count), DEADLINE))
                self.assertEqual(set(statuses), {201})
                self.assertEqual(len(statuses), count * POSTS)
                stored += count * POSTS
                self.assertEqual(self.rows(), stored)
                self.assertLess(seconds, DEADLINE)

    async def posts(self, count):
        peers = [await Peer(self).open() for _ in range(count)]
        began = time.monotonic()

        async def work(peer):
            return [await peer.post() for _ in range(POSTS)]
        results = await asyncio.gather(*(work(peer) for peer in peers))
        for peer in peers:
            peer.close()
        return [status for result in results for status in result], time.monotonic() - began

    def test_memory_of_many_connections(self):
        """Under 40 MB with 1,000 used keep-alive connections plus 256 busy ones."""
        if SANITIZED:
            self.skipTest("a sanitizer's memory is its own")
        peak = asyncio.run(asyncio.wait_for(self.crowd(), 300))
        print(f"    {peak / 1e6:.1f} MB resident with 1,000 used and 256 busy connections")
        self.assertLess(peak, 40_000_000)

    async def crowd(self):
        used = [await Peer(self).open() for _ in range(1000)]
        for start in range(0, 1000, 100):
            statuses = await asyncio.gather(*(peer.post() for peer in used[start:start + 100]))
            self.assertEqual(set(statuses), {201})
        busy = [await Peer(self).open() for _ in range(256)]
        stop = time.monotonic() + 5
        peak = 0

        async def work(peer):
            while time.monotonic() < stop:
                self.assertEqual(await peer.post(), 201)
        work_all = asyncio.gather(*(work(peer) for peer in busy))
        while not work_all.done():
            peak = max(peak, self.sink.rss())
            await asyncio.sleep(0.1)
        await work_all
        # The used ones still work.
        self.assertEqual(await used[0].post(), 201)
        self.assertEqual(await used[999].post(), 201)
        for peer in used + busy:
            peer.close()
        return peak

    def test_descriptors_come_back(self):
        before = self.sink.descriptors()
        asyncio.run(asyncio.wait_for(self.posts(200), DEADLINE))
        wait_until(lambda: self.sink.descriptors() <= before, "descriptors are back to where they were")


class TenThousand(SinkCase):
    """Issue 5: fresh connections take at most 64 MB altogether, used ones at most 100 MB."""

    options = {"max_connections": 10100, "head_deadline": 3600, "idle_timeout": 3600}
    many = 10000

    def test_memory(self):
        if not LONG or SANITIZED:
            self.skipTest("only in the long run, and without a sanitizer")
        fresh, used = asyncio.run(asyncio.wait_for(self.crowd(), 600))
        print(f"    {fresh / 1e6:.1f} MB resident with 10,000 fresh connections, {used / 1e6:.1f} MB with used ones")
        wait_until(lambda: self.connections() < 10, "they are gone")
        self.assertLessEqual(fresh, 64_000_000)
        self.assertLessEqual(used, 100_000_000)

    def connections(self):
        return self.sink.metrics()["vox_sink_connections", ()]

    async def crowd(self):
        peers = []
        for _ in range(self.many // 500):
            peers += await asyncio.gather(*(Peer(self).open() for _ in range(500)))
        wait_until(lambda: self.connections() >= self.many, "the sink has them all")
        fresh = self.sink.rss()
        for start in range(0, self.many, 250):
            statuses = await asyncio.gather(*(peer.post() for peer in peers[start:start + 250]))
            self.assertEqual(set(statuses), {201})
        self.assertGreaterEqual(self.connections(), self.many)
        used = self.sink.rss()
        for peer in peers:
            peer.close()
        return fresh, used
