# SPDX-License-Identifier: Apache-2.0
"""vox-telemetry over TLS: doctor and upload with a certificate that is good, and with those that are not."""

import json

import test_tls
from test_client import ClientCase
from voxtest import model_call


class ClientTls(test_tls.TlsCase, ClientCase):

    def setUp(self):
        super().setUp()
        self.port = self.sink.address[1]
        self.at("localhost")
        self.trust(CURL_CA_BUNDLE=self.papers.path("ca.pem"))

    def at(self, host):
        self.environment["VOX_TELEMETRY_UPLOAD_URL"] = f"https://{host}:{self.port}/v1/events"

    def trust(self, **variables):
        for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
            self.environment.pop(name, None)
        self.environment.update({name: str(value) for name, value in variables.items()})

    def doctor(self):
        """(exit code, {what: (state, text)}) of what it finds; the last of each."""
        done = self.client("doctor", "--json")
        found = json.loads(done.stdout)["findings"]
        return done.returncode, {row["about"]: (row["finding"], row["text"]) for row in found}

    def test_trusted_by_each_variable(self):
        folder = self.papers.folder / "folder"
        folder.mkdir(exist_ok=True)
        (folder / "ca.pem").write_bytes(self.papers.path("ca.pem").read_bytes())
        self.papers.openssl("rehash", folder)
        for variables in ({"CURL_CA_BUNDLE": self.papers.path("ca.pem")}, {"SSL_CERT_FILE": self.papers.path("ca.pem")},
                          {"SSL_CERT_DIR": folder}):
            with self.subTest(variables=variables):
                self.trust(**variables)
                _, found = self.doctor()
                self.assertEqual(found["network"][1], "the sink answers, its certificate is good")
                self.assertEqual(found["probe"], ("ok", "an event from here was taken and acknowledged"))
                self.assertEqual(found["clock"][0], "ok")

    def refused(self, reason):
        """By doctor and by upload, and nothing leaves."""
        before = self.rows()
        code, found = self.doctor()
        self.assertEqual(code, 3)
        self.assertEqual(found["probe"][0], "fault")
        self.assertRegex(found["probe"][1], reason)
        self.assertNotIn("network", found)
        self.enqueue(model_call("stays"))
        done = self.client("upload")
        self.assertEqual(done.returncode, 3, done)
        self.assertIn("no connection to the sink can be made", done.stderr)
        self.assertRegex(done.stderr, reason)
        self.assertEqual((len(self.pending()), self.rows()), (1, before))

    def test_an_authority_that_nobody_knows(self):
        self.papers.authority("stranger")
        self.trust(CURL_CA_BUNDLE=self.papers.path("stranger.pem"))
        self.refused("certificate")

    def test_another_name(self):
        self.at("127.0.0.1")
        self.refused("(?i)certificate|subject name")

    def test_no_such_bundle(self):
        self.trust(CURL_CA_BUNDLE=self.papers.folder / "nothing.pem")
        self.refused("nothing.pem|(?i:certificate)")

    def test_plain_text_to_a_port_of_tls(self):
        self.environment["VOX_TELEMETRY_UPLOAD_URL"] = f"http://127.0.0.1:{self.port}/v1/events"
        code, found = self.doctor()
        self.assertEqual((code, found["probe"][0]), (3, "fault"))
