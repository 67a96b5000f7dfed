# SPDX-License-Identifier: Apache-2.0
"""The real sink as a child process, and its commands."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile

from .base import CONTRACTS, SINK, USER, clean_environment, run, wait_until
from .http import Connection, Refused

# What a sanitizer or BUG() says when something is wrong; none of it may ever be in a log.
ALARMS = re.compile(
    r"AddressSanitizer|LeakSanitizer|ThreadSanitizer|UndefinedBehavior|runtime error:|\bBUG\b")


# Tests post as fast as they can; those that are about limits say which.
UNLIMITED = {"rate": 0, "address_rate": 0, "batch_rate": 0}


class Sink:
    """start() waits for `msg=listening` in the log; ready() for /readyz; stop() is SIGTERM, kill() is kill -9.

    Started by root it becomes USER, who may reach `folder`.
    """

    def __init__(self, url, contracts=CONTRACTS, **options):
        self.url = url
        self._temporary = tempfile.TemporaryDirectory(prefix="vox-sink-test-", dir="/tmp")
        self.folder = pathlib.Path(self._temporary.name)
        self.log_path = self.folder / "log"
        if USER:
            shutil.chown(self.folder, USER)
            options = {"user": USER, **options}
        self.environment = clean_environment(
            VOX_SINK_DATABASE_URL=url, VOX_SINK_CONTRACTS_DIR=contracts,
            **{f"VOX_SINK_{name.upper()}": value for name, value in {"listen": "127.0.0.1:0", **UNLIMITED, **options}.items()})
        self.wrapper = []  # words before the daemon's command line
        self.tls = None  # an ssl.SSLContext, for a sink that wants it
        self.given = []  # listening sockets that it is to inherit, as a service manager would hand them over
        self.process = None
        self.address = None
        self._reserved = None

    def command(self, *argv, check=True, stdin=None):
        """vox-sink ARGV with this sink's environment."""
        done = run(SINK, *argv, env=self.environment, stdin=stdin)
        if check and done.returncode != 0:
            raise AssertionError(f"vox-sink {' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")
        return done

    def migrate(self):
        self.command("migrate")
        return self

    def token(self, project="demo", scope="ingest,read", *more):
        """A new token of the project, which is made if there is none."""
        text = self.command("token", "create", "--project", project, "--scope", scope, *more).stdout
        assert re.fullmatch(r"vts_[0-9A-Za-z]{10}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}\n", text), \
            "the token alone on stdout"
        return text.strip()

    def start(self):
        """Starts on a port of the system's choice, the first time; afterwards again on the same one."""
        if self.address:
            self.environment["VOX_SINK_LISTEN"] = f"{self.address[0]}:{self.address[1]}"
        environment = dict(self.environment)
        if environment["VOX_SINK_LISTEN"] == "127.0.0.1:0":
            environment["VOX_SINK_LISTEN"] = f"127.0.0.1:{self._reserve_port()}"
        offset = len(self.log())
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.wrapper, "setpriv", "--pdeathsig", "KILL", str(SINK), "serve"], env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=self._place_given if self.given else None, pass_fds=range(3, 3 + len(self.given)))

        def listening():
            if self.process.poll() is not None:
                raise AssertionError(f"the sink ended at start: {self.log()[-2000:]}")
            return re.search(r"^.*msg=listening\b.*\n", self.log()[offset:], re.M)

        line = wait_until(listening, "the sink logs msg=listening", 180)
        host, port = re.search(r"\baddr=\"?([^\s\"]+):(\d+)", line[0]).groups()
        self.address = (host, int(port))
        return self

    def _reserve_port(self):
        """A free port, held by a socket that never listens: while the sink is down nobody else gets it."""
        self.release()
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        return self._reserved.getsockname()[1]

    def release(self):
        """Lets go of the port."""
        if self._reserved:
            self._reserved.close()
            self._reserved = None

    def _place_given(self):
        """In the child: the sockets become descriptors 3 and on."""
        high = [os.dup2(sock.fileno(), 200 + i) for i, sock in enumerate(self.given)]
        for index, descriptor in enumerate(high):
            os.dup2(descriptor, 3 + index)

    def own(self, path):
        """The path, now of whom the sink becomes."""
        if USER:
            shutil.chown(path, USER)
        return path

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def connect(self, timeout=120.0):
        return Connection(self.address, timeout, self.tls)

    def request(self, method, target, body=None, **more):
        """One request on a connection of its own; `body` may be bytes, text or an object to be made JSON."""
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        with self.connect() as connection:
            return connection.request(method, target, body, **more)

    def get(self, target, **more):
        return self.request("GET", target, **more)

    def post(self, body, token=None, key=None, headers=(), **more):
        headers = list(headers) + ([("Idempotency-Key", f'"{key}"')] if key else [])
        return self.request("POST", "/v1/events", body, token=token, headers=headers, **more)

    def status_of(self, target):
        """The status of a GET, 0 where nobody answers."""
        try:
            return self.get(target).status
        except (OSError, Refused):
            return 0

    def ready(self, deadline=180):
        wait_until(lambda: self.alive() and self.status_of("/readyz") == 200, "/readyz answers 200", deadline)
        return self

    def alive(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the sink ended with {self.process.returncode}: {self.log()[-3000:]}")
        return True

    def metrics(self):
        """{(name, ((label, value), …)): number} of /metrics."""
        return parse_metrics(self.get("/metrics").body.decode())

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, deadline=120):
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(deadline)

    def kill(self):
        self.process.kill()
        self.process.wait(120)

    def rss(self):
        """Resident bytes, without the pages of files."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB", text, re.M)[1]) * 1024

    def descriptors(self):
        """How many it has, without its connections to the database, which come and go by themselves."""
        proc = pathlib.Path(f"/proc/{self.process.pid}")
        links = []
        for path in (proc / "fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                links.append(os.readlink(path))
        # Our end of a Unix socket that was connected has no name.
        unix = {f"socket:[{row.split()[6]}]" for row in (proc / "net/unix").read_text().splitlines()[1:]
                if len(row.split()) == 7}
        return sum(link not in unix for link in links)

    def cpu_seconds(self):
        """Of the processors' time, used by the process so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def threads(self):
        """Their names."""
        names = set()
        for path in pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/comm"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
                names.add(path.read_text().strip())
        return names

    def check_log(self):
        """No sanitizer and no BUG() in the log."""
        alarm = ALARMS.search(self.log())
        if alarm:
            start = max(0, alarm.start() - 500)
            raise AssertionError(f"the log holds an alarm:\n{self.log()[start:start + 6000]}")


SERIES = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})? '
                    r'(NaN|[+-]?Inf|[-+0-9.eE]+)$')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"')


def parse_metrics(text):
    """Parses the Prometheus text format strictly: every line is a comment we know or a series of a typed family."""
    types, values = {}, {}
    assert text.endswith("\n"), "the last line has an end"
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kind in ("counter", "gauge", "histogram"), line
            assert name not in types, f"two TYPE lines of {name}"
            types[name] = kind
            continue
        match = SERIES.match(line)
        assert match, f"not a series: {line!r}"
        name, labels, value = match[1], tuple(LABEL.findall(match[2] or "")), float(match[3])
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        assert name in types or types.get(family) == "histogram", f"no TYPE before {line!r}"
        assert (name, labels) not in values, f"twice: {line!r}"
        values[name, labels] = value
    return values
