# SPDX-License-Identifier: Apache-2.0
"""The spool when the process dies at any system call, when the disk fails, and when it holds very much."""

import collections
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from voxtest import LONG, SANITIZED, TELEMETRY, can_trace, model_call, run, uuid7
from voxtest.base import clean_environment

OLD = json.dumps(model_call("was here before"))
NEW = json.dumps(model_call("is put in"))
TEMP = re.compile(r"\.[0-9a-f]{16}\.tmp")


class SpoolCase(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="vox-faults-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = clean_environment(HOME=self.folder)

    def client(self, *argv, stdin=None):
        return run(TELEMETRY, *argv, env=self.environment, stdin=stdin)

    def make(self, name, entries):
        """A spool with so many entries, as other tools leave them."""
        spool = self.folder / name
        if entries:
            (spool / "pending").mkdir(parents=True, mode=0o700)
            spool.chmod(0o700)
            for _ in range(entries):
                (spool / "pending" / f"{uuid7()}.json").write_text(OLD)
        return spool


@unittest.skipIf(SANITIZED, "sanitizers make system calls of their own")
class Faults(SpoolCase):

    def setUp(self):
        super().setUp()
        if not can_trace():
            self.skipTest("strace cannot trace here")
        (self.folder / "event").write_text(NEW)

    def words(self, spool):
        return [TELEMETRY, "enqueue", "--json", self.folder / "event", "--spool", spool, *self.options]

    def trace(self, entries):
        """The calls of one run, in order; those of the loader, before the program itself begins, apart."""
        log = self.folder / "trace"
        done = run("strace", "-qq", "-o", log, *self.words(self.make(f"traced-{entries}", entries)), env=self.environment)
        self.assertEqual(done.returncode, 0, done)
        calls = [line.split("(")[0] for line in log.read_text().splitlines() if "(" in line]
        # The last thing of the loader is to free its cache.
        first = max(i for i, call in enumerate(calls) if call == "munmap") + 1
        return calls[:first], calls[first:]

    def points(self, entries, wanted=None):
        """(system call, its how-manieth) of every call that the program makes."""
        loader, own = self.trace(entries)
        counts = collections.Counter(loader)
        for call in own:
            counts[call] += 1
            if call not in ("exit_group", "execve") and (wanted is None or call in wanted):
                yield call, counts[call]

    def inject(self, spool, call, when, what):
        return run("strace", "-qq", "-o", "/dev/null", "-e", f"inject={call}:{what}:when={when}", *self.words(spool),
                   env=self.environment)

    def check(self, spool, before, label):
        """What was there is there; what is new is whole; nothing else but temp files."""
        pending = spool / "pending"
        found = {p.name: p.read_text() for p in pending.iterdir()} if pending.exists() else {}
        whole = {name: text for name, text in found.items() if not TEMP.fullmatch(name)}
        for name, text in before.items():
            self.assertEqual(whole.pop(name, None), text, label)
        self.assertIn(list(whole.values()), ([], [NEW]), label)
        return len(whole)

    def once(self, job):
        number, entries, call, when, what = job
        spool = self.make(f"spool-{number}", entries)
        before = {p.name: p.read_text() for p in spool.glob("pending/*")}
        label = f"{call} {when} {what}, {entries} entries"
        done = self.inject(spool, call, when, what)
        new = self.check(spool, before, label)
        # And the spool goes on working.
        again = run(*self.words(spool), env=self.environment)
        self.assertEqual(again.returncode, 0, (label, again))
        self.assertEqual(len(list(spool.glob("pending/*.json"))), entries + new + 1, label)
        shutil.rmtree(spool)
        return label, done, new

    def every(self, jobs):
        jobs = [(number, *job) for number, job in enumerate(jobs)]
        self.assertGreater(len(jobs), 10)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return list(pool.map(self.once, jobs))

    options = ()

    def kill_everywhere(self, entries):
        results = self.every((entries, call, when, "signal=SIGKILL") for call, when in self.points(entries))
        for label, done, _ in results:
            self.assertNotEqual(done.returncode, 0, label)
        stored = sum(new for _, _, new in results)
        self.assertGreater(stored, 0, "some were killed after the event was stored")
        self.assertLess(stored, len(results))

    def test_killed_at_every_call_in_a_new_spool(self):
        self.kill_everywhere(0)

    def test_killed_at_every_call(self):
        self.kill_everywhere(2)

    def test_disk_fails_at_every_call(self):
        """ENOSPC, EIO and EROFS: a bad exit, the event whole or absent, the others untouched."""
        calls = ("openat", "write", "fsync", "renameat", "renameat2", "mkdirat", "close", "newfstatat")
        errors = ("ENOSPC", "EIO", "EROFS")
        jobs = [(entries, call, when, f"error={error}") for entries in (0, 2)
                for call, when in self.points(entries, calls) for error in errors]
        for label, done, new in self.every(jobs):
            if label.split()[0] in ("write", "fsync", "renameat", "renameat2", "mkdirat"):
                self.assertNotEqual(done.returncode, 0, label)
                self.assertTrue(done.stderr.strip(), label)
            # Who hears of a failure tries again: an event that were there all the same would be there twice.
            if label.split()[0] in ("fsync", "renameat", "renameat2", "mkdirat"):
                self.assertEqual(new, 0, label)
            # Success is said for nothing that is not there.
            self.assertTrue(new == 1 or done.returncode != 0, label)


class Much(SpoolCase):

    def peak(self, *words):
        """Peak memory of a run in KiB; its output goes to a file, which is returned too."""
        with open(self.folder / "out", "w+") as out:
            process = subprocess.Popen([str(w) for w in (TELEMETRY, *words)], env=self.environment, stdout=out)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(process.returncode, 0, words)
        return usage.ru_maxrss

    def test_memory_is_flat(self):
        much = 100_000 if LONG else 20_000
        small, large = self.make("small", 10), self.make("large", much)
        url = ("--url", "https://127.0.0.1/v1/events")
        for words in (("status",), ("export",), ("upload", "--dry-run", "--json", *url)):
            with self.subTest(words=words):
                few, many = self.peak(*words, "--spool", small), self.peak(*words, "--spool", large)
                if not SANITIZED:
                    self.assertLess(many - few, 4096, f"{few} KiB and {many} KiB")
        first, *batches = json.loads((self.folder / "out").read_text())["requests"]
        names = [first["name"], *(name for batch in batches for name in batch["names"])]
        self.assertEqual(names, sorted(p.name for p in large.glob("pending/*")), "all of them, oldest first")
