# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL cluster of our own in a temporary folder, reachable over a Unix socket only."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

from .base import USER, wait_until


def _bin_folder():
    folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"),
                     key=lambda p: int(p.parts[-3]), reverse=True)
    preferred = pathlib.Path("/usr/lib/postgresql/15/bin")
    return preferred if (preferred / "initdb").exists() else folders[0].parent


def _state(pid):
    """The letter of proc(5): R, S, T …; X where there is no such process."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"


def _children(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _descendants(pid):
    return [found for child in _children(pid) for found in (child, *_descendants(child))]


class Cluster:
    """start(), stop(), stop_immediate(), kill(); psql() runs SQL. The superuser is `vox`, who needs no password.

    fsync stays on: a sink refuses to be ready without it. The server's process is our child and dies with us.
    With `source`, a running cluster, it is a standby of that one. With `size_mb` its data lie on a file system of
    that size, which only root can mount.
    """

    def __init__(self, source=None, size_mb=None):
        self.bin = _bin_folder()
        # A short path: a Unix socket's name has 107 bytes at most.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vox-pg-", dir="/tmp"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.process = None
        self.as_owner = []
        self.mounted = size_mb is not None
        if self.mounted:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "vox-pg", str(self.folder)], check=True)
        if USER:
            owner = pwd.getpwnam(USER)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        if source:
            self.clone(source)
        else:
            self._command("initdb", "-D", self.data, "--auth=trust", "--username=vox", "--encoding=UTF8",
                          "--locale=C.UTF-8", "--no-sync", "--no-instructions")

    def clone(self, source):
        """Becomes a standby of `source`; what it held is gone. start() it then."""
        shutil.rmtree(self.data, ignore_errors=True)
        self._command("pg_basebackup", "-D", self.data, "-d", f"host={source.folder} user=vox", "--checkpoint=fast",
                      "--wal-method=stream", "--write-recovery-conf", "--no-sync")

    def promote(self):
        """A standby becomes a primary; returns when it takes writes."""
        self._command("pg_ctl", "promote", "-D", self.data, "-w", "-t", "240")

    def _command(self, program, *arguments):
        done = subprocess.run([*self.as_owner, str(self.bin / program), *map(str, arguments)], cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{program} failed: {done.stdout}")

    def url(self, database):
        return f"postgresql://vox@/{database}?host={self.folder}"

    def start(self, **settings):
        options = {
            "listen_addresses": "", "unix_socket_directories": self.folder, "max_connections": 100,
            "shared_buffers": "64MB", "log_line_prefix": "%m [%p] %d ", "autovacuum_naptime": "10s",
        }
        options.update(settings)
        flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        guard = ["setpriv", "--pdeathsig", "QUIT"]
        # Without a kept descriptor, so that nothing of the tests' stays open in the server.
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.as_owner, *guard, str(self.bin / "postgres"), "-D", str(self.data), *flags],
                cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        wait_until(self._answers, "PostgreSQL accepts connections", 240)
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"postgres ended at start: {self.log.read_text()[-2000:]}")
        return subprocess.run([str(self.bin / "pg_isready"), "-q", "-h", str(self.folder)],
                              check=False).returncode == 0

    def stop(self, mode="fast"):
        if self.process and self.process.poll() is None:
            self._command("pg_ctl", "stop", "-D", self.data, "-m", mode, "-w", "-t", "240")
            self.process.wait(240)
        self.process = None

    def stop_immediate(self):
        self.stop("immediate")

    def kill(self):
        """kill -9 of the postmaster; waits until the last of its children has let go of the data folder."""
        children = self._stop_forking()
        self.process.kill()
        self.process.wait(120)
        self.process = None
        wait_until(lambda: all(_state(pid) in "ZX" for pid in children), "the killed server's children are gone", 120)

    def _stop_forking(self):
        """Stops the postmaster; all processes that it has, which cannot become more."""
        postmaster = self.process.pid
        os.kill(postmaster, signal.SIGSTOP)
        wait_until(lambda: _state(postmaster) in "TZX", "the postmaster stands still")
        return _descendants(postmaster)

    @contextlib.contextmanager
    def frozen(self):
        """SIGSTOP for every process of the server meanwhile."""
        def signal_all(pids, number):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):  # a backend that has just ended
                    os.kill(int(pid), number)
        children = self._stop_forking()
        signal_all(children, signal.SIGSTOP)
        try:
            yield
        finally:
            signal_all((self.process.pid, *children), signal.SIGCONT)

    def pids(self):
        """The postmaster and all processes that it has now."""
        return [self.process.pid, *map(int, _descendants(self.process.pid))]

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def fill_disk(self):
        """Takes all room that is left beside the data, again where there is some once more; unlink() the file that is
        returned to give it back."""
        filler = self.folder / "filler"
        with contextlib.suppress(OSError), open(filler, "ab", buffering=0) as file:
            while True:
                file.write(b"\0" * 65536)
        return filler

    def remove(self):
        self.stop("immediate")
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def psql(self, database, sql):
        """Rows as lists of text (NULL is the empty text); several statements are one after the other."""
        done = subprocess.run(
            [str(self.bin / "psql"), "-XAtq", "-F", "\x1f", "-R", "\x1e", "-v", "ON_ERROR_STOP=1", "-d",
             self.url(database)],
            input=sql, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300, check=False)
        if done.returncode != 0:
            raise AssertionError(f"psql: {done.stderr.strip()}\n{sql[:300]}")
        # No row prints nothing; one row of one empty column prints its line end.
        text = done.stdout.removesuffix("\n")
        return [row.split("\x1f") for row in text.split("\x1e")] if done.stdout else []

    def value(self, database, sql):
        return self.psql(database, sql)[0][0]

    def create_database(self, name, template="template0"):
        self.psql("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}"')

    def drop_database(self, name):
        def drop():
            # The server ends its sessions, and refuses if one of them is not gone after 5 s.
            try:
                self.psql("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            except AssertionError as error:
                if "is being accessed by other users" not in str(error):
                    raise
                return False
            return True
        wait_until(drop, f"{name} is dropped")
