# SPDX-License-Identifier: Apache-2.0
"""Contracts that change under load: every answer, and every row, is of one whole set."""

import json
import pathlib
import re
import shutil
import signal
import tempfile
import threading

from voxtest import CONTRACTS, SinkCase, model_call, samples, uuid7, wait_until
from voxtest.http import Connection, Refused


class Folder:
    """A copy of the contracts of which two good versions exist, which differ in four places at once.

    A: model-call.v1, S1, asks for latency_ms >= 10,     kept 100 days.
    B: model-call.v2, S0, asks for prompt_tokens >= 10,  kept 200 days.
    """

    def __init__(self):
        self._root = pathlib.Path(tempfile.mkdtemp(prefix="vox-contracts-", dir="/tmp"))
        self._root.chmod(0o755)  # the sink may run as somebody else
        self.path = self._root / "contracts"
        shutil.copytree(CONTRACTS, self.path)
        self._index = (self.path / "index.yaml").read_text()
        self._policy = (self.path / "retention-policy.yaml").read_text()
        self._schema = json.loads((self.path / "model-call.v1.schema.json").read_text())

    def remove(self):
        shutil.rmtree(self._root)

    def put(self, version):
        """Leaves the folder as A or B has it."""
        number, member, class_, days = {"A": (1, "latency_ms", "S1", 100), "B": (2, "prompt_tokens", "S0", 200)}[version]
        schema = json.loads(json.dumps(self._schema))
        schema["$id"] = f"urn:vox:contract:model-call.v{number}"
        schema["properties"]["ModelCall"]["properties"][member]["minimum"] = 10
        for path in self.path.glob("model-call.v*.schema.json"):
            path.unlink()
        (self.path / f"model-call.v{number}.schema.json").write_text(json.dumps(schema, indent=1))
        begin = self._index.index("  - id: model-call\n")
        end = self._index.index("\n\n", begin)
        row = self._index[begin:end]
        row = row.replace("version: 1", f"version: {number}").replace(".v1.", f".v{number}.").replace("class: S1", f"class: {class_}")
        (self.path / "index.yaml").write_text(self._index[:begin] + row + self._index[end:])
        policy, changed = re.subn(r"(- contract: )model-call\.v1(\n    kind: days\n    days: )\d+",
                                  rf"\g<1>model-call.v{number}\g<2>{days}", self._policy)
        assert changed == 1, "the policy has the row that this test changes"
        (self.path / "retention-policy.yaml").write_text(policy)

    def break_index(self):
        """A class that there is not; the file and line that the sink has to name."""
        text = (self.path / "index.yaml").read_text()
        at = text.index("    class: ", text.index("  - id: model-call\n"))
        (self.path / "index.yaml").write_text(text[:at] + "    class: S9\n" + text[text.index("\n", at) + 1:])
        return f"index.yaml:{text[:at].count(chr(10)) + 1}:"

    def break_schema(self):
        """A type that there is not, in good JSON; the file and line likewise."""
        path = next(self.path.glob("model-call.v*.schema.json"))
        text = path.read_text()
        at = text.index('"type": "integer"', text.index('"prompt_tokens": {'))
        path.write_text(text[:at] + '"type": "integral"' + text[at + len('"type": "integer"'):])
        return f"{path.name}:{text[:at].count(chr(10)) + 1}:"


class Poster(threading.Thread):
    """One connection that posts the two events in turn; only A takes the first, only B the second."""

    def __init__(self, address, token, number):
        super().__init__(daemon=True)
        self._address, self._token, self._number = address, token, number
        self._connection = None
        self.stopping = threading.Event()
        self.seen = {"A": 0, "B": 0}
        self.stored = {}  # version -> ids
        self.wrong = []

    def version_of(self, first, answer):
        """Which version gave this answer to the first or the second event; None if neither could."""
        if answer.status in (200, 201):  # a retry of what was stored names the contract of then
            contract = answer.json()["contract"]
            return {(True, "model-call.v1"): "A", (False, "model-call.v2"): "B"}.get((first, contract))
        if answer.status == 422 and answer.code == "schema_invalid":
            errors = [(e["pointer"], e["keyword"]) for e in answer.json()["errors"]]
            return {(True, "/ModelCall/prompt_tokens"): "B", (False, "/ModelCall/latency_ms"): "A"}.get(
                (first, errors[0][0])) if [k for _, k in errors] == ["minimum"] else None
        return None

    def post(self, first):
        """One of the two events until it has an answer: a sink that has no room, or a broken connection, is none."""
        event_id = uuid7()
        body = json.dumps(model_call(f"reload-{self._number}", latency_ms=20 if first else 5, prompt_tokens=5 if first else 20))
        while not self.stopping.is_set():
            try:
                if self._connection is None:
                    self._connection = Connection(self._address)
                answer = self._connection.request("POST", "/v1/events", body.encode(), token=self._token,
                                                  headers=[("Idempotency-Key", event_id)])
                closes = (answer.header("connection") or "").lower() == "close"
                if answer.status not in (429, 503):
                    return event_id, answer
            except (OSError, Refused):
                closes = True
            if closes and self._connection:
                self._connection.close()
                self._connection = None
            self.stopping.wait(0.05)  # the back-off of a client that retries
        return event_id, None

    def run(self):
        while not self.stopping.is_set() and not self.wrong:
            for first in (True, False):
                event_id, answer = self.post(first)
                if answer is None:
                    break
                version = self.version_of(first, answer)
                if version is None:
                    self.wrong.append((first, answer))
                    break
                self.seen[version] += 1
                if answer.status in (200, 201):
                    self.stored.setdefault(version, []).append(event_id)
        if self._connection:
            self._connection.close()


class ReloadUnderLoad(SinkCase):
    serve = False

    def test_each_answer_is_of_one_version(self):
        folder = Folder()
        self.addCleanup(folder.remove)
        folder.put("A")
        sink = self.new_sink(contracts=folder.path).start().ready()
        posters = [Poster(sink.address, self.write_token, number) for number in range(16)]

        def healthy():
            self.assertEqual([w for poster in posters for w in poster.wrong], [], "an answer that is neither A's nor B's")
            self.assertTrue(all(poster.is_alive() for poster in posters), "a poster died")
            return True

        def seen(version):
            return [poster.seen[version] for poster in posters]

        def goes_on(version):
            """Waits until each poster has so many more answers of that version, so that none of another is under way."""
            targets = [count + 3 for count in seen(version)]
            wait_until(lambda: healthy() and all(c >= t for c, t in zip(seen(version), targets)), f"{version} answers", 300)

        def hup(pattern):
            """SIGHUP; the first line behind it in the log that the pattern fits, and where the log ended before."""
            offset = len(sink.log())
            sink.signal(signal.SIGHUP)
            return wait_until(lambda: re.search(pattern, sink.log()[offset:], re.M), f"a line {pattern}")[0], offset

        def serve():
            """SIGHUP; waits until the set that it loaded is the one that is served."""
            line, offset = hup(r"^.*level=info .*msg=reloaded\b.*$")
            loaded = re.search(r'set="?([0-9a-f]{64})', line)[1]
            wait_until(lambda: re.search(rf"^.*serving new contracts.*{loaded}.*$", sink.log()[offset:], re.M),
                       "the new set is served")

        for poster in posters:
            poster.start()
        goes_on("A")
        try:
            for version in ("B", "A", "B", "A"):
                old = {"A": "B", "B": "A"}[version]
                for break_it in (folder.break_index, folder.break_schema):
                    folder.put(version)
                    where = break_it()
                    line, _ = hup(r"^.*level=error .*contracts not reloaded.*$")
                    self.assertIn(where, line)
                    # The old version answers, and it alone: nobody has seen the broken one.
                    before = seen(version)
                    goes_on(old)
                    self.assertEqual(seen(version), before)
                folder.put(version)
                serve()
                goes_on(version)
                for _ in range(5):  # the same again, while answers are under way
                    hup(r"^.*level=info .*msg=reloaded\b.*$")
        finally:
            for poster in posters:
                poster.stopping.set()
            for poster in posters:
                poster.join(300)
        self.assertEqual([poster.wrong for poster in posters if poster.wrong], [])
        self.check_rows({v: [i for p in posters for i in p.stored.get(v, [])] for v in ("A", "B")})

    def check_rows(self, stored):
        """The row is of the version that the receipt named: contract, class and days."""
        for version, name, class_, days in (("A", "model-call.v1", 1, 100), ("B", "model-call.v2", 0, 200)):
            self.assertTrue(stored[version])
            self.sql("CREATE TABLE IF NOT EXISTS sent (event_id uuid, version text)")
            values = ",".join(f"('{event_id}','{version}')" for event_id in stored[version])
            self.sql(f"INSERT INTO sent VALUES {values}")
            odd = self.value(
                "SELECT count(*) FROM sent LEFT JOIN telemetry.events e USING (event_id) "
                "LEFT JOIN telemetry.contracts c ON c.id = e.contract_id "
                f"WHERE sent.version = '{version}' AND (c.name, e.class, "
                f"e.expires_on - (e.received_at AT TIME ZONE 'UTC')::date) IS DISTINCT FROM ('{name}', {class_}, {days})")
            self.assertEqual(odd, "0", f"rows of {version} that are not as its contract says")


class GuardByContract(SinkCase):
    """The content guard of a class that has none by default."""
    serve = False

    def test_turned_on_for_s2(self):
        folder = Folder()
        self.addCleanup(folder.remove)
        sink = self.new_sink(contracts=folder.path)
        listed = json.loads(sink.command("contracts", "guard", "--json").stdout)["rules"]
        self.assertTrue(all(rule["on"] == [] for rule in listed))
        sink.command("project", "create", "workspace", "--max-class", "S2")
        token = sink.token("workspace", "ingest")
        sink.start().ready()
        body = json.loads(next(samples("valid", "completion-finding.v1"))[2])
        body["message"] = "todo in /srv/project/main.vox"
        self.assertEqual(sink.post(body, token).status, 201)

        index = folder.path / "index.yaml"
        text = index.read_text()
        at = text.index("  - id: completion-finding\n")
        at = text.index("    class: S2\n", at)
        index.write_text(text[:at] + "    guard: {on: [all], off: [email]}\n" + text[at:])
        listed = {rule["name"]: rule for rule in json.loads(sink.command("contracts", "guard", "--json").stdout)["rules"]}
        self.assertEqual(listed["posix-path"]["on"], ["completion-finding.v1"])
        self.assertEqual((listed["email"]["on"], listed["email"]["off"]), ([], []))
        self.assertIn("guarded by", sink.command("contracts", "show", "completion-finding").stdout)
        offset = len(sink.log())
        sink.signal(signal.SIGHUP)
        wait_until(lambda: "serving new contracts" in sink.log()[offset:], "the new set is served")
        problem = self.assert_problem(sink.post(body, token), "content_refused")
        self.assertEqual((problem["errors"][0]["pointer"], problem["errors"][0]["keyword"]), ("/message", "guard"))
        self.assertNotIn("/srv", json.dumps(problem))
        body["message"] = "ask alice@example.org"
        self.assertEqual(sink.post(body, token).status, 201)
