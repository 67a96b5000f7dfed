# SPDX-License-Identifier: Apache-2.0
"""vox-telemetry: what a person decides and sees. Consent, history, check, retry, purge, limits, doctor."""

import fcntl
import json
import os
import pathlib
import shutil
import subprocess

from test_client import ClientCase
from voxtest import TELEMETRY, at_terminal, model_call, run, uuid7

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Consent(ClientCase):

    def test_variables_refuse_with_the_reason(self):
        self.enqueue(model_call("kept"))
        before = self.rows()
        for name, value in (("VOX_TELEMETRY", "off"), ("DO_NOT_TRACK", "1")):
            with self.subTest(name=name):
                self.environment[name] = value
                for words in (["upload"], ["upload", "--json"]):
                    done = self.client(*words)
                    self.assertEqual(done.returncode, 3, done)
                    self.assertIn(f"{name}={value}", done.stdout + done.stderr)
                self.assertIn(name, self.client("status").stdout)
                self.assertIn(name, self.client("doctor").stdout)
                dry = self.client("upload", "--dry-run")
                self.assertEqual(dry.returncode, 0, "showing sends nothing")
                self.assertIn(f"{name}={value}", dry.stdout, "and says that upload would not either")
                self.assertIn(f"{name}={value}", json.loads(self.client("upload", "--dry-run", "--json").stdout)["refused"])
                del self.environment[name]
        self.assertEqual((len(self.pending()), self.rows()), (1, before))
        self.assertEqual(self.client("upload").returncode, 0, "without a record the command is the consent")
        self.assertEqual(self.rows() - before, 1)

    def test_give_holds_what_is_older_and_revoke_refuses(self):
        self.drop("01890000-0000-7000-8000-000000000000.json", json.dumps(model_call("older")))
        given = json.loads(self.client("consent", "give", "--json").stdout)
        self.assertEqual(given["consent"], "given")
        record = pathlib.Path(given["record"])
        self.assertTrue(record.is_relative_to(self.folder), "under HOME, not in the spool")
        self.assertFalse(record.is_relative_to(self.spool))
        self.assertEqual(record.stat().st_mode & 0o777, 0o600)
        self.enqueue(model_call("younger"))
        before = self.rows()
        self.assertEqual(json.loads(self.client("status", "--json").stdout)["held"], 1)
        dry = self.client("upload", "--dry-run")
        self.assertRegex(dry.stdout, r"would send 1 event,[^~]*kept +1 +before_consent 1\n[^~]*--include-older")
        self.assertIsNone(json.loads(self.client("upload", "--dry-run", "--json").stdout)["refused"])
        done = self.client("upload", "--json")
        self.assertEqual(json.loads(done.stdout)["kept"], {"before_consent": 1}, done)
        self.assertEqual((self.rows() - before, len(self.pending())), (1, 1))
        done = self.client("upload", "--include-older")
        self.assertEqual((done.returncode, self.rows() - before, self.pending()), (0, 2, []), done)

        self.enqueue(model_call("after"))
        self.assertEqual(self.client("consent", "revoke").returncode, 0)
        done = self.client("upload", "--include-older")
        self.assertEqual(done.returncode, 3)
        self.assertIn("revoked", done.stderr)
        self.assertEqual((self.rows() - before, len(self.pending())), (2, 1))
        self.assertIn("revoked", self.client("consent", "show").stdout)
        self.assertEqual(self.client("consent", "give", "--from", "1h").returncode, 0)
        self.assertEqual(self.client("upload").returncode, 0)
        for words in (["consent"], ["consent", "maybe"], ["consent", "give", "--from", "soon"],
                      ["consent", "show", "--from", "1h"]):
            self.assertEqual(self.client(*words).returncode, 2, words)


    def test_the_record_is_found_without_a_home(self):
        self.enqueue(model_call("kept"))
        self.environment["VOX_TELEMETRY_SPOOL_DIR"] = str(self.spool)
        del self.environment["HOME"]
        if pathlib.Path("~/.config/vox-telemetry").expanduser().exists():
            self.skipTest("this user has a record")
        # Of the user database: an empty one here, so that nothing refuses.
        self.assertEqual(self.client("upload").returncode, 0)

    def test_a_record_is_only_believed_where_nobody_else_writes(self):
        self.enqueue(model_call("kept"))
        config = self.folder / "clone" / "config"
        config.mkdir(parents=True)
        self.environment["XDG_CONFIG_HOME"] = str(config)
        self.environment["HOME"] = str(self.folder / "home")
        self.assertEqual(self.client("consent", "give", "--from", "1h").returncode, 0)
        ours = config / "vox-telemetry"
        ours.chmod(0o777)
        done = self.client("upload")
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("chmod go-w", done.stderr)
        done = self.client("consent", "give")
        self.assertEqual(done.returncode, 3, "given there it would not be believed")
        self.assertIn("chmod go-w", done.stderr)
        self.assertEqual(self.client("consent", "revoke").returncode, 0, "a no is written wherever it can be")
        ours.chmod(0o700)
        self.assertEqual(self.client("consent", "give", "--from", "1h").returncode, 0)
        (self.folder / "clone" / ".git").mkdir()
        for words in (["upload"], ["consent", "give"]):
            done = self.client(*words)
            self.assertNotEqual(done.returncode, 0, done)
            self.assertIn("in a repository", done.stderr)
        # Nor in one that would be made there.
        self.environment["XDG_CONFIG_HOME"] = str(self.folder / "clone" / "not" / "yet")
        done = self.client("consent", "give")
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("in a repository", done.stderr)
        self.assertFalse((self.folder / "clone" / "not").exists())
        self.environment["XDG_CONFIG_HOME"] = str(config)
        # A home folder that is under git itself is nobody's clone.
        self.environment["HOME"] = str(self.folder / "clone")
        done = self.client("upload")
        self.assertEqual((done.returncode, self.pending()), (0, []), done)


class History(ClientCase):

    def test_everything_sent_is_told(self):
        self.assertIn("Nothing was ever sent", self.client("history").stdout)
        for number in range(3):
            self.enqueue(model_call(f"history-{number}"))
        ids = [name.removesuffix(".json") for name in self.pending()]
        self.assertEqual(self.client("upload").returncode, 0)
        lines = [json.loads(line) for line in self.client("history", "--json").stdout.splitlines()]
        self.assertEqual(sorted(line["id"] for line in lines), ids)  # in the order of the answers
        for line in lines:
            self.assertEqual(line["receipt"]["event_id"], line["id"])
            self.assertEqual(line["receipt"]["sha256"], line["sha256"])
            self.assertNotIn("history-", json.dumps(line), "no content is kept")
        self.assertEqual((self.spool / "sent.log").stat().st_mode & 0o777, 0o600)
        for words, count in ((["--limit", "2"], 2), (["--since", "1h"], 3), (["--since", "2099-01-01"], 0), ([ids[1]], 1)):
            with self.subTest(words=words):
                self.assertEqual(len(self.client("history", "--json", *words).stdout.splitlines()), count)
        self.assertIn("2 shown", self.client("history", "--limit", "2").stdout)
        self.assertEqual(self.client("history", "unheard").stdout, "No such event was sent from this spool.\n")
        # The same entry again: a second line, which says so.
        self.drop(f"{ids[0]}.json", json.dumps(model_call("history-0")))
        self.client("upload")
        again = [json.loads(line) for line in self.client("history", "--json", ids[0]).stdout.splitlines()]
        self.assertEqual([line["receipt"]["duplicate"] for line in again], [False, True])
        self.assertEqual([line["outcome"] for line in again], ["stored", "duplicate"])

    def test_what_was_not_taken_is_told_too(self):
        refused = self.enqueue(model_call("refused", latency_ms=-1))
        kept = self.enqueue({"Unheard": {}})
        self.assertEqual(self.client("upload").returncode, 1)
        self.client("upload")  # the kept one is not offered again
        self.assertEqual(self.client("purge", "--all", "--yes").returncode, 0)
        lines = [json.loads(line) for line in self.client("history", "--json").stdout.splitlines()]
        self.assertEqual(sorted((line["outcome"], line["code"], line["status"]) for line in lines),
                         [("kept", "unknown_contract", 422), ("refused", "schema_invalid", 422)])
        self.assertEqual(len({line["sha256"] for line in lines}), 2)
        self.assertFalse([line for line in lines if "receipt" in line])
        told = self.client("history").stdout
        self.assertIn("refused schema_invalid", told)
        self.assertIn("kept unknown_contract", told)

    def test_names_of_any_kind(self):
        self.drop("unused.json", "{}")
        (self.spool / "pending/unused.json").unlink()
        names = ["noext", "x.JSON", "a" * 255, "b" * 250 + ".json", "c" * 240]
        for name in names + ["bad-one", "d" * 255, "half.tmp", ".hidden", "half~"]:
            text = "{" if name == "bad-one" or name[0] == "d" else json.dumps(model_call(name[:9]))
            self.drop(name, text)
        self.drop("refused", json.dumps(model_call("refused", latency_ms=-1)))
        before = self.rows()
        done = self.client("upload", "--json")
        got = json.loads(done.stdout)
        self.assertEqual((got["sent"], got["bad"], got["rejected"], done.returncode), (5, 2, {"schema_invalid": 1}, 1), done)
        self.assertEqual(self.rows() - before, 5)
        left = sorted(path.name for path in (self.spool / "pending").iterdir())
        self.assertEqual(left, [".hidden", "half.tmp", "half~"])
        self.assertEqual((self.spool / "rejected/refused~.json").stat().st_mode & 0o777, 0o600)
        self.assertTrue((self.spool / "rejected/refused~.json.answer").read_text().endswith("\nFirst name: refused\n"))
        self.assertTrue((self.spool / ".gitignore").exists())
        self.assertIn("3 other files are", self.client("upload").stdout.replace("  ", " "))
        self.assertEqual(self.client("retry").returncode, 0)
        self.assertEqual(self.client("retry", "--state", "bad").returncode, 0)
        left = {path.name for path in (self.spool / "pending").iterdir()}
        self.assertLessEqual({"refused", "bad-one", "d" * 255}, left)

    def test_an_id_is_not_the_name_of_another_entry(self):
        """A file whose whole name is an id has an id of its own."""
        name = uuid7()
        for spelt in (name, name + ".json"):
            self.drop(spelt, json.dumps(model_call(spelt)))
        done = self.client("purge", "--yes", name)
        self.assertEqual((done.returncode, len(list((self.spool / "pending").iterdir()))), (1, 2), done)
        self.assertIn("more than one file", done.stderr)
        self.assertEqual(self.client("purge", "--yes", name.upper()).returncode, 0)
        self.assertEqual([path.name for path in (self.spool / "pending").iterdir()], [name])
        self.assertEqual(self.client("purge", "--yes", name).returncode, 0)
        self.assertEqual(list((self.spool / "pending").iterdir()), [])

    def test_a_file_that_another_tool_still_writes(self):
        """Under a name that no list knows: it is sent once, under its last name."""
        event = json.dumps(model_call("renamed"))
        self.drop("x.json.AB12CD", event[:20])
        os.utime(self.spool / "pending/x.json.AB12CD")
        before = self.rows()
        self.assertIn("1 file waits", self.client("upload").stdout)
        self.assertIn("wait until they are a minute old", self.client("status").stdout)
        self.assertIn("until they are a minute old", self.client("doctor", "--offline").stdout)
        self.assertEqual(json.loads(self.client("status", "--json").stdout)["pending"]["young"], 1)
        self.assertEqual(self.client("enqueue", "--max-entries", "1", "--drop-oldest", "--json", "-",
                                     stdin=json.dumps(model_call("beside"))).returncode, 0)
        self.drop("x.json.AB12CD", event)
        (self.spool / "pending/x.json.AB12CD").rename(self.spool / "pending/x.json")
        self.assertEqual(self.client("upload").returncode, 0)
        self.assertEqual((self.rows() - before, list((self.spool / "pending").iterdir())), (2, []))

    def test_an_id_finds_a_name_that_is_none(self):
        self.drop("by hand", json.dumps(model_call("by-hand")))
        self.drop("refused.json", json.dumps(model_call("refused", latency_ms=-1)))
        shown = json.loads(self.client("upload", "--dry-run", "--json").stdout)["requests"]
        ids = {}
        for request in shown:
            ids.update({line_name: json.loads(json.dumps(line))["id"] for line_name, line in
                        zip(request.get("names", []), request.get("lines", []))})
            if "name" in request:
                ids[request["name"]] = request["headers"]["Idempotency-Key"].strip('"')
        self.assertEqual(self.client("purge", ids["by hand"], "--yes").returncode, 0)
        self.assertEqual(self.pending(), ["refused.json"])
        got = json.loads(self.client("upload", "--json").stdout)
        self.assertEqual(got["entries"], [{"name": "refused.json", "what": "schema_invalid"}])
        self.assertEqual(self.client("retry", ids["refused.json"]).returncode, 0)
        self.assertEqual(self.pending(), ["refused.json"])
        self.assertEqual(self.client("retry", uuid7()).returncode, 1)

    def test_a_query_is_shown_to_nobody(self):
        self.use(self.environment["VOX_TELEMETRY_UPLOAD_URL"] + "?api_key=hush")
        self.enqueue(model_call("queried"))
        self.enqueue({"Unheard": {}})
        for words in (["upload", "--dry-run"], ["upload", "--dry-run", "--json"], ["upload"], ["status"], ["doctor"]):
            done = self.client(*words)
            self.assertNotIn("hush", done.stdout + done.stderr, words)
        for path in self.spool.glob("*.log"):
            self.assertNotIn("hush", path.read_text(), path)

    def test_doctor_minds_who_can_look(self):
        self.drop("a.json", json.dumps(model_call("a")))
        self.assertNotIn("modes", self.client("doctor", "--offline").stdout)
        self.spool.chmod(0o755)
        (self.spool / "pending/a.json").chmod(0o644)
        done = self.client("doctor", "--offline")
        self.assertEqual(done.returncode, 1, done)
        self.assertIn("others can look into the spool", done.stdout)
        self.assertIn("1 entry has a mode wider than 0600", done.stdout)
        self.assertIn("chmod -R go=", done.stdout)

    def test_check_says_what_a_sink_would_refuse(self):
        self.enqueue(model_call("good"))
        done = self.client("check")
        self.assertEqual(done.returncode, 0, done)
        self.enqueue(model_call("bad", latency_ms=-1))
        self.enqueue(model_call("/home/somebody/project"))
        self.enqueue({"Unheard": {}})
        self.drop("torn.json", "{")
        done = self.client("check", "--json")
        self.assertEqual(done.returncode, 1, done)
        codes = sorted(json.loads(line)["code"] for line in done.stdout.splitlines())
        self.assertEqual(codes, ["content_refused", "not_sendable", "schema_invalid", "unknown_contract"])
        self.assertIn("/ModelCall/latency_ms", self.client("check").stdout)
        self.assertNotIn("somebody", self.client("check").stdout, "no value is repeated")
        done = self.client("upload")
        self.assertIn("schema_invalid", done.stdout)
        self.assertEqual(self.client("check", "--contracts", "/nonexistent").returncode, 3)

    def test_retry_and_kept(self):
        self.enqueue(model_call("bad", latency_ms=-1))
        self.enqueue({"Unheard": {}})
        name = self.pending()[0]
        self.assertEqual(self.client("upload").returncode, 1)
        self.assertEqual(self.rejected(), [name])
        state = json.loads(self.client("status", "--json").stdout)
        self.assertEqual((state["rejected"]["entries"], state["kept"]["unknown_contract"]), (1, 1))
        # What was not taken is not offered again while the sink's contracts are the same.
        refused = self.unknown()
        again = json.loads(self.client("upload", "--json").stdout)
        self.assertEqual(again["kept"], {"unknown_contract": 1})
        self.assertEqual(self.unknown(), refused)
        self.assertEqual(self.client("retry", "--state", "kept").returncode, 0)
        self.assertFalse((self.spool / "kept.log").exists())
        self.assertEqual(self.client("retry").returncode, 0)
        self.assertEqual((len(self.pending()), self.rejected()), (2, []))
        self.assertEqual(self.client("upload").returncode, 1)
        self.assertEqual((self.unknown(), self.rejected()), (refused + 1, [name]), "both were offered again")
        self.assertEqual(self.client("retry", name).returncode, 0)
        self.assertFalse(list(self.spool.glob("rejected/*.answer")))
        self.assertEqual(self.client("retry", str(uuid7())).returncode, 1, "no such entry")

    def unknown(self):
        return sum(value for (name, labels), value in self.sink.metrics().items()
                   if name == "vox_sink_problems_total" and ("code", "unknown_contract") in labels)

    def test_purge_is_explicit(self):
        self.drop("01890000-0000-7000-8000-000000000000.json", json.dumps(model_call("old")))
        for number in range(3):
            self.enqueue(model_call(f"purge-{number}"))
        names = self.pending()
        for words in ([], ["--all"], ["--all", "--older-than", "1d", "--yes"], ["--older-than", "1 d", "--yes"],
                      ["--all", names[0], "--yes"]):
            self.assertEqual(self.client("purge", *words).returncode, 2, words)
        self.assertEqual(self.pending(), names)
        self.assertEqual(self.client("purge", "--older-than", "30d", "--yes").returncode, 0)
        self.assertEqual(self.pending(), names[1:])
        with open(self.spool / "upload.lock", "a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for words in (["purge", names[1], "--yes"], ["retry", names[1]], ["retry", "--state", "kept"]):
                done = self.client(*words)
                self.assertEqual(done.returncode, 75, done)
                self.assertIn("an upload is at work", done.stderr)
            status = json.loads(self.client("upload", "--json").stdout)
            self.assertEqual((status["outcome"], status["remaining"]), ("locked", len(self.pending())))
        self.assertEqual(self.client("purge", names[1], names[2].removesuffix(".json"), "--yes").returncode, 0)
        self.assertEqual(self.pending(), names[3:])
        self.assertEqual(self.client("purge", "--all", "--yes", "--state", "bad").returncode, 0)
        self.assertEqual(self.pending(), names[3:])
        self.assertEqual(self.client("purge", "--all", "--yes").returncode, 0)
        self.assertEqual(self.pending(), [])

    def test_limits_refuse_and_drop(self):
        for number in range(3):
            self.enqueue(model_call(f"limit-{number}"))
        names = self.pending()
        one = json.dumps(model_call("one more"))
        done = self.client("enqueue", "--json", "-", "--max-entries", "3", stdin=one)
        self.assertEqual((done.returncode, self.pending()), (73, names), done)
        self.assertIn("full", done.stderr)
        self.environment["VOX_TELEMETRY_SPOOL_MAX_ENTRIES"] = "3"
        self.environment["VOX_TELEMETRY_SPOOL_WHEN_FULL"] = "drop-oldest"
        self.assertEqual(self.client("enqueue", "--json", "-", stdin=one).returncode, 0)
        self.assertEqual(self.pending()[:2], names[1:])
        self.assertEqual(json.loads(self.client("status", "--json").stdout)["dropped"]["entries"], 1)
        self.environment["VOX_TELEMETRY_SPOOL_WHEN_FULL"] = "maybe"
        self.assertEqual(self.client("enqueue", "--json", "-", stdin=one).returncode, 2)


class Doctor(ClientCase):

    def test_probe_goes_the_whole_way(self):
        self.enqueue(model_call("kept"))
        before = self.rows()
        done = self.client("doctor", "--json")
        self.assertEqual(done.returncode, 0, done)
        found = {finding["about"]: finding["text"] for finding in json.loads(done.stdout)["findings"]}
        self.assertIn("acknowledged", found["probe"])
        self.assertIn("agrees", found["clock"])
        self.assertNotIn(self.write_token, done.stdout)
        self.assertEqual(self.rows() - before, 1)
        contract = self.value("SELECT count(*) FROM telemetry.events e JOIN telemetry.contracts c "
                              "ON c.id = e.contract_id WHERE c.name LIKE 'vox-telemetry-probe%'")
        self.assertGreaterEqual(int(contract), 1)
        self.assertNotIn("contract=\"vox-telemetry-probe", self.sink.request("GET", "/metrics").body.decode())
        for query, listed in (("", False), ("&contract=vox-telemetry-probe.v1", True)):
            page = self.sink.request("GET", f"/v1/admin/events?limit=1000{query}", token=self.read_token)
            self.assertEqual("TelemetryProbe" in page.body.decode(), listed, query)
        self.assertEqual(len(self.client("history", "--json").stdout.splitlines()), 1, "the probe is told too")
        self.assertEqual(self.client("doctor", "--offline").returncode, 0)
        self.assertEqual(self.rows() - before, 1)

    def test_signed(self):
        master = self.sink.folder / "master.key"
        self.sink.command("master-key", "create", str(master))
        sink = self.new_sink(master_key_file=master)
        sink.start().ready()
        self.use(f"http://{sink.address[0]}:{sink.address[1]}/v1/events")
        done = sink.command("token", "create", "--project", "signed", "--scope", "ingest,read", "--signature",
                            "required", "--json")
        made = json.loads(done.stdout)
        self.environment["VOX_TELEMETRY_UPLOAD_TOKEN"] = made["token"]
        self.enqueue(model_call("signed"))
        self.assertEqual(self.client("doctor").returncode, 3, "a signature is asked for, none is made")
        self.assertEqual(self.client("upload").returncode, 3)
        self.assertEqual(len(self.pending()), 1)
        self.environment["VOX_TELEMETRY_SIGNING_SECRET"] = made["signing_secret"]
        dry = self.client("upload", "--dry-run").stdout
        self.assertIn("webhook-signature: v1,(hidden)", dry)
        self.assertNotIn(made["signing_secret"], dry)
        done = self.client("doctor", "--json")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(self.client("upload").returncode, 0)
        self.assertEqual(self.pending(), [])
        self.environment["VOX_TELEMETRY_SIGNING_SECRET"] = "whsec_short"
        self.enqueue(model_call("unsigned"))
        done = self.client("upload")
        self.assertEqual(done.returncode, 3)
        self.assertNotIn("whsec_short", done.stdout + done.stderr)

    def test_faults_are_told(self):
        self.environment["VOX_TELEMETRY_UPLOAD_TOKEN"] = self.read_token
        done = self.client("doctor")
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("scope_insufficient", done.stdout)
        self.use("http://127.0.0.1:1/v1/events")
        self.assertEqual(self.client("doctor").returncode, 3)
        self.drop("01890000-0000-7000-8000-000000000000.json", json.dumps(model_call("old")))
        self.assertIn("7 days", self.client("doctor", "--offline").stdout)
        self.assertNotIn("10 MiB", self.client("doctor", "--offline").stdout)
        for number in range(3):
            self.drop(f"large-{number}.json", json.dumps({"text": "x" * (4 << 20)}))
        self.assertIn("10 MiB", self.client("doctor", "--offline").stdout)


class Shells(ClientCase):
    serve = False

    def test_completion_is_of_the_table(self):
        commands = [line.split()[0] for line in self.client("help").stdout.splitlines()
                    if line.startswith("  ") and not line.startswith("  VOX")]
        for shell in ("bash", "zsh", "fish"):
            done = self.client("completion", shell)
            self.assertEqual(done.returncode, 0)
            for command in commands:
                self.assertIn(command, done.stdout, (shell, command))
            if shutil.which(shell):
                checked = subprocess.run([shell, "-n", "/dev/stdin"], input=done.stdout, text=True,
                                         capture_output=True)
                self.assertEqual((checked.returncode, checked.stderr), (0, ""), shell)
        self.assertEqual(self.client("completion", "csh").returncode, 2)
        script = self.client("completion", "bash").stdout + (
            'COMP_WORDS=(vox-telemetry purge --state re); COMP_CWORD=3; _vox_telemetry; echo "${COMPREPLY[*]}"\n'
            'COMP_WORDS=(vox-telemetry con); COMP_CWORD=1; _vox_telemetry; echo "${COMPREPLY[*]}"\n'
            'COMP_WORDS=(vox-telemetry upload --inc); COMP_CWORD=2; _vox_telemetry; echo "${COMPREPLY[*]}"\n')
        done = run("bash", "-c", script)
        self.assertEqual(done.stdout.split(), ["rejected", "consent", "--include-older"], done)

    def test_colour_only_where_a_person_reads(self):
        self.enqueue(model_call("colour"))
        for words in (["status"], ["doctor", "--offline"], ["history"], ["consent", "show"]):
            self.assertNotIn("\033", self.client(*words).stdout)
        for no_color, wanted in (("", True), ("1", False)):
            environment = {**self.environment, "TERM": "xterm", "NO_COLOR": no_color}
            code, shown = at_terminal([TELEMETRY, "status"], environment, whole=False)
            self.assertEqual(code, 0)
            self.assertEqual(b"\033[" in shown, wanted, shown)
