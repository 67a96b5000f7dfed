# SPDX-License-Identifier: Apache-2.0
"""Who the daemon runs as, what it leaves in memory, and whose files it takes secrets from."""

import os
import pathlib
import pwd
import re
import subprocess
import unittest

from voxtest import CONTRACTS, SANITIZED, SINK, SinkCase, TELEMETRY, model_call
from voxtest.base import USER, clean_environment, run, wait_until

AS_ROOT = os.geteuid() == 0


@unittest.skipUnless(AS_ROOT, "only root can become somebody")
class Root(SinkCase):
    def status(self, field):
        text = pathlib.Path(f"/proc/{self.sink.process.pid}/status").read_text()
        return re.search(rf"^{field}:\s+(.*)$", text, re.M)[1].split()

    def serve(self, **options):
        sink = self.new_sink(**options)
        if not options.get("user", True):
            del sink.environment["VOX_SINK_USER"]
        return sink.command("serve", check=False)

    def test_root_serves_nobody(self):
        for done, words in (
                (self.serve(user=""), "--user"),
                (self.serve(user="root"), "without privileges"),
                (self.serve(user="no-such-user"), "there is no user no-such-user")):
            self.assertEqual((done.returncode, done.stdout), (3, ""), done)
            self.assertIn(words, done.stderr)
            self.assertEqual(len(done.stderr.splitlines()), 1, done)

    def test_every_thread_is_the_user(self):
        owner = pwd.getpwnam(USER)
        groups = sorted(str(g) for g in os.getgrouplist(USER, owner.pw_gid))
        tasks = list(pathlib.Path(f"/proc/{self.sink.process.pid}/task").iterdir())
        self.assertGreater(len(tasks), 4)
        for task in tasks:
            try:
                text = (task / "status").read_text()
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                continue
            self.assertEqual(re.search(r"^Uid:\s+(.*)$", text, re.M)[1].split(), [str(owner.pw_uid)] * 4)
            self.assertEqual(re.search(r"^Gid:\s+(.*)$", text, re.M)[1].split(), [str(owner.pw_gid)] * 4)
            self.assertEqual(sorted(re.search(r"^Groups:\s+(.*)$", text, re.M)[1].split()), groups)
            for field in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                self.assertEqual(int(re.search(rf"^{field}:\s+(.*)$", text, re.M)[1], 16), 0, field)
            self.assertEqual(re.search(r"^NoNewPrivs:\s+(.*)$", text, re.M)[1], "1")

    def test_no_dump_and_a_narrow_mask(self):
        limits = pathlib.Path(f"/proc/{self.sink.process.pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size\s+0\s+0\s")
        self.assertEqual(self.status("Umask"), ["0077"])
        # Files of a process that may not be dumped belong to root, whoever it runs as.
        self.assertEqual(os.stat(f"/proc/{self.sink.process.pid}/environ").st_uid, 0)

    def test_environment_and_command_line_hold_no_secret(self):
        environ = pathlib.Path(f"/proc/{self.sink.process.pid}/environ").read_bytes()
        line = pathlib.Path(f"/proc/{self.sink.process.pid}/cmdline").read_bytes()
        self.assertIn(b"VOX_SINK_DATABASE_URL=\0", environ)
        self.assertIn(b"VOX_SINK_LISTEN=", environ, "what is no secret stays")
        for text in (environ, line):
            self.assertNotIn(b"postgresql:", text)
            self.assertNotIn(str(self.cluster.folder).encode(), text)

    @unittest.skipIf(SANITIZED, "a sanitizer locks no memory")
    def test_secrets_lie_in_locked_memory(self):
        self.assertGreater(int(self.status("VmLck")[0]), 0)
        self.assertNotIn("LimitMEMLOCK", self.sink.log())

    @unittest.skipIf(SANITIZED, "a sanitizer locks no memory")
    def test_without_a_right_to_lock_memory_it_warns_and_serves(self):
        sink = self.new_sink()
        sink.wrapper = ["prlimit", "--memlock=0:0", "setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock"]
        sink.start().ready()
        self.assertRegex(sink.log(), r"level=warn .*LimitMEMLOCK")
        self.assertEqual(sink.post(model_call("unlocked"), self.write_token).status, 201)
        self.assertEqual(sink.stop(), 0)

    def test_privileged_port_is_bound_before_the_drop(self):
        start = pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
        if int(start.read_text()) <= 1:
            self.skipTest("every port is open to all here")
        for port in range(1, 1024):
            sink = self.new_sink(listen=f"127.0.0.1:{port}")
            try:
                sink.start().ready()
            except AssertionError:
                continue  # somebody else's
            self.assertEqual(sink.address, ("127.0.0.1", port))
            self.assertEqual(sink.stop(), 0)
            return
        self.fail("no port below 1024 is free")

    def test_secret_files_of_others_are_refused(self):
        path = self.sink.folder / "url-file"
        path.write_text(self.sink.url + "\n")
        path.chmod(0o600)
        environment = {k: v for k, v in self.sink.environment.items() if k != "VOX_SINK_DATABASE_URL"}
        environment.update(VOX_SINK_DATABASE_URL_FILE=str(path))
        command = [SINK, "project", "list", "--json"]
        for owner, code in ((0, 0), (pwd.getpwnam(USER).pw_uid, 0), (pwd.getpwnam("nobody").pw_uid, 3)):
            os.chown(path, owner, -1)
            done = run(*command, env=environment)
            self.assertEqual(done.returncode, code, done)
        self.assertIn("belongs to another user", done.stderr)
        config = self.sink.folder / "sink.yaml"
        config.write_text(f"database_url: {self.sink.url}\n")
        config.chmod(0o600)
        del environment["VOX_SINK_DATABASE_URL_FILE"]
        environment.update(VOX_SINK_CONFIG=str(config))
        self.assertEqual(run(*command, env=environment).returncode, 0)
        os.chown(config, pwd.getpwnam("nobody").pw_uid, -1)
        done = run(*command, env=environment)
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("belongs to another user", done.stderr)

    def test_a_master_key_may_be_the_daemons(self):
        path = self.sink.folder / "new.key"
        self.sink.command("master-key", "create", str(path))
        done = self.sink.command("master-key", "rotate", "--lost", "--new", str(path), check=False)
        self.assertEqual(done.returncode, 1, "nothing is sealed yet")
        self.assertIn("any key will do", done.stderr)
        environment = {**self.sink.environment, "VOX_SINK_MASTER_KEY_FILE": str(path)}
        create = [SINK, "token", "create", "--project", "demo", "--scope", "ingest", "--signature", "optional", "--json"]
        for owner, code in ((USER, 0), ("nobody", 3)):
            os.chown(path, pwd.getpwnam(owner).pw_uid, -1)
            done = run(*create, env=environment)
            self.assertEqual(done.returncode, code, done)
            done = self.sink.command("master-key", "rotate", "--lost", "--new", str(path), check=False)
            self.assertEqual(done.returncode, code, done)
        self.assertIn("belongs to another user", done.stderr)

    def test_reload_needs_no_secret_again(self):
        path = self.sink.folder / "url-of-root"
        path.write_text(self.sink.url)
        path.chmod(0o600)
        sink = self.new_sink()
        del sink.environment["VOX_SINK_DATABASE_URL"]
        sink.environment["VOX_SINK_DATABASE_URL_FILE"] = str(path)
        sink.start().ready()
        sink.signal(1)
        wait_until(lambda: "msg=reloaded" in sink.log(), "a reload without root's file")
        self.assertEqual(sink.stop(), 0)


class Ordinary(SinkCase):
    serve = False

    def as_nobody(self, *argv, **environment):
        drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if AS_ROOT else []
        return subprocess.run([*drop, *map(str, argv)], env=clean_environment(**environment), text=True, timeout=300,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    def test_only_root_can_become_another(self):
        done = self.as_nobody(SINK, "serve", "--user", "daemon", VOX_SINK_DATABASE_URL="postgresql:///nowhere")
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("only root can become the user daemon", done.stderr)

    def test_doctor_says_what_serve_would(self):
        done = self.as_nobody(SINK, "doctor", "--user", "no-such-user")
        self.assertEqual(done.returncode, 4, done)
        self.assertIn("there is no user no-such-user", done.stdout)

    @unittest.skipUnless(AS_ROOT, "only root can give a file away")
    def test_client_refuses_the_token_file_of_another(self):
        path = self.sink.folder / "token"
        path.write_text(self.write_token)
        path.chmod(0o600)
        os.chown(path, 65534, -1)
        environment = clean_environment(
            VOX_TELEMETRY_UPLOAD_TOKEN_FILE=path, VOX_TELEMETRY_UPLOAD_URL="http://127.0.0.1:9/v1/events",
            VOX_TELEMETRY_SPOOL_DIR=self.sink.folder / "spool")
        sample = CONTRACTS / "samples/model-call.v1/valid/typical.json"
        self.assertEqual(run(TELEMETRY, "enqueue", "--json", sample, env=environment).returncode, 0)
        done = run(TELEMETRY, "upload", env=environment)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("belongs to another user", done.stderr)


if __name__ == "__main__":
    unittest.main()
