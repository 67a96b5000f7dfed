# SPDX-License-Identifier: Apache-2.0
"""vox-telemetry as a person sees it: at a terminal of 80 columns, with colour and without."""

import json
import pathlib
import re

from test_client import ClientCase
from voxtest import TELEMETRY, at_terminal, model_call, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
ESCAPES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Terminal(ClientCase):

    def see(self, *argv, **environment):
        """(exit code, what the terminal was sent)."""
        code, seen = at_terminal([TELEMETRY, *argv], {**self.environment, "TERM": "xterm", **environment})
        return code, seen.decode().replace("\r\n", "\n")

    def assert_fits(self, text, colour):
        """Each line as it stands in the end of each writing, in 80 columns."""
        for line in re.split(r"[\r\n]", ESCAPES.sub("", text)):
            self.assertLessEqual(len(line), 80, line)
        if not colour:
            self.assertNotIn("\x1b", text)
        self.assertNotRegex(ESCAPES.sub("", text), r"[\x00-\x08\x0b\x0c\x0e-\x1f]")

    def fill(self, count):
        for number in range(count):
            self.drop(f"01890000-0000-7000-8000-{number:012d}.json", json.dumps(model_call(f"seen-{number}")))

    def upload(self, environment, colour):
        """What an upload of 1,500 shows, if that is a bar among other things."""
        self.fill(1500)
        self.drop("01890000-0000-7000-8000-999999999999.json", json.dumps(model_call("bad", latency_ms=-1)))
        self.drop("not-json-and-with-a-name-that-is-rather-long-for-a-line-of-eighty-columns.json", "nonsense")
        code, text = self.see("upload", **environment)
        self.assertEqual(code, 1, text)
        self.assert_fits(text, colour)
        self.assertRegex(text, r"sent +1,500|duplicates +1,500")
        return text if re.search(r"\] +\d+ %  .* of 1,50\d .* left", ESCAPES.sub("", text)) else None

    def test_upload(self):
        for environment, colour in (({}, True), ({"NO_COLOR": "1"}, False)):
            with self.subTest(environment=environment):
                # The last file is so young that it is given a second before it is judged: time for a bar, unless that
                # second was over before it was read.
                text = wait_until(lambda: self.upload(environment, colour), "there was a bar")
                self.assertIn("\r", text, "which was written over")

    def test_status_doctor_and_errors(self):
        self.fill(3)
        for environment, colour in (({}, True), ({"NO_COLOR": "1"}, False)):
            for words, code in ((["status"], 0), (["doctor"], 1), (["consent", "show"], 0), (["history"], 0), (["check", "--contracts", str(ROOT / "contracts")], 0),
                                (["upload", "--url", "http://sink.example/v1/events"], 3),
                                (["upload", "--url", "http://127.0.0.1:9/v1/batches"], 4),
                                (["upload", "--nonsense"], 2), (["--help"], 0), (["upload", "--help"], 0)):
                with self.subTest(words=words, environment=environment):
                    got, text = self.see(*words, VOX_TELEMETRY_SPOOL_DIR=str(self.spool), **environment)
                    self.assertEqual(got, code, text)
                    self.assert_fits(text, colour)

    def test_what_is_not_sent(self):
        """Held by consent, not known to the sink, refused by it, unreadable: of each something is said."""
        self.fill(1)
        for environment, colour in (({}, True), ({"NO_COLOR": "1"}, False)):
            def see(*words, code=0, told=None, environment=environment, colour=colour):
                got, text = self.see(*words, **environment)
                self.assertEqual(got, code, text)
                self.assert_fits(text, colour)
                if told:
                    self.assertIn(told, ESCAPES.sub("", text))

            with self.subTest(environment=environment):
                see("consent", "give", told="--include-older")
                self.enqueue(json.dumps({"NobodyKnowsThis": {}}))
                self.enqueue(model_call("bad", latency_ms=-1))
                self.drop("torn.json", "nonsense")
                see("upload", "--dry-run", "--quiet", code=1)
                see("upload", code=1, told="its contracts have changed")
                see("upload", code=1, told="unknown_contract 1")
                see("status", told="Kept")
                see("check", "--contracts", str(ROOT / "contracts"), code=1)
                see("retry", told="put back")
                see("retry", "--state", "kept")
                see("consent", "revoke")
                see("upload", code=3)
                see("purge", "--older-than", "30d", "--yes", told="deleted")
                self.assertEqual(self.client("purge", "--all", "--yes").returncode, 0)
                self.fill(1)
