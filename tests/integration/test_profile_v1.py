# SPDX-License-Identifier: Apache-2.0
"""Profile vox-v1: what today's `vox telemetry upload` does must always get its 2xx."""

import http.client
import json

from voxtest import SinkCase, samples, wait_until


class ProfileV1(SinkCase):

    def client(self, token, bodies):
        """As that client: no key, no signature, one keep-alive connection, one object a request, one after another."""
        connection = http.client.HTTPConnection(*self.sink.address, timeout=120)
        connection.connect()
        port = connection.sock.getsockname()[1]
        headers = {"Content-Type": "application/json; charset=utf-8"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answers = []
        for body in bodies:
            connection.request("POST", "/v1/events", body, headers)
            answer = connection.getresponse()
            answers.append((answer.status, answer.read()))
            self.assertFalse(answer.will_close, answers[-1])
        self.assertEqual(connection.sock.getsockname()[1], port, "one connection for all")
        connection.close()
        return answers

    def compact(self):
        """The valid samples, re-serialised compactly as that client does, in file order."""
        return [json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
                for _, _, body, _ in samples("valid")]

    def test_every_valid_event_gets_2xx(self):
        token = self.sink.token("v1", "ingest")
        self.sink.command("project", "set", "v1", "--max-class", "S2")
        probe = next(samples("valid", "completion-run.v1"))[2]
        wait_until(lambda: self.sink.post(probe, token).status == 201, "the raised class counts")
        before = self.rows()
        bodies = self.compact()
        for status, body in self.client(token, bodies):
            self.assertEqual(status, 201, body)
        self.assertEqual(self.rows() - before, len(bodies))

    def test_same_body_again_is_stored_again(self):
        # Without an id delivery is at least once, and says so.
        body = self.compact()[0]
        before = self.rows()
        self.assertEqual([s for s, _ in self.client(self.write_token, [body] * 3)], [201] * 3)
        self.assertEqual(self.rows() - before, 3)

    def test_without_token(self):
        statuses = []
        connection = http.client.HTTPConnection(*self.sink.address, timeout=120)
        connection.request("POST", "/v1/events", self.compact()[0], {"Content-Type": "application/json; charset=utf-8"})
        statuses.append(connection.getresponse().status)
        connection.close()
        self.assertEqual(statuses, [401])


class OpenProject(ProfileV1):
    """The operator names a project for events without a token."""

    options = {"open_project": "demo"}

    def test_without_token(self):
        bodies = [json.dumps(json.loads(body), separators=(",", ":")).encode()
                  for _, _, body, _ in samples("valid", classes=("S0", "S1"))]
        before = self.rows()
        for status, body in self.client(None, bodies):
            self.assertEqual(status, 201, body)
        self.assertEqual(self.rows() - before, len(bodies))
        # The project's class still counts, a wrong token is still wrong, and reading is not open.
        self.assert_problem(self.sink.post(next(samples("valid", "completion-run.v1"))[2]), "class_not_allowed")
        self.assert_problem(self.sink.post(bodies[0], "vts_wrong"), "token_invalid")
        self.assert_problem(self.sink.get("/v1/admin/events"), "token_missing")
