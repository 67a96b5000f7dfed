# SPDX-License-Identifier: Apache-2.0
"""Connections that pipeline, leave, dawdle, or come in great numbers; and one id from many at once."""

import collections
import contextlib
import json
import socket
import threading
import time

from voxtest import Connection, Refused, SinkCase, model_call, uuid7, wait_until


class ConnectionCase(SinkCase):
    """Its deadlines are none that a client on a busy machine could miss."""

    options = {"idle_timeout": 3600, "head_deadline": 3600, "transfer_grace": 3600, "transfer_deadline": 3600}

    def raw(self, event_id, body, token=None):
        return (f"POST /v1/events HTTP/1.1\r\nHost: sink\r\nAuthorization: Bearer {token or self.write_token}\r\n"
                f"Content-Type: application/json\r\nIdempotency-Key: {event_id}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode() + body

    def tearDown(self):
        wait_until(lambda: self.sink.alive() and self.sink.status_of("/healthz") == 200, "it lives")


class Connections(ConnectionCase):

    # -- pipelines

    def test_pipelined_posts(self):
        """Twenty requests in one write: twenty answers, in order."""
        ids = [uuid7() for _ in range(20)]
        data = b"".join(self.raw(i, json.dumps(model_call(i)).encode()) for i in ids)
        with self.sink.connect() as connection:
            connection.send(data)
            answers = [connection.read() for _ in ids]
        self.assertEqual([a.status for a in answers], [201] * 20)
        self.assertEqual([a.json()["event_id"] for a in answers], ids)

    def test_pipelined_mixture(self):
        event_id = uuid7()
        get = b"GET /healthz HTTP/1.1\r\nHost: sink\r\n\r\n"
        body = json.dumps(model_call(event_id)).encode()
        with self.sink.connect() as connection:
            connection.send(get + self.raw(event_id, body) + get + self.raw(event_id, body) + get)
            self.assertEqual([connection.read().status for _ in range(5)], [200, 201, 200, 200, 200])

    def test_keep_alive_survives_client_errors(self):
        """A refusal of the event, the last thing that is looked at, does not cost the connection."""
        with self.sink.connect() as connection:
            for _ in range(3):
                for body, status in ((b'{"Unheard":{}}', 422), (json.dumps(model_call()).encode(), 201), (b"{", 400)):
                    answer = connection.request("POST", "/v1/events", body, token=self.write_token)
                    self.assertEqual(answer.status, status, answer)

    def test_split_anywhere(self):
        """The request in two writes, cut at every place of its head: always one event."""
        body = json.dumps(model_call("split"), separators=(",", ":")).encode()
        data = self.raw(uuid7(), body)
        for cut in [*range(1, len(data) - len(body) + 3, 7), len(data) - 1]:
            with self.sink.connect() as connection:
                connection.send(data[:cut])
                # Nothing may be answered before the rest has come.
                connection.socket.settimeout(0.005)
                try:
                    early = connection.socket.recv(1)
                    self.fail(f"answered early, cut at {cut}: {early}")
                except TimeoutError:
                    pass
                connection.socket.settimeout(120)
                connection.send(data[cut:])
                self.assertIn(connection.read().status, (200, 201), cut)

    # -- peers that leave

    def test_peers_that_leave(self):
        """Clients that go away while their event is being stored: it is stored or not, and nothing leaks."""
        before = self.sink.descriptors()
        for how in range(60):
            sock = socket.create_connection(self.sink.address, 120)
            body = json.dumps(model_call(f"left-{how}")).encode()
            sock.sendall(self.raw(uuid7(), body))
            if how % 3 == 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            elif how % 3 == 1:
                sock.shutdown(socket.SHUT_WR)
            sock.close()
        wait_until(lambda: self.sink.descriptors() <= before + 1, "descriptors are back to where they were")

    def test_half_closed_peer_gets_its_answer(self):
        event_id = uuid7()
        with self.sink.connect() as connection:
            connection.send(self.raw(event_id, json.dumps(model_call("half")).encode()))
            connection.socket.shutdown(socket.SHUT_WR)
            self.assertEqual(connection.read().status, 201)
        self.assertEqual(self.stored(event_id), 1)


class Dawdlers(ConnectionCase):

    options = {"idle_timeout": 3, "head_deadline": 2, "transfer_grace": 3}

    def assert_closed(self, connection):
        """The server ends the connection; far sooner than by its defaults."""
        connection.socket.settimeout(50)
        try:
            connection.rest()
        except TimeoutError:
            self.fail("still open after 50 s")

    def used(self):
        """A connection that had an answer; None if we were too late with the request."""
        connection = self.sink.connect()
        with contextlib.suppress(ConnectionError, Refused):
            self.assertEqual(connection.request("GET", "/healthz").status, 200)
            return connection
        connection.close()
        return None

    def is_served(self):
        """Somebody else's event is taken; None if we were too late with the request."""
        with contextlib.suppress(ConnectionError, Refused):
            return self.sink.post(model_call("meanwhile"), self.write_token).status == 201

    def test_idle_connections_are_closed(self):
        with self.sink.connect() as fresh, wait_until(self.used, "it is used") as used, self.sink.connect() as half:
            with contextlib.suppress(ConnectionError):  # closed by now
                half.send(b"GET /healthz HTTP/1.1\r\nHo")
            for connection in (fresh, used, half):
                self.assert_closed(connection)

    def test_one_byte_at_a_time(self):
        """A head, or a body, that comes one byte each half second does not hold its connection for ever."""
        def drip(connection, head, rest):
            end, part = time.monotonic() + 120, head
            while time.monotonic() < end:
                try:
                    connection.send(part)
                    part = rest
                    connection.socket.settimeout(0.5)
                    if not connection.socket.recv(4096):
                        return time.monotonic()
                except TimeoutError:
                    pass
                except ConnectionError:
                    return time.monotonic()
            return None

        body = self.raw(uuid7(), b" " * 1000)
        cut = body.index(b"\r\n\r\n") + 4
        ends = {}
        cases = {"head": (b"GET /healthz HTTP/1.1\r\nHost: sink\r\nX-A: ", b"a"), "body": (body[:cut], b" ")}
        threads = [threading.Thread(target=lambda n=n, c=c: ends.update({n: drip(self.sink.connect(), *c)}))
                   for n, c in cases.items()]
        for thread in threads:
            thread.start()
        wait_until(self.is_served, "others are served meanwhile")
        for thread in threads:
            thread.join()
        self.assertIsNotNone(ends["head"], "a dripping head was never closed")
        self.assertIsNotNone(ends["body"], "a dripping body was never closed")


class Crowd(ConnectionCase):

    options = {**ConnectionCase.options, "max_connections": 200}

    def test_more_connections_than_allowed(self):
        """At the limit a new one is let in, and the one that has waited longest gives way."""
        crowd = []
        try:
            for _ in range(200):
                crowd.append(self.sink.connect())
                self.assertEqual(crowd[-1].request("GET", "/healthz").status, 200)
            for _ in range(30):
                with self.sink.connect() as connection:
                    self.assertEqual(connection.request("GET", "/healthz").status, 200)
            self.assertEqual(crowd[0].rest(), b"")
            self.assertEqual(crowd[-1].request("GET", "/healthz").status, 200)
            cut = self.sink.metrics()["vox_sink_connections_cut_total", (("reason", "room"),)]
            self.assertGreaterEqual(cut, 1)
        finally:
            for connection in crowd:
                connection.close()


class NoDescriptors(SinkCase):
    serve = False

    def test_emfile(self):
        """Without a descriptor left nothing is accepted, who is there is served, nothing spins, and it all recovers."""
        sink = self.new_sink(head_deadline=3, idle_timeout=3600, keeper_interval=3600)
        sink.wrapper = ["prlimit", "--nofile=100:100"]
        sink.start().ready()
        with contextlib.ExitStack() as stack:
            there = stack.enter_context(sink.connect())
            self.assertEqual(there.request("GET", "/healthz").status, 200)
            before = sink.descriptors()
            crowd = []

            def used_up():
                crowd.extend(stack.enter_context(sink.connect()) for _ in range(40))
                return "cannot accept a connection" in sink.log()
            wait_until(used_up, "the descriptors are used up", interval=0.1)
            # They send while they wait to be accepted.
            late = [stack.enter_context(sink.connect()) for _ in range(5)]
            for connection in late:
                connection.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
            used = sink.cpu_seconds()
            for number in range(10):
                self.assertEqual(there.request("POST", "/v1/events", json.dumps(model_call(f"there-{number}")).encode(),
                                               token=self.write_token).status, 201)
            # They say nothing; the first ones' time is over after 3 s.
            self.assertEqual(crowd[0].rest(), b"")
            self.assertLess(sink.cpu_seconds() - used, 1)
            # Then those have their turn that were waiting to be accepted, with what they have sent meanwhile.
            for connection in late:
                self.assertEqual(connection.read().status, 200)
            self.assertEqual(there.request("GET", "/healthz").status, 200)
            for connection in crowd + late:
                connection.close()
            wait_until(lambda: sink.descriptors() <= before + 5, "all of them are free again")
        self.assertEqual(sink.get("/healthz").status, 200)
        self.assertEqual(sink.stop(), 0)


class OneId(ConnectionCase):
    """Many clients with one id at one moment."""

    def race(self, bodies, event_id):
        barrier, answers = threading.Barrier(len(bodies)), [None] * len(bodies)

        def work(index):
            with Connection(self.sink.address) as connection:
                barrier.wait(120)
                # Who waits in the database for another's commit, longer than the sink lets it, comes again.
                answers[index] = self.settled(lambda: connection.request(
                    "POST", "/v1/events", bodies[index], token=self.write_token, headers=[("Idempotency-Key", event_id)]))
        threads = [threading.Thread(target=work, args=(i,)) for i in range(len(bodies))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    def test_same_content(self):
        for _ in range(10):
            event_id = uuid7()
            answers = self.race([json.dumps(model_call("one"), indent=i % 3 or None).encode() for i in range(24)], event_id)
            self.assertEqual(collections.Counter(a.status for a in answers), {201: 1, 200: 23})
            self.assertEqual({a.json()["received_at"] for a in answers}, {answers[0].json()["received_at"]})
            self.assertEqual(self.stored(event_id), 1)

    def test_other_content(self):
        for _ in range(10):
            event_id = uuid7()
            answers = self.race([json.dumps(model_call(f"content-{i % 3}")).encode() for i in range(24)], event_id)
            self.assertEqual(collections.Counter(a.status for a in answers), {201: 1, 200: 7, 409: 16})
            winner = next(i for i, a in enumerate(answers) if a.status == 201) % 3
            for index, answer in enumerate(answers):
                self.assertEqual(answer.status == 409, index % 3 != winner)
            self.assertEqual(self.sql(f"SELECT trace_id FROM telemetry.events WHERE event_id = '{event_id}'"),
                             [[f"content-{winner}"]])
