# SPDX-License-Identifier: Apache-2.0
"""Several listeners, one for administration, Unix sockets, and what a service manager hands over and hears."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import stat
import subprocess
import tempfile
import threading

from voxtest import ROOT, SINK, Connection, Refused, SinkCase, model_call, wait_until

# LISTEN_PID has to be the daemon's: the shell becomes it.
GIVEN = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"]


class Listeners(SinkCase):

    serve = False

    def test_several_and_admin_apart(self):
        public, admin = str(self.sink.folder / "public.sock"), str(self.sink.folder / "admin.sock")
        self.sink.environment["VOX_SINK_LISTEN"] = f"127.0.0.1:0,unix:{public}:0600"
        self.sink.environment["VOX_SINK_ADMIN_LISTEN"] = f"127.0.0.1:0,unix:{admin}"
        self.sink.start().ready()
        self.addCleanup(self.sink.stop)
        self.assertEqual(stat.S_IMODE(os.stat(public).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(admin).st_mode), 0o660)
        port = int(re.search(r'msg="listening too" addr=127\.0\.0\.1:(\d+) place=admin', self.sink.log())[1])
        for number, where in enumerate((self.sink.address, public)):
            with self.subTest(where):
                for target in ("/metrics", "/v1/admin/events"):
                    with Connection(where) as connection:
                        answer = connection.request("GET", target, token=self.read_token)
                        self.assert_problem(answer, "route_unknown")
                with Connection(where) as connection:
                    body = json.dumps(model_call(f"listener-{number}")).encode()
                    answer = connection.request("POST", "/v1/events", body, token=self.write_token)
                    self.assertEqual(answer.status, 201, answer)
        for where in (("127.0.0.1", port), admin):
            with self.subTest(where), Connection(where) as connection:
                for target in ("/metrics", "/v1/admin/events", "/healthz", "/readyz", "/version"):
                    answer = self.settled(lambda c=connection, to=target: c.request("GET", to, token=self.read_token))
                    self.assertEqual(answer.status, 200, answer)
                self.assert_problem(connection.request("POST", "/v1/events", b"{}", token=self.write_token),
                                    "route_unknown")

    def test_a_second_sink_leaves_the_socket_alone(self):
        path = self.sink.folder / "sock"
        first = self.new_sink(listen=f"127.0.0.1:0,unix:{path}").start()
        second = self.new_sink(listen=f"127.0.0.1:0,unix:{path}")
        with self.assertRaisesRegex(AssertionError, "another process listens there"):
            second.start()
        with Connection(str(path)) as connection:
            self.assertEqual(connection.request("GET", "/healthz").status, 200)
        first.kill()
        self.assertTrue(path.exists())
        third = self.new_sink(listen=f"127.0.0.1:0,unix:{path}").start()
        with Connection(str(path)) as connection:
            self.assertEqual(connection.request("GET", "/healthz").status, 200)
        self.assertEqual(third.stop(), 0)
        self.assertFalse(path.exists())

    def test_bad_addresses(self):
        for listen, why in (("127.0.0.1", "ADDRESS:PORT"), ("127.0.0.1:1,127.0.0.1:1", "ADDRESS:PORT"),
                            ("unix:relative", "ADDRESS:PORT"), ("unix:/nonexistent/sock", "/nonexistent/sock"),
                            (f"unix:{ROOT}/README.md", "is no socket")):
            done = self.new_sink(listen=listen).command("serve", check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(why, done.stderr)

    def test_flags_add_up(self):
        sink = self.new_sink()
        path = sink.folder / "sock"
        shown = sink.command("config", "show", "--listen", "127.0.0.1:1", "--listen", f"unix:{path}").stdout
        self.assertIn(f"127.0.0.1:1,unix:{path}", shown)


class Service(SinkCase):

    serve = False

    def given(self, names, count=None, **options):
        sink = self.new_sink(**options)
        sink.wrapper = GIVEN
        sink.environment["LISTEN_FDS"] = str(len(names) if count is None else count)
        sink.environment["LISTEN_FDNAMES"] = ":".join(names)
        for _ in names:
            sock = socket.create_server(("127.0.0.1", 0))
            self.addCleanup(sock.close)
            sink.given.append(sock)
        return sink

    def test_sockets_are_taken(self):
        sink = self.given(["admin", "ingest"], listen="192.0.2.1:1")  # an address that could not be bound
        sink.start().ready()
        admin, ingest = (sock.getsockname() for sock in sink.given)
        self.assertEqual(sink.address, ingest)
        with Connection(admin) as connection:
            self.assertEqual(connection.request("GET", "/metrics").status, 200)
        self.assertEqual(sink.get("/metrics").status, 404)
        # What comes while the daemon restarts waits in the socket, which is not its own.
        self.assertEqual(sink.stop(), 0)
        with Connection(ingest) as early:
            sink.start()
            self.assertEqual(early.request("GET", "/healthz").status, 200)

    def test_restart(self):
        """Case restart: new connections all the while, the daemon begun anew three times, and none is refused."""
        sink = self.given(["ingest"]).start().ready()
        done, failed, answered = threading.Event(), [], [0]

        def dial():
            while not done.is_set():
                try:
                    connection = Connection(sink.address, 60)
                except OSError as error:
                    failed.append(error)
                    return
                # One that the old daemon accepted may be closed without an answer; it was not refused.
                with connection, contextlib.suppress(Refused, ConnectionError):
                    answered[0] += connection.request("GET", "/healthz").status == 200

        threads = [threading.Thread(target=dial) for _ in range(8)]
        for thread in threads:
            thread.start()
        for _ in range(3):
            before = answered[0]  # of this life
            wait_until(lambda: answered[0] > before + 100 or failed, "new connections are answered")
            self.assertEqual(sink.stop(), 0)
            sink.start()
        done.set()
        for thread in threads:
            thread.join(90)
        self.assertEqual(failed, [])

    def test_one_place_given_the_other_configured(self):
        sink = self.given(["admin"]).start()
        self.assertNotEqual(sink.address, sink.given[0].getsockname())
        self.assertEqual(sink.get("/metrics").status, 404)
        with Connection(sink.given[0].getsockname()) as connection:
            self.assertEqual(connection.request("GET", "/metrics").status, 200)

    def test_odd_sockets_are_refused(self):
        for names, count, why in ((["vox-sink.socket"], None, "FileDescriptorName"), (["ingest"], 17, "LISTEN_FDS"),
                                  (["ingest"], 2, "FileDescriptorName")):
            with self.assertRaisesRegex(AssertionError, why):
                self.given(names, count).start()
        sink = self.given(["ingest"])
        plain = socket.socket()
        self.addCleanup(plain.close)
        sink.given = [plain]
        with self.assertRaisesRegex(AssertionError, "no listening stream socket"):
            sink.start()

    def test_states_are_told(self):
        """READY once it listens, RELOADING with its time and READY again, STOPPING."""
        with tempfile.TemporaryDirectory(prefix="vox-notify-", dir="/tmp") as folder, \
             socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
            path = pathlib.Path(folder) / "notify"
            ear.bind(str(path))
            ear.settimeout(120)
            os.chmod(folder, 0o755)
            path.chmod(0o666)
            sink = self.new_sink()
            sink.environment["NOTIFY_SOCKET"] = str(path)
            sink.start()
            self.assertRegex(ear.recv(4096).decode(), r"^READY=1\n")
            sink.signal(signal.SIGHUP)
            self.assertRegex(ear.recv(4096).decode(), r"^RELOADING=1\nMONOTONIC_USEC=\d+$")
            self.assertEqual(ear.recv(4096).decode(), "READY=1")
            sink.signal(signal.SIGTERM)
            self.assertEqual(ear.recv(4096).decode(), "STOPPING=1")
            wait_until(lambda: sink.process.poll() == 0, "the sink ends")

    def test_units_are_valid(self):
        """systemd reads the units without a complaint, and finds the service well fenced in."""
        with tempfile.TemporaryDirectory(prefix="vox-units-", dir="/tmp") as folder:
            for unit in (ROOT / "deploy/systemd").iterdir():
                text = unit.read_text().replace("/usr/bin/vox-sink", str(SINK))
                (pathlib.Path(folder) / unit.name).write_text(text)
            units = sorted(str(path) for path in pathlib.Path(folder).iterdir())
            self.assertEqual(len(units), 3)
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, timeout=300)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            service = next(path for path in units if path.endswith(".service"))
            # Its number times ten: 1.6 is the limit.
            done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=16", service],
                                  capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stdout[-300:] + done.stderr)
