# SPDX-License-Identifier: Apache-2.0
"""Signed requests against a live sink: each case of the hostile list under Signature, and the keys' life."""

import base64
import gzip
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import time
import unittest
import uuid

from voxtest import LONG, ROOT, SinkCase, model_call, uuid7, wait_until


def key_of(secret):
    return base64.b64decode(secret.removeprefix("whsec_"))


def vox(secret, kid, body, at=None):
    """The Vox header, by Python's hmac."""
    at = int(time.time()) if at is None else at
    mac = hmac.new(key_of(secret), f"{at}\n".encode() + body, hashlib.sha256).hexdigest()
    return [("X-Vox-Telemetry-Signature", f"t={at},kid={kid},v1={mac}")]


def webhooks(secret, event_id, body, at=None):
    """The three headers of Standard Webhooks."""
    at = int(time.time()) if at is None else at
    mac = hmac.new(key_of(secret), f"{event_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return [("webhook-id", event_id), ("webhook-timestamp", str(at)),
            ("webhook-signature", "v1," + base64.b64encode(mac).decode())]


def changed(headers, name, value):
    return [(key, value if key == name else old) for key, old in headers]


class Signing(SinkCase):
    """A sink with a master key; `made` is a token that requires signatures."""

    @classmethod
    def setUpClass(cls):
        cls.serve = False
        super().setUpClass()
        cls.master = cls.sink.folder / "master.key"
        cls.sink.command("master-key", "create", str(cls.master))
        cls.sink.environment["VOX_SINK_MASTER_KEY_FILE"] = str(cls.master)
        cls.sink.start().ready()
        cls.made = cls.signing_token()
        cls.kid = cls.made["key_id"]
        cls.secret = cls.made["signing_secret"]

    @classmethod
    def signing_token(cls, policy="required", *more):
        return json.loads(cls.sink.command("token", "create", "--project", "demo", "--scope", "ingest", "--signature",
                                           policy, "--json", *more).stdout)

    @classmethod
    def command_json(cls, *argv):
        return json.loads(cls.sink.command(*argv, "--json").stdout)

    def body(self):
        return json.dumps(model_call(uuid7())).encode()

    def send(self, body, headers, made=None, **more):
        return self.sink.post(body, (made or self.made)["token"], headers=headers, **more)

    def assert_refused(self, answer, *codes):
        self.assertIn(answer.code, codes, answer)
        self.assert_problem(answer, answer.code)

    def signed_by(self, secret, made):
        """Does the sink take what this secret signs for the token?"""
        body = self.body()
        return self.send(body, vox(secret, made["key_id"], body), made).status


class Signature(Signing):
    """The cases of the list, by name."""

    def test_both_forms_are_taken(self):
        for form in ("vox", "webhooks"):
            body = self.body()
            headers = vox(self.secret, self.kid, body) if form == "vox" else webhooks(self.secret, "msg_" + uuid7(), body)
            with self.subTest(form=form):
                self.assert_receipt(self.send(body, headers))
        # The key's own kid names it too; and the signature is of the bytes as sent, before they are decoded.
        body = gzip.compress(self.body())
        headers = vox(self.secret, self.made["signing_kid"], body) + [("Content-Encoding", "gzip")]
        self.assert_receipt(self.send(body, headers))

    def test_bit_flip(self):
        body = self.body()
        for headers in (vox(self.secret, self.kid, body), webhooks(self.secret, uuid7(), body)):
            for name, value in [*headers, ("body", body.decode())]:
                for at in sorted({0, 2, len(value) // 3, len(value) // 2, len(value) - 2, len(value) - 1}):
                    flipped = bytearray(value.encode())
                    flipped[at] ^= 1
                    if name == "body":
                        answer = self.send(bytes(flipped), headers)
                    else:
                        answer = self.send(body, changed(headers, name, flipped.decode()))
                    with self.subTest(name=name, at=at):
                        self.assertEqual(answer.status, 401, answer)
                        self.assert_refused(answer, "signature_invalid", "signature_malformed", "signature_stale",
                                            "signature_missing")
        self.assertEqual(self.rows_of(body), 0)

    def rows_of(self, body):
        trace = json.loads(body)["ModelCall"]["trace_id"]
        return int(self.value(f"SELECT count(*) FROM telemetry.events WHERE trace_id = '{trace}'"))

    def test_window(self):
        # To the second by the vectors of tests/vectors/signatures; here with room for a busy machine.
        for off, taken in ((-200, True), (280, True), (-320, False), (480, False)):
            for form in ("vox", "webhooks"):
                body, at = self.body(), int(time.time()) + off
                headers = vox(self.secret, self.kid, body, at) if form == "vox" else webhooks(self.secret, uuid7(), body, at)
                answer = self.send(body, headers)
                with self.subTest(off=off, form=form):
                    if taken:
                        self.assert_receipt(answer)
                    else:
                        self.assert_refused(answer, "signature_stale")
        for at in ("-1", str(2**63), "1e9", "007", "", "0x10", "1.5", str(10**30)):
            body = self.body()
            mac = hmac.new(key_of(self.secret), f"{at}\n".encode() + body, hashlib.sha256).hexdigest()
            with self.subTest(at=at):
                self.assert_refused(self.send(body, [("X-Vox-Telemetry-Signature", f"t={at},kid={self.kid},v1={mac}")]),
                                    "signature_malformed")
                self.assert_refused(self.send(body, changed(webhooks(self.secret, uuid7(), body), "webhook-timestamp", at)),
                                    "signature_malformed")

    def test_rotation(self):
        made = self.signing_token()
        old = made["signing_secret"]
        added = self.command_json("token", "key", "add", made["key_id"])
        new = added["signing_secret"]
        wait_until(lambda: self.signed_by(new, made) == 201, "the second key counts")
        self.assertEqual(self.signed_by(old, made), 201)
        done = self.sink.command("token", "key", "add", made["key_id"], check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("2 active signing keys", done.stderr)
        # Two signatures in one header, one of them good.
        body = self.body()
        (_, good), = vox(new, made["key_id"], body)
        (_, bad), = vox(self.secret, made["key_id"], body)
        self.assert_receipt(self.send(body, [("X-Vox-Telemetry-Signature", f"{bad},v1={good.split('v1=')[1]}")], made))
        self.sink.command("token", "key", "retire", made["signing_kid"])
        wait_until(lambda: self.signed_by(old, made) == 401, "the retired key does not count")
        self.assertEqual(self.signed_by(new, made), 201)
        done = self.sink.command("token", "key", "retire", added["signing_kid"], check=False)
        self.assertEqual(done.returncode, 1, "the last key of a token that requires signatures")
        self.assertIn("no other key", done.stderr)

    def test_downgrade(self):
        body = self.body()
        at = int(time.time())
        (_, header), = vox(self.secret, self.kid, body, at)
        mac = header.split("v1=")[1]
        for value in (f"t={at},kid={self.kid},v0={mac}", f"t={at},kid={self.kid},v9={mac},v0=x"):
            self.assert_refused(self.send(body, [("X-Vox-Telemetry-Signature", value)]), "signature_invalid")
        self.assert_receipt(self.send(body, [("X-Vox-Telemetry-Signature", f"t={at},kid={self.kid},v0=x,v9={mac},v1={mac}")]))
        odd = f"t={at},kid={self.kid},v1=00,junk,v1={mac}"
        self.assert_receipt(self.send(body, [("X-Vox-Telemetry-Signature", odd)]), 200)
        body = self.body()
        headers = webhooks(self.secret, uuid7(), body)
        good = headers[2][1]
        for value in ("v1,AAAA", "v1,!!!", "junk", "v1a,AAAA"):
            self.assert_refused(self.send(body, changed(headers, "webhook-signature", value)), "signature_malformed")
        for value in (good.replace("v1,", "v0,"), good.replace("v1,", "v9,"), "v0,x v2,y"):
            self.assert_refused(self.send(body, changed(headers, "webhook-signature", value)), "signature_invalid")
        self.assert_receipt(self.send(body, changed(headers, "webhook-signature", f"v0,x v9,y {good}")))
        for value in (f"v1,AAAA {good}", f"{good} v1a,AAAA", f"junk v1,!!! {good}", f"{good[:-1]} {good}"):
            self.assert_receipt(self.send(body, changed(headers, "webhook-signature", value)), 200)
        self.assert_refused(self.send(self.body(), []), "signature_missing")
        body = self.body()
        self.assert_refused(self.send(body, vox(self.secret, self.kid, body) + webhooks(self.secret, uuid7(), body)),
                            "signature_malformed")
        self.assert_refused(self.send(body, 2 * vox(self.secret, self.kid, body)), "signature_malformed")

    def test_replay(self):
        for name in ("vox", "webhooks"):
            body = self.body()
            headers = vox(self.secret, self.kid, body) if name == "vox" else webhooks(self.secret, uuid7(), body)
            with self.subTest(form=name):
                first = self.assert_receipt(self.send(body, headers))
                again = self.assert_receipt(self.send(body, headers), 200)
                self.assertEqual(first["event_id"], again["event_id"])
                self.assertEqual(self.rows_of(body), 1)
        # Without an id of its own the event has one of kid, time and body.
        body, at = self.body(), int(time.time())
        receipt = self.assert_receipt(self.send(body, vox(self.secret, self.kid, body, at)))
        digest = hashlib.sha256(f"{self.kid}\n{at}\n".encode() + body).digest()[:16]
        wanted = int.from_bytes(digest) & ~(0xF << 76) & ~(3 << 62) | 8 << 76 | 2 << 62
        self.assertEqual(receipt["event_id"], str(uuid.UUID(int=wanted)))
        # Named by the key's own kid it is the same event.
        self.assert_receipt(self.send(body, vox(self.secret, self.made["signing_kid"], body, at)), 200)

    def test_id_reuse(self):
        event_id, first, second = uuid7(), self.body(), self.body()
        self.assert_receipt(self.send(first, webhooks(self.secret, event_id, first)))
        self.assert_problem(self.send(second, webhooks(self.secret, event_id, second)), "event_id_reused")
        self.assertEqual((self.rows_of(first), self.rows_of(second)), (1, 0))
        answer = self.send(first, webhooks(self.secret, event_id, first) + [("Idempotency-Key", uuid7())])
        self.assert_problem(answer, "event_id_ambiguous")

    def test_raw_bytes(self):
        event = model_call(uuid7())
        compact = json.dumps(event, separators=(",", ":")).encode()
        pretty = json.dumps(event, indent=2).encode()
        for headers in (vox(self.secret, self.kid, compact), webhooks(self.secret, uuid7(), compact)):
            self.assert_refused(self.send(pretty, headers), "signature_invalid")
        headers = webhooks(self.secret, uuid7(), compact)
        self.assert_receipt(self.send(compact, headers))
        self.assert_receipt(self.send(pretty, webhooks(self.secret, headers[0][1], pretty)), 200)

    def test_policies(self):
        off, optional = self.write_token, self.signing_token("optional")
        body = self.body()
        junk = [("X-Vox-Telemetry-Signature", "t=1,kid=x,v1=y")]
        self.assert_receipt(self.sink.post(body, off, headers=junk))
        self.assert_receipt(self.send(self.body(), [], optional))
        self.assert_refused(self.send(body, junk, optional), "signature_malformed")
        self.assertEqual(self.signed_by(optional["signing_secret"], optional), 201)
        self.assertEqual(self.signed_by(self.secret, optional), 401, "another token's key")
        # A webhook-id alone is an id, no signature.
        self.assert_receipt(self.send(self.body(), [("webhook-id", "msg_" + uuid7())], optional))
        self.sink.command("token", "set", optional["key_id"], "--signature", "required")
        wait_until(lambda: self.send(self.body(), [], optional).code == "signature_missing", "the policy is followed")

    def test_turning_signatures_on(self):
        token = self.sink.token("demo", "ingest")
        made = {"token": token, "key_id": token.split("_")[1]}
        changes = self.command_json("token", "set", made["key_id"], "--signature", "required")
        wait_until(lambda: self.signed_by(changes["signing_secret"], made) == 201, "the new secret counts")
        again = self.command_json("token", "set", made["key_id"], "--signature", "optional")
        self.assertNotIn("signing_secret", again, "a token that has a key gets no other")

    def test_said_before_the_body(self):
        body = self.body()
        stale = vox(self.secret, self.kid, body, 1000)
        for headers, code in (([], "signature_missing"), (stale, "signature_stale"),
                              (vox(self.secret, "0000000000", body), "signature_invalid")):
            with self.subTest(code=code), self.sink.connect() as connection:
                lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
                connection.send(f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.made['token']}\r\n"
                                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{lines}"
                                "Expect: 100-continue\r\n\r\n".encode())
                self.assertTrue(connection._until(b"\r\n").startswith(b"HTTP/1.1 401 "))
                self.assertIn(f'"code":"{code}"'.encode(), connection.rest())

    def changed_amid(self, made, headers, body, change):
        """The answer to a request whose head was judged before change()."""
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        with self.sink.connect() as connection:
            connection.send(f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {made['token']}\r\n"
                            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{lines}"
                            "Expect: 100-continue\r\n\r\n".encode())
            connection.read_continue()
            change()
            connection.send(body)
            return connection.read("POST")

    def test_turned_on_amid_a_signed_body(self):
        made = self.signing_token("optional")
        self.sink.command("token", "set", made["key_id"], "--signature", "off")
        junk = [("X-Vox-Telemetry-Signature", "t=1,kid=x,v1=y")]
        wait_until(lambda: self.send(self.body(), junk, made).status == 201, "signatures are off")

        def turn_on():
            self.sink.command("token", "set", made["key_id"], "--signature", "required")
            wait_until(lambda: self.send(self.body(), [], made).code == "signature_missing", "the policy is followed")

        body = self.body()
        headers = vox(made["signing_secret"], made["key_id"], body)
        self.assert_problem(self.changed_amid(made, headers, body, turn_on), "not_ready")
        self.assertEqual(self.rows_of(body), 0)
        self.assert_receipt(self.send(body, headers, made))

    def test_key_retired_amid_a_body(self):
        made = self.signing_token()
        old = made["signing_secret"]
        new = self.command_json("token", "key", "add", made["key_id"])["signing_secret"]
        wait_until(lambda: self.signed_by(new, made) == 201, "the second key counts")

        def retire():
            self.sink.command("token", "key", "retire", made["signing_kid"])
            wait_until(lambda: self.signed_by(old, made) == 401, "the retired key does not count")

        body = self.body()
        self.assert_refused(self.changed_amid(made, vox(old, made["key_id"], body), body, retire), "signature_invalid")
        self.assertEqual(self.rows_of(body), 0)
        added = self.command_json("token", "key", "add", made["key_id"])
        wait_until(lambda: self.signed_by(added["signing_secret"], made) == 201, "a third key counts")
        body = self.body()
        self.assert_receipt(self.changed_amid(made, vox(new, made["key_id"], body), body, lambda: self.sink.command(
            "token", "key", "retire", added["signing_kid"])))

    def test_a_token_made_this_moment_signs_at_once(self):
        made = self.signing_token()
        self.assertEqual(self.signed_by(made["signing_secret"], made), 201)
        made = self.signing_token()
        self.assertEqual(self.signed_by(self.secret, made), 401)

    def test_ed25519(self):
        """A public key in place of a secret; openssl makes and signs."""
        folder = self.sink.folder
        private, public, message = folder / "private.pem", folder / "public.pem", folder / "message"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(private)], check=True)
        subprocess.run(["openssl", "pkey", "-in", str(private), "-pubout", "-out", str(public)], check=True)
        token = self.sink.token("demo", "ingest")
        made = {"token": token, "key_id": token.split("_")[1]}
        added = self.command_json("token", "key", "add", made["key_id"], "--public", str(public))
        self.assertNotIn("signing_secret", added)
        self.sink.command("token", "set", made["key_id"], "--signature", "required")
        wait_until(lambda: self.send(self.body(), [], made).code == "signature_missing", "the policy is followed")
        body, event_id, at = self.body(), uuid7(), int(time.time())
        message.write_bytes(f"{event_id}.{at}.".encode() + body)
        signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(private), "-in", str(message)],
                                   check=True, stdout=subprocess.PIPE).stdout
        headers = [("webhook-id", event_id), ("webhook-timestamp", str(at)),
                   ("webhook-signature", "v1a," + base64.b64encode(signature).decode())]
        self.assert_receipt(self.send(body, headers, made))
        self.assert_refused(self.send(body + b" ", headers, made), "signature_invalid")
        good, bad = (f"v1a,{base64.b64encode(s).decode()}" for s in (signature, bytes([signature[0] ^ 1]) + signature[1:]))
        self.assert_refused(self.send(body, headers[:2] + [("webhook-signature", bad)], made), "signature_invalid")
        # In a batch, where others have their turn between two attempts. The first two count.
        for value, status in ((f"{bad} {good}", 200), (f"{bad} {bad}", 401), (f"{bad} {bad} {good}", 401)):
            answer = self.sink.request("POST", "/v1/batch", body, token=made["token"], headers=[
                *headers[:2], ("webhook-signature", value), ("Content-Type", "application/x-ndjson")])
            self.assertEqual(answer.status, status, answer)


class Forged(Signing):
    """Who has the token and not the key cannot use up its rate."""

    options = {"rate": 1, "burst": 5, "pacing": 0, "address_rate": 1, "address_burst": 12,
               "trusted_proxies": "127.0.0.1"}

    def status(self, secret, made, address, path="/v1/events", kind="application/json"):
        body = self.body()
        headers = [*vox(secret, made["key_id"], body), ("X-Forwarded-For", address), ("Content-Type", kind)]
        return self.sink.request("POST", path, body, token=made["token"], headers=headers).status

    def test_forged(self):
        for path, kind in ("/v1/events", "application/json"), ("/v1/batch", "application/x-ndjson"):
            with self.subTest(path=path):
                made, other = self.signing_token(), self.signing_token()
                owner, guest = made["signing_secret"], other["signing_secret"]
                forger, home = (f"203.0.113.{n + len(path)}" for n in (1, 101))
                seen = [self.status(guest, made, forger, path, kind) for _ in range(12)]
                self.assertEqual(set(seen), {401})
                wait_until(lambda: self.status(guest, made, forger, path, kind) == 429, "forgeries are limited")
                for _ in range(5):
                    self.assertIn(self.status(owner, made, home, path, kind), (200, 201))
                # The forger's neighbours with tokens of their own are not limited by what it does.
                self.assertIn(self.status(guest, other, forger, path, kind), (200, 201))

    def test_unsigned_counts_as_failed(self):
        made = self.signing_token()
        for _ in range(12):
            answer = self.send(self.body(), [("X-Forwarded-For", "203.0.113.50")], made)
            self.assert_problem(answer, "signature_missing")
        body = self.body()
        self.assertEqual(self.send(body, vox(made["signing_secret"], made["key_id"], body), made).status, 201)


class Documented(Signing):
    """The examples of docs/PROTOCOL.md, run as they stand there."""

    def example(self, name):
        text = (ROOT / "docs/PROTOCOL.md").read_text()
        return re.search(rf"^```sh\n# {name}\n(.*?)^```$", text, re.M | re.S)[1]

    def run_example(self, name, made):
        folder = self.sink.folder / "example"
        folder.mkdir(exist_ok=True)
        (folder / "event.json").write_bytes(self.body())
        environment = {"PATH": os.environ["PATH"], "SINK": "http://{}:{}".format(*self.sink.address),
                       "TOKEN": made["token"], "SECRET": made.get("signing_secret", ""), "no_proxy": "*"}
        done = subprocess.run(["sh", "-eu", "-c", self.example(name)], cwd=folder, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def test_examples(self):
        for name in ("vox form", "standard webhooks"):
            with self.subTest(name=name):
                self.assertFalse(self.run_example(name, self.made)["duplicate"])
        token = self.sink.token("demo", "ingest")
        made = {"token": token, "key_id": token.split("_")[1]}
        folder = self.sink.folder / "example"
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(folder / "private.pem")], check=True)
        subprocess.run(["openssl", "pkey", "-in", str(folder / "private.pem"), "-pubout", "-out",
                        str(folder / "public.pem")], check=True)
        self.sink.command("token", "key", "add", made["key_id"], "--public", str(folder / "public.pem"))
        self.sink.command("token", "set", made["key_id"], "--signature", "required")
        wait_until(lambda: self.send(self.body(), [], made).code == "signature_missing", "the policy is followed")
        self.assertFalse(self.run_example("ed25519", made)["duplicate"])

    @unittest.skipUnless(LONG and shutil.which("npm"), "asks npm for standardwebhooks; tests/run --long")
    def test_standardwebhooks_of_npm(self):
        """The package signs, the sink takes it; one character more and it does not."""
        folder = self.sink.folder / "npm"
        folder.mkdir()
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder),
                        "standardwebhooks@1.0.0"], check=True, stdin=subprocess.DEVNULL)
        program = folder / "sign.cjs"
        program.write_text(
            "const { Webhook } = require('standardwebhooks');\n"
            "const [id, body] = process.argv.slice(2), at = new Date();\n"
            "console.log(JSON.stringify({at: Math.floor(at / 1000),"
            " signature: new Webhook(process.env.SECRET).sign(id, at, body)}));\n")
        for event_id in (uuid7(), "msg_" + uuid7()):
            body = json.dumps(model_call(uuid7()))
            done = subprocess.run(["node", str(program), event_id, body], env={**os.environ, "SECRET": self.secret},
                                  check=True, stdout=subprocess.PIPE)
            signed = json.loads(done.stdout)
            headers = [("webhook-id", event_id), ("webhook-timestamp", str(signed["at"])),
                       ("webhook-signature", signed["signature"])]
            self.assert_receipt(self.send(body, headers))
            self.assert_refused(self.send(body + " ", headers), "signature_invalid")


class MasterKey(Signing):
    """The key that secrets are sealed under: asked for, checked, rotated."""

    def test_life(self):
        self.assertEqual(self.signed_by(self.secret, self.made), 201)
        self.missing()
        self.wrong()
        self.rotated()

    def stays_unready(self, sink):
        """It says why, and serves who does not sign."""
        wait_until(lambda: "signing keys" in sink.get("/readyz").body.decode().lower(), "its keys are what it lacks")
        self.assert_problem(sink.get("/readyz"), "not_ready")
        self.assertEqual(sink.metrics()["vox_sink_ready", ()], 0)
        self.assert_receipt(sink.post(self.body(), self.write_token))

    def missing(self):
        environment = dict(self.sink.environment)
        del self.sink.environment["VOX_SINK_MASTER_KEY_FILE"]
        done = self.sink.command("token", "create", "--project", "demo", "--scope", "ingest", "--signature", "required",
                                 check=False)
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("VOX_SINK_MASTER_KEY_FILE", done.stderr)
        doctor = self.sink.command("doctor", check=False)
        self.assertRegex(doctor.stdout, r"fail +master key")
        other = self.new_sink()
        other.start()
        self.stays_unready(other)
        body = self.body()
        answer = other.post(body, self.made["token"], headers=vox(self.secret, self.kid, body))
        self.assertIn("signing key", self.assert_problem(answer, "not_ready")["detail"])
        self.assert_receipt(other.post(self.body(), self.write_token))
        self.assertIn("no master key", other.log())
        other.stop()
        self.sink.environment = environment

    def wrong(self):
        wrong = self.sink.folder / "wrong.key"
        self.sink.command("master-key", "create", str(wrong))
        self.assertEqual(self.sink.command("master-key", "create", str(wrong), check=False).returncode, 1)
        self.assertEqual(wrong.stat().st_mode & 0o777, 0o600)
        other = self.new_sink(master_key_file=wrong)
        done = other.command("token", "key", "add", self.kid, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("another master key", done.stderr)
        self.assertRegex(other.command("doctor", check=False).stdout, r"fail +master key +.*another key")
        other.start()
        self.stays_unready(other)
        body = self.body()
        self.assert_problem(other.post(body, self.made["token"], headers=vox(self.secret, self.kid, body)), "not_ready")
        self.assertIn("do not open", other.log())
        # Once nobody in use needs a key that it lacks, it is ready.
        signing = self.sql("SELECT key_id, signature FROM telemetry.tokens WHERE signature <> 'off'")
        self.sql("UPDATE telemetry.tokens SET signature = 'off'")
        other.ready()
        # And keys that come while it serves do not take it out of service.
        for key_id, policy in signing:
            self.sql(f"UPDATE telemetry.tokens SET signature = '{policy}' WHERE key_id = '{key_id}'")
        wait_until(lambda: other.post(body, self.made["token"], headers=vox(self.secret, self.kid, body)).code == "not_ready",
                   "it has read them")
        self.assertEqual(other.status_of("/readyz"), 200)
        other.stop()
        wrong.chmod(0o644)
        self.assertEqual(other.command("doctor", check=False).returncode, 3)

    def rotated(self):
        new = self.sink.folder / "new.key"
        self.sink.command("master-key", "create", str(new))
        same = self.sink.folder / "same.key"
        same.write_text(self.master.read_text())
        same.chmod(0o600)
        done = self.sink.command("master-key", "rotate", "--old", str(self.master), "--new", str(same), check=False)
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("the same key", done.stderr)
        before = self.value("SELECT string_agg(encode(sealed, 'hex'), ',' ORDER BY kid) FROM telemetry.token_keys")
        self.assertEqual(self.sink.command("master-key", "rotate", "--old", str(new), "--new", str(self.master),
                                           check=False).returncode, 1)
        self.sink.command("master-key", "rotate", "--old", str(self.master), "--new", str(new))
        after = self.value("SELECT string_agg(encode(sealed, 'hex'), ',' ORDER BY kid) FROM telemetry.token_keys")
        self.assertNotEqual(before, after)
        # A running sink goes on with what it knows; one that starts with the new file opens all.
        self.assertEqual(self.signed_by(self.secret, self.made), 201)
        other = self.new_sink(master_key_file=new)
        other.start().ready()
        body = self.body()
        self.assert_receipt(other.post(body, self.made["token"], headers=vox(self.secret, self.kid, body)))
        self.assertRegex(other.command("doctor", check=False).stdout, r"ok +master key")
        lost = self.sink.folder / "lost.key"
        self.sink.command("master-key", "create", str(lost))
        self.sink.command("master-key", "rotate", "--lost", "--new", str(lost))
        wait_until(lambda: other.post(self.body(), self.made["token"], headers=vox(self.secret, self.kid, body)).code
                   == "signature_invalid", "all secrets have ended")
        other.stop()


class SignedBatch(Signing):
    """A batch is signed as a whole; nothing of it is stored before the signature is checked."""

    def batch(self, body, headers, made=None):
        return self.sink.request("POST", "/v1/batch", body, token=(made or self.made)["token"],
                                 headers=[("Content-Type", "application/x-ndjson"), *headers])

    def lines(self, count=3):
        return b"".join(self.body() + b"\n" for _ in range(count))

    def statuses(self, answer):
        self.assertEqual(answer.status, 200, answer)
        return [json.loads(line)["status"] for line in answer.body.splitlines()]

    def test_both_forms_and_their_replays(self):
        for form in (vox, webhooks):
            body = self.lines()
            named = self.kid if form is vox else "batch_" + uuid7()
            headers = form(self.secret, named, body)
            with self.subTest(form=form.__name__):
                self.assertEqual(self.statuses(self.batch(body, headers)), [201] * 3)
                self.assertEqual(self.statuses(self.batch(body, headers)), [200] * 3)

    def test_over_the_bytes_as_sent(self):
        body = gzip.compress(self.lines())
        headers = vox(self.secret, self.kid, body) + [("Content-Encoding", "gzip")]
        self.assertEqual(self.statuses(self.batch(body, headers)), [201] * 3)

    def test_nothing_is_stored_without_it(self):
        body, before = self.lines(2000), self.rows()
        self.assert_refused(self.batch(body, []), "signature_missing")
        for headers in (vox(self.secret, self.kid, body), webhooks(self.secret, uuid7(), body)):
            self.assert_refused(self.batch(body[:-2] + b"\n\n", headers), "signature_invalid")
        optional = self.signing_token("optional")
        self.wait_accepted(optional["token"])  # a body as long as this one's is not awaited for one unknown yet
        self.assert_refused(self.batch(body, vox(self.secret, optional["key_id"], body), optional), "signature_invalid")
        self.assertEqual(self.rows(), before)
        self.assertEqual(self.statuses(self.batch(self.lines(), [], optional)), [201] * 3)
