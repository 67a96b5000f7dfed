# SPDX-License-Identifier: Apache-2.0
"""The worked examples of docs/PROTOCOL.md, each run by a shell as it stands there, and its answer held to the page.

The examples of signatures are test_signature's.
"""

import os
import re
import subprocess

from voxtest import ROOT, SinkCase, model_call, wait_until

EXAMPLE = re.compile(r"^```sh\n# ([\w ]+)\n(.*?)^```\n\n```http\n(.*?)^```$", re.M | re.S)


def pattern(text):
    """The text, with anything where it says `…`."""
    return re.compile(".*".join(map(re.escape, text.split("…"))), re.S)


class Examples(SinkCase):
    options = {"rate": 10, "burst": 30}

    def setUp(self):
        limited = self.sink.token("examples", "ingest", "--quota", "1/day")
        self.wait_accepted(limited)
        # A quota is known to the sink for sure once tokens were read anew: that is what the other token is made for.
        self.assertEqual(self.sink.post(model_call("limited"), limited).status, 201)
        token = self.sink.token("elsewhere", "ingest,read")
        self.wait_accepted(token)
        self.environment = {"PATH": os.environ["PATH"], "SINK": "http://{}:{}".format(*self.sink.address), "TOKEN": token,
                            "LIMITED": limited, "no_proxy": "*"}

    def answer(self, script):
        """(status line, headers, body) that the example prints."""
        done = subprocess.run(["sh", "-eu", "-c", script], cwd=self.sink.folder, env=self.environment, timeout=120,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, b""), script)
        head, _, body = done.stdout.decode().partition("\r\n\r\n")
        first, *headers = head.split("\r\n")
        return first, headers, body

    def unhurried(self, script):
        """The answer, or None where it is the 503 of a database that was slow for a moment."""
        answer = self.answer(script)
        return None if " 503 " in answer[0] else answer

    def test_examples(self):
        """One after the other: a duplicate needs what was posted before it."""
        examples = EXAMPLE.findall((ROOT / "docs/PROTOCOL.md").read_text())
        self.assertGreater(len(examples), 10)
        for name, script, written in examples:
            with self.subTest(name):
                status, headers, body = wait_until(lambda script=script: self.unhurried(script), "the database answers in time")
                head, _, wanted = written.partition("\n\n")
                first, *lines = head.rstrip("\n").split("\n")
                self.assertEqual(status, first, body)
                for line in lines:
                    self.assertTrue(any(map(pattern(line).fullmatch, headers)), (line, headers))
                self.assertTrue(pattern(wanted.rstrip()).fullmatch(body.rstrip("\n")), (wanted, body[:2000]))
