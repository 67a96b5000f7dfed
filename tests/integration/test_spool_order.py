# SPDX-License-Identifier: Apache-2.0
"""What stands on disk before what: the calls of enqueue and upload in their order, of which a kill shows nothing.

After a loss of power only what was synced is there. So each step that relies on another is asked for the sync between.
"""

import json
import re
import unittest

from test_client import ClientCase
from voxtest import SANITIZED, TELEMETRY, can_trace, model_call, traced, uuid7

CALLS = ("write", "fsync", "fdatasync", "unlinkat", "renameat", "renameat2", "sendto")
GOOD = re.compile(r"= 0(?: \(DELAYED\))?$")
NAME = re.compile(r'\\"name\\":\\"([^"\\]+)\\"')


@unittest.skipIf(SANITIZED, "sanitizers make system calls of their own")
class Order(ClientCase):

    def setUp(self):
        super().setUp()
        if not can_trace():
            self.skipTest("strace cannot trace here")

    def calls(self, *argv, more=(), code=0):
        done, calls = traced(self.folder / "trace", [TELEMETRY, *argv], CALLS, *more, env=self.environment, timeout=120)
        self.assertEqual(done.returncode, code, done)
        return calls

    @staticmethod
    def syncs(calls, path):
        """Of a file or folder under the spool, those that went well."""
        return [c for c in calls if c.name in ("fsync", "fdatasync") and f"/spool{path}>" in c.text and GOOD.search(c.text)]

    def one(self, calls, name, *texts):
        found = [c for c in calls if c.name == name and all(text in c.text for text in texts)]
        self.assertEqual(len(found), 1, (name, texts, found))
        return found[0]

    def assert_order(self, *calls):
        for first, then in zip(calls, calls[1:]):
            self.assertLess(first.end, then.begin, (first, then))

    def assert_moved_whole(self, calls, folder, name):
        """A temp file is filled, synced, named, and its folder synced; returns the last of these."""
        moved = self.one(calls, "renameat", f"/spool{folder}>", f'"{name}")')
        temp = re.search(r'"(\.[0-9a-f]+\.tmp)"', moved.text)[1]
        written = self.one(calls, "write", f"/spool{folder}/{temp}>")
        synced = next(c for c in self.syncs(calls, f"{folder}/{temp}") if c.begin > written.end)
        folder_synced = next((c for c in self.syncs(calls, folder) if c.begin > moved.end), None)
        self.assertIsNotNone(folder_synced, f"{folder} is not synced behind {name}")
        self.assert_order(written, synced, moved, folder_synced)
        return folder_synced

    def test_enqueue(self):
        (self.folder / "event").write_text(json.dumps(model_call("order")))
        calls = self.calls("enqueue", "--json", str(self.folder / "event"))
        name, = self.pending()
        last = self.assert_moved_whole(calls, "/pending", name)
        self.assert_order(last, self.one(calls, "write", name.removesuffix(".json")))

    def test_rejected(self):
        """The answer first, so that nothing lies in rejected/ that nobody can explain."""
        name = f"{uuid7()}.json"
        self.drop(name, '{"ModelCall":{}}')
        calls = self.calls("upload", code=1)
        self.assertEqual(self.rejected(), [name])
        moved = self.one(calls, "renameat2", f'"{name}"', "/spool/rejected>")
        self.assert_order(self.assert_moved_whole(calls, "/rejected", f"{name}.answer"), moved)
        for folder in ("/rejected", "/pending"):
            self.assertTrue([c for c in self.syncs(calls, folder) if c.begin > moved.end], folder)

    def test_uploaded(self):
        """Its attempt before it goes out; its line in sent.log before it is deleted. The syncs take their time, so that
        more is written while one is under way."""
        names = {f"{uuid7()}.json" for _ in range(1500)}
        for number, name in enumerate(names):
            self.drop(name, json.dumps(model_call(f"order-{number}")))
        calls = self.calls("upload", "--json", more=("-e", "inject=fdatasync:delay_exit=20000"))
        attempts, said = {}, {}
        for call in (c for c in calls if c.name == "write"):
            if "/spool/attempts.log>" in call.text:
                attempts.update({name: call for name in re.findall(r"\\n\+ ([^\\]+)", call.text)})
            if "/spool/sent.log>" in call.text:
                said.update({name: call for name in NAME.findall(call.text)})
        self.assertEqual((attempts.keys(), said.keys()), (names, names))

        syncs = self.syncs(calls, "/attempts.log")
        for sent in (c for c in calls if c.name == "sendto" and "socket:" in c.text):
            unsynced = [name for name, written in attempts.items() if written.end < sent.begin
                        and not any(s.begin > written.end and s.end < sent.begin for s in syncs)]
            self.assertEqual(unsynced, [], "the journal is on disk before anything of it goes out")
        first_sent = min(c.begin for c in calls if c.name == "sendto" and "socket:" in c.text)
        self.assertLess(min(w.end for w in attempts.values()), first_sent)

        syncs = self.syncs(calls, "/sent.log")
        deleted = set()
        for call in (c for c in calls if c.name == "unlinkat" and "/spool/pending>" in c.text):
            name = re.search(r'"([^"]+)"', call.text)[1]
            written = said[name]
            self.assertTrue(any(s.begin > written.end and s.end < call.begin for s in syncs),
                            f"{name} is deleted before the line that tells of it is on disk")
            deleted.add(name)
        self.assertEqual(deleted, names)
