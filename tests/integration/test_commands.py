# SPDX-License-Identifier: Apache-2.0
"""The commands of vox-sink: what they say, for people and machines, and their exit codes."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

from voxtest import CONTRACTS, SINK, SinkCase, at_terminal, model_call, run, samples, uuid7, wait_until

COMMANDS = (
    ["serve"], ["migrate"], ["project"], ["project", "create"], ["project", "set"], ["project", "list"], ["token"],
    ["token", "create"], ["token", "list"], ["token", "set"], ["token", "rotate"], ["token", "revoke"], ["token", "key"],
    ["token", "key", "add"], ["token", "key", "list"], ["token", "key", "retire"], ["master-key"], ["master-key", "create"],
    ["master-key", "rotate"], ["contracts"], ["contracts", "check"],
    ["contracts", "list"], ["contracts", "show"], ["contracts", "guard"], ["contracts", "validate"],
    ["quarantine"], ["quarantine", "list"], ["quarantine", "show"], ["quarantine", "replay"], ["retention"],
    ["retention", "plan"], ["retention", "apply"], ["doctor"], ["config"], ["config", "show"], ["reference"],
    ["reference", "options"], ["completion"], ["version"])


class Words(SinkCase):
    """Help, usage, and commands that need no server."""

    serve = False

    def test_help(self):
        for words in ([], *COMMANDS):
            with self.subTest(command=words):
                done = run(SINK, *words, "--help")
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertIn("vox-sink", done.stdout)
                self.assertLessEqual(max(map(len, done.stdout.splitlines())), 80, done.stdout)

    def test_completion_is_of_the_tables(self):
        for shell in ("bash", "zsh", "fish", "man"):
            done = run(SINK, "completion", shell)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            for words in COMMANDS:
                self.assertIn(words[-1], done.stdout.replace("\\-", "-"), (shell, words))
            if shell != "man" and shutil.which(shell):
                checked = run(shell, "-n", "/dev/stdin", stdin=done.stdout)
                self.assertEqual((checked.returncode, checked.stderr), (0, ""), shell)
        done = run(SINK, "completion", "csh")
        self.assertEqual((done.returncode, done.stdout), (2, ""), done)

    def test_completion_walks_the_tree(self):
        script = run(SINK, "completion", "bash").stdout + (
            'offers() { COMP_WORDS=(vox-sink "$@"); COMP_CWORD=$#; _vox_sink; echo "${COMPREPLY[*]}"; }\n')
        for words, offered in (("mig", "migrate"), ("token key r", "retire"), ("token create --sig", "--signature"),
                               ("token create --signature r", "required"), ("serve --log-le", "--log-level"),
                               ("serve --log-level w", "warn"), ("completion z", "zsh"),
                               ("contracts check /et", "/etc"), ("serve --tls-key-file /etc/passw", "/etc/passwd")):
            with self.subTest(words=words):
                done = run("bash", "-c", f"{script} offers {words}")
                self.assertEqual(done.returncode, 0, done)
                self.assertIn(offered, done.stdout.split())
        if not shutil.which("fish"):
            return
        source = run(SINK, "completion", "fish").stdout
        for words, offered in (("mig", "migrate"), ("token key r", "retire"), ("token create --signature r", "required")):
            done = run("fish", "-c", f"{source}\ncomplete -C'vox-sink {words}'")
            self.assertIn(offered, [line.split("\t")[0] for line in done.stdout.splitlines()], done)

    def test_usage(self):
        for words in ([], ["unheard"], ["project"], ["project", "unheard"], ["token", "unheard"], ["migrate", "--unheard"],
                      ["token", "create"], ["token", "create", "--project", "x"], ["project", "create"],
                      ["token", "create", "--project", "x", "--scope", "fly"], ["serve", "--listen"],
                      ["project", "create", "x", "--max-class", "S3"], ["project", "create", "x", "--max-class", "9"],
                      ["project", "set", "x", "--max-class", "S0"],
                      ["token", "create", "--project", "x", "--scope", "ingest", "--expires", "soon"],
                      *(["token", "create", "--project", "x", "--scope", "ingest", f"--{name}", value] for name, value in (
                          ("rate", "fast"), ("rate", "0/s"), ("rate", "1/h"), ("burst", "0"), ("burst", "-1"),
                          ("quota", "10/week"), ("quota-bytes", "1e9"), ("signature", "maybe"), ("contracts", "a,,b"),
                          ("contracts", "../x"), ("contracts", "a.v0"), ("on-invalid", "keep"), ("label", "a\nb"))),
                      ["token", "set", "0123456789"], ["token", "set", "short", "--label", "x"], ["token", "rotate"],
                      ["token", "rotate", "0123456789", "--overlap", "soon"], ["token", "key", "retire", "short"],
                      ["token", "key", "add", "0123456789", "--public", "/nonexistent"], ["master-key", "create"],
                      ["master-key", "rotate"], ["master-key", "rotate", "--old", "/x", "--lost", "--new", "/y"]):
            with self.subTest(command=words):
                done = self.sink.command(*words, check=False)
                self.assertEqual(done.returncode, 2, done)
                self.assertEqual(done.stdout, "")
                self.assertTrue(done.stderr.strip())

    def test_misspelt(self):
        for words, meant in ((["tokn"], "token"), (["token", "key", "lst"], "token key list"), (["version", "--jsn"], "--json"),
                             (["serve", "--lisen=x"], "--listen"), (["serve", "--master-key-fil", "x"], "--master-key-file"),
                             (["token", "list", "--hlp"], "--help"), (["serve", "--queue_events=1"], "--queue-events")):
            done = run(SINK, *words)
            self.assertEqual((done.returncode, done.stdout), (2, ""), done)
            self.assertIn(f"did you mean {meant}?", done.stderr)
        self.assertNotIn("did you mean", run(SINK, "version", "--unheard-of").stderr)

    def test_version(self):
        done = run(SINK, "version")
        self.assertEqual(done.returncode, 0, done)
        self.assertRegex(done.stdout, r"\d+\.\d+\.\d+")
        self.assertIn("version", json.loads(run(SINK, "version", "--json").stdout))
        self.assertEqual(run(SINK, "--version").returncode, 0)

    def test_config_show(self):
        sink = self.new_sink(queue_events=1234)
        sink.environment["VOX_SINK_DATABASE_URL"] = "postgresql://u:hunter2secret@/x?host=/nowhere"
        for flags in ([], ["--json"]):
            done = sink.command("config", "show", *flags)
            self.assertIn("1234", done.stdout)
            self.assertNotIn("hunter2secret", done.stdout + done.stderr)
        shown = json.loads(sink.command("config", "show", "--json").stdout)
        self.assertIn("queue_events", json.dumps(shown))

    def test_config_is_checked(self):
        for name, value in (("queue_events", "many"), ("queue_events", "0"), ("log_level", "loud"), ("writers", "99"),
                            ("listen", "nowhere")):
            with self.subTest(option=name, value=value):
                done = self.new_sink(**{name: value}).command("serve", check=False)
                self.assertIn(done.returncode, (1, 3), done)
                self.assertIn(name.upper() if name.upper() in done.stderr else name, done.stderr)

    def test_url_that_nobody_can_read(self):
        """A wrong configuration, whichever command finds it; the password in it is not repeated."""
        sink = self.new_sink()
        for name in ("VOX_SINK_DATABASE_URL", "VOX_SINK_READ_DATABASE_URL"):
            sink.environment[name] = "postgresql://u:hunter2secret@%zz"
            for words in (["serve"], ["migrate"], ["token", "list"])[:1 if "READ" in name else None]:
                with self.subTest(name=name, command=words):
                    done = sink.command(*words, check=False)
                    self.assertEqual((done.returncode, done.stdout), (3, ""), done)
                    self.assertIn("URL", done.stderr)
                    self.assertNotIn("hunter2secret", done.stderr)
            sink.environment[name] = "postgresql://x@/x?host=/nonexistent"

    def test_tables_fold_on_a_terminal(self):
        """80 columns hold every table there; a pipe has a line a row."""
        def shown(columns, *words):
            code, text = at_terminal([SINK, *words], self.sink.environment, columns, whole=False)
            self.assertEqual(code, 0)
            return text.decode().splitlines()
        piped = self.sink.command("contracts", "list").stdout.splitlines()
        self.assertGreater(max(map(len, piped)), 80)
        self.assertEqual(shown(200, "contracts", "list"), piped)
        for words in (["contracts", "list"], ["contracts", "guard"]):
            folded = shown(80, *words)
            self.assertLessEqual(max(map(len, folded)), 80, folded)
        self.assertEqual(len(shown(80, "contracts", "list")), len(piped) + 1)
        for words in (["doctor"], ["token", "create"], ["quarantine", "show", "nobody"]):
            _, text = at_terminal([SINK, *words], self.sink.environment)
            self.assertLessEqual(max(map(len, text.decode().splitlines())), 80, text)

    def test_unknown_environment_name(self):
        done = self.new_sink(queue_evnts="1").command("config", "show", check=False)
        self.assertIn(done.returncode, (0, 3))
        self.assertIn("VOX_SINK_QUEUE_EVNTS", done.stderr)

    def test_contracts(self):
        done = self.sink.command("contracts", "check")
        self.assertEqual(done.returncode, 0)
        self.assertIn("model-call.v1", self.sink.command("contracts", "list").stdout)
        listed = json.loads(self.sink.command("contracts", "list", "--json").stdout)
        self.assertIn("model-call.v1", json.dumps(listed))
        self.assertIn("365 days", self.sink.command("contracts", "show", "model-call.v1").stdout)
        shown = json.loads(self.sink.command("contracts", "show", "model-call.v1", "--json").stdout)
        self.assertIn("latency_ms", shown["schema"]["properties"]["ModelCall"]["properties"])
        self.assertEqual(self.sink.command("contracts", "show", "unheard.v1", check=False).returncode, 1)
        self.assertIn("posix-path", self.sink.command("contracts", "guard").stdout)
        rules = json.loads(self.sink.command("contracts", "guard", "--json").stdout)["rules"]
        self.assertEqual([rule["name"] for rule in rules], shown["guard"])
        self.assertTrue(all(rule["help"] for rule in rules))

    def test_contracts_check_finds(self):
        sink = self.new_sink(contracts="/nonexistent")
        done = sink.command("contracts", "check", check=False)
        self.assertIn(done.returncode, (1, 3, 4), done)
        self.assertIn("/nonexistent", done.stderr + done.stdout)

    def test_contracts_check_says_where(self):
        """A fault of each kind in a copy of our own folder: exit 4, and one line with file and line on stdout."""
        for name, old, new, says in (
                ("index.yaml", "    class: S2\n", "    class: S4\n", r"index\.yaml:{line}: class 'S4' is none of"),
                ("retention-policy.yaml", "    days: 365\n", "    days: none\n", r"retention-policy\.yaml:{line}: "),
                ("guard.yaml", "    matcher: jwt\n", "    matcher: jwd\n", r"guard\.yaml:{line}: jwd: there is no such matcher"),
                ("build-summary.v1.schema.json", '"type": "integer"', '"type": "integral"', r"build-summary\.v1\.schema\.json:{line}: "),
                ("samples/build-summary.v1/valid/typical.json", '"wall_time_ms"', '"wall_time"', r"typical\.json:\d+: should be valid"),
                ("samples/build-summary.v1/valid/typical.json", "{", "{,", r"typical\.json:{line}: should be valid .*json_malformed")):
            with self.subTest(name=name, new=new), tempfile.TemporaryDirectory(prefix="vox-check-", dir="/tmp") as folder:
                copy = pathlib.Path(folder) / "contracts"
                shutil.copytree(CONTRACTS, copy)
                text = (copy / name).read_text()
                line = text[:text.index(old)].count("\n") + 1
                (copy / name).write_text(text.replace(old, new, 1))
                done = self.sink.command("contracts", "check", str(copy), check=False)
                self.assertEqual(done.returncode, 4, done)
                self.assertRegex(done.stdout, says.replace("{line}", str(line)))
                self.assertIn("found", done.stderr)


class Projects(SinkCase):

    def listed(self, what):
        """The list of `project list --json` or `token list --json`."""
        value = json.loads(self.sink.command(what, "list", "--json").stdout)
        return value if isinstance(value, list) else next(v for v in value.values() if isinstance(v, list))

    def test_project_life(self):
        self.sink.command("project", "create", "alpha")
        self.sink.command("project", "create", "beta", "--max-class", "S2")
        self.assertEqual(self.sink.command("project", "create", "alpha", check=False).returncode, 1)
        rows = {row["name"]: row for row in self.listed("project")}
        self.assertEqual((rows["alpha"]["max_class"], rows["beta"]["max_class"]), ("S1", "S2"))
        self.sink.command("project", "set", "alpha", "--max-class", "S2")
        rows = {row["name"]: row for row in self.listed("project")}
        self.assertEqual(rows["alpha"]["max_class"], "S2")
        done = self.sink.command("project", "set", "gamma", "--max-class", "S1", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("gamma", done.stderr)
        self.assertIn("alpha", self.sink.command("project", "list").stdout)

    def test_project_names(self):
        for name in ("", "a b", "x" * 200, "a'b", "../x", "a\nb"):
            with self.subTest(name=name):
                self.assertIn(self.sink.command("project", "create", name, check=False).returncode, (1, 2))

    def test_token_life(self):
        token = self.sink.token("tokens", "ingest,read", "--label", "of a test", "--expires", "90d")
        key_id = token.split("_")[1]
        made = json.loads(self.sink.command("token", "create", "--project", "tokens", "--scope", "ingest", "--json").stdout)
        self.assertRegex(made["token"], r"^vts_")
        self.assertEqual(self.sink.command("token", "create", "--project", "tokens", "--scope", "read").stderr, "")
        self.assertIn("misspelt is new", self.sink.command("token", "create", "--project", "misspelt", "--scope", "read").stderr)
        listing = self.sink.command("token", "list").stdout
        self.assertIn(key_id, listing)
        for shown in (listing, self.sink.command("token", "list", "--json").stdout):
            self.assertNotIn(token.split("_")[2], shown)
        row = next(r for r in self.listed("token") if key_id in r.values())
        self.assertIn("of a test", row.values())
        event = model_call(uuid7())
        self.assertEqual(self.settled(lambda: self.sink.post(event, token)).status, 201)
        self.sink.command("token", "revoke", key_id)
        wait_until(lambda: self.sink.post(event, token).code == "token_invalid", "the sink learns of it")
        self.sink.command("token", "revoke", key_id)
        self.assertEqual(self.sink.command("token", "revoke", "0123456789", check=False).returncode, 1)

    def test_token_settings(self):
        made = json.loads(self.sink.command(
            "token", "create", "--project", "settings", "--scope", "ingest", "--rate", "30/min", "--burst", "7", "--quota",
            "1000/day", "--quota-bytes", "5000000/day", "--contracts", "model-call", "--on-invalid", "quarantine",
            "--json").stdout)
        key_id, token = made["key_id"], made["token"]
        wanted = {"rate_per_second": 0.5, "burst": 7, "quota_events_per_day": 1000, "quota_bytes_per_day": 5000000,
                  "contracts": ["model-call"], "on_invalid": "quarantine", "signature": "off", "expires_at": None}
        for row in (made, self.row(key_id)):
            self.assertEqual({name: row[name] for name in wanted}, wanted)
        self.assertIsNone(self.row(key_id)["last_used_at"])
        finding = next(text for contract, _, text, _ in samples("valid") if contract == "lint-finding.v1")
        self.assert_problem(self.settled(lambda: self.sink.post(finding, token)), "contract_not_allowed")
        self.assertEqual(self.sink.post(model_call(uuid7()), token).status, 201)
        done = self.sink.command("token", "set", key_id, "--contracts", "lint-finding.v1,unheard", "--rate", "default",
                                 "--quota", "default", "--label", "changed", "--expires", "30d")
        self.assertIn("unheard", done.stderr)
        row = self.row(key_id)
        self.assertEqual((row["contracts"], row["rate_per_second"], row["burst"], row["label"]),
                         (["lint-finding.v1", "unheard"], None, 7, "changed"))
        self.assertIsNotNone(row["expires_at"])
        wait_until(lambda: self.sink.post(finding, token).status == 201, "the sink follows")
        self.assert_problem(self.sink.post(model_call(uuid7()), token), "contract_not_allowed")
        self.sink.command("token", "set", key_id, "--contracts", "all", "--expires", "never")
        row = self.row(key_id)
        self.assertEqual((row["contracts"], row["expires_at"]), (None, None))
        # A rate so low that clients which never wait hear 429 is taken, and said.
        for rate, warned in (("0.5/s", False), ("0.4/s", True)):
            done = self.sink.command("token", "set", key_id, "--rate", rate)
            self.assertEqual("hear 429" in done.stderr, warned, done.stderr)
        self.assertEqual(self.sink.command("token", "set", "0123456789", "--label", "x", check=False).returncode, 1)

    def row(self, key_id):
        return next(row for row in self.listed("token") if row["key_id"] == key_id)

    def test_token_rotate(self):
        made = json.loads(self.sink.command("token", "create", "--project", "rotation", "--scope", "ingest", "--expires",
                                            "10d", "--label", "kept", "--burst", "9", "--json").stdout)
        fresh = json.loads(self.sink.command("token", "rotate", made["key_id"], "--overlap", "1h", "--json").stdout)
        self.assertNotEqual(fresh["key_id"], made["key_id"])
        self.assertEqual((fresh["label"], fresh["burst"], fresh["project"]), ("kept", 9, "rotation"))
        for token in (made["token"], fresh["token"]):
            self.assertEqual(self.settled(lambda: self.sink.post(model_call(uuid7()), token)).status, 201)
        self.assertLess(self.row(made["key_id"])["expires_at"], self.row(fresh["key_id"])["expires_at"])
        last = self.sink.command("token", "rotate", fresh["key_id"], "--overlap", "0").stdout.strip()
        wait_until(lambda: self.sink.post(model_call(uuid7()), fresh["token"]).code == "token_invalid", "it has ended")
        self.assertEqual(self.settled(lambda: self.sink.post(model_call(uuid7()), last)).status, 201)
        done = self.sink.command("token", "rotate", fresh["key_id"], check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))

    def test_only_the_hash_is_kept(self):
        token = self.sink.token("hashes", "ingest")
        dump = subprocess.run([str(self.cluster.bin / "pg_dump"), "-d", self.cluster.url(self.database)],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertIn(token.split("_")[1], dump)
        self.assertNotIn(token.split("_")[2], dump)

    def test_doctor(self):
        self.assertEqual(self.sink.command("doctor").returncode, 0)
        json.loads(self.sink.command("doctor", "--json").stdout)
        sick = self.new_sink()
        sick.environment["VOX_SINK_DATABASE_URL"] = "postgresql://vox@/x?host=/nonexistent"
        done = sick.command("doctor", check=False)
        self.assertIn(done.returncode, (1, 4), done)
        sick.environment.pop("VOX_SINK_DATABASE_URL")
        done = sick.command("doctor", check=False)
        self.assertIn(done.returncode, (1, 3, 4), done)
        self.assertIn("VOX_SINK_DATABASE_URL", done.stdout + done.stderr)

    def test_doctor_of_root(self):
        """Root may look; that `serve` wants another user is a warning then, and what was asked for is checked."""
        if os.geteuid() != 0:
            self.skipTest("root only")
        bare = self.new_sink()
        bare.environment.pop("VOX_SINK_USER", None)
        for user, code, status in ((None, 0, "warn"), ("root", 4, "fail"), ("nobody-of-this-name", 4, "fail")):
            if user:
                bare.environment["VOX_SINK_USER"] = user
            done = bare.command("doctor", "--json", check=False)
            found = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "user"]
            self.assertEqual((done.returncode, [check["status"] for check in found]), (code, [status]), found)
        # Where --user names one, it is that one's rights that count.
        closed = pathlib.Path(tempfile.mkdtemp(prefix="vox-contracts-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, closed)
        shutil.copytree(CONTRACTS, closed, dirs_exist_ok=True)
        closed.chmod(0o700)
        done = self.new_sink(contracts=closed).command("doctor", check=False)
        self.assertEqual(done.returncode, 4, done)
        self.assertRegex(done.stdout, r"(?m)^fail +contracts .*index\.yaml: .*Permission denied$")

    def test_doctor_sees_what_serve_would_refuse(self):
        for options in ({"trusted_proxies": "here"}, {"stop_deadline": 1}):
            with self.subTest(options=options):
                sick = self.new_sink(**options)
                serve, doctor = sick.command("serve", check=False), sick.command("doctor", check=False)
                self.assertEqual((serve.returncode, doctor.returncode), (3, 4), (serve, doctor))
                self.assertIn(serve.stderr.removeprefix("vox-sink: ").strip(), doctor.stdout)

    def test_secret_from_a_file(self):
        path = self.sink.folder / "url"
        path.write_text(self.cluster.url(self.database) + "\n")
        path.chmod(0o600)
        sink = self.new_sink()
        sink.environment.pop("VOX_SINK_DATABASE_URL")
        sink.environment["VOX_SINK_DATABASE_URL_FILE"] = str(path)
        self.assertEqual(sink.command("project", "list").returncode, 0)


class Migrations(SinkCase):
    serve = False

    def fresh(self, name):
        name = f"{self.database}_{name}"
        self.cluster.create_database(name)
        self.addCleanup(self.cluster.drop_database, name)
        sink = self.new_sink()
        sink.environment["VOX_SINK_DATABASE_URL"] = self.cluster.url(name)
        return name, sink

    def tables(self, name):
        return int(self.cluster.value(name, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
                                            "WHERE nspname = 'telemetry'"))

    def test_status_and_dry_run(self):
        name, sink = self.fresh("status")
        sink.command("migrate", "--status")
        sink.command("migrate", "--dry-run")
        self.assertEqual(self.tables(name), 0, "neither changes anything")
        json.loads(sink.command("migrate", "--status", "--json").stdout)
        sink.command("migrate")
        tables = self.tables(name)
        self.assertGreater(tables, 5)
        sink.command("migrate")
        self.assertEqual(self.tables(name), tables)
        sink.command("migrate", "--status")

    def test_changed_text_is_found(self):
        name, sink = self.fresh("changed")
        sink.command("migrate")
        column = self.cluster.value(name, "SELECT attname FROM pg_attribute WHERE attrelid = "
                                          "'telemetry.schema_migrations'::regclass AND atttypid = 'bytea'::regtype")
        self.cluster.psql(name, f"UPDATE telemetry.schema_migrations SET {column} = '\\x00'::bytea || substr({column}, 2) "
                                f"WHERE version = 1")
        done = sink.command("migrate", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done)
        self.assertEqual(done.stderr.count("0001_init"), 1, done.stderr)
        for words in ([], ["--json"]):
            done = sink.command("migrate", "--status", *words, check=False)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn("changed", done.stdout)
            self.assertIn("another text", done.stderr)

    def test_two_at_once(self):
        name, sink = self.fresh("two")
        both = [subprocess.Popen([str(SINK), "migrate"], env=sink.environment, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True) for _ in range(4)]
        for process in both:
            out, err = process.communicate(timeout=300)
            self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(self.cluster.value(name, "SELECT count(*) = count(DISTINCT version) FROM telemetry.schema_migrations"), "t")

    def test_killed_half_way(self):
        """kill -9 while the migration waits for a lock of ours in its middle: whole steps stay, the next run ends it."""
        name, sink = self.fresh("killed")
        for attempt in range(8):
            process = subprocess.Popen([str(SINK), "migrate"], env=sink.environment, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            try:
                process.wait(0.005 * (attempt + 1))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait(60)
            # Either nothing, or a whole number of steps with all their tables.
            known = self.cluster.value(name, "SELECT to_regclass('telemetry.schema_migrations') IS NOT NULL")
            if known == "t":
                self.cluster.value(name, "SELECT count(*) FROM telemetry.schema_migrations")
        sink.command("migrate")
        sink.start().ready()
        token = sink.token()
        self.assertEqual(self.settled(lambda: sink.post(model_call("x"), token)).status, 201)

    def test_newer_database(self):
        """A schema that needs a newer sink than this one: not served, and the reason is said."""
        name, sink = self.fresh("newer")
        sink.command("migrate")
        self.cluster.psql(name, "INSERT INTO telemetry.schema_migrations SELECT (jsonb_populate_record(m, "
                                "'{\"version\": 9999, \"name\": \"future\", \"min_sink\": 99}')).* "
                                "FROM telemetry.schema_migrations m ORDER BY version LIMIT 1")
        sink.start()
        wait_until(lambda: sink.status_of("/healthz") == 200, "alive")
        self.assertEqual(sink.get("/readyz").status, 503)
        self.assertEqual(sink.command("doctor", check=False).returncode, 4)
        done = sink.command("migrate", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done)
        self.assertIn("run a newer vox-sink", done.stderr)
        done = sink.command("migrate", "--status")
        self.assertIn("run a newer vox-sink", done.stderr)
