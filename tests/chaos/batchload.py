# SPDX-License-Identifier: Apache-2.0
"""Keyed load by batches: each connection sends so many lines, keeps what a line's verdict acknowledged, resends the rest."""

import json

from voxtest import Load, model_call, uuid7

LINES = 40


class BatchLoad(Load):
    """As Load, a batch under way for each connection in place of an event."""

    def _work(self, number):
        serial = 0
        while not self._stopping.is_set():
            serial += 1
            pending = {uuid7(): model_call(f"batch-{number}-{serial}-{line}") for line in range(LINES)}
            while pending:
                self._exchange(number, lambda connection, lines=pending: self._send(connection, lines))
                if pending and self._give_up(list(pending)):
                    return
        self._disconnect(number)

    def _send(self, connection, pending):
        body = "".join(json.dumps({"id": i, "event": e}, separators=(",", ":")) + "\n" for i, e in pending.items())
        answer = connection.request("POST", "/v1/batch", body.encode(), token=self.token,
                                    headers=[("Content-Type", "application/vnd.vox.telemetry.batch+ndjson")],
                                    on_line=lambda line: self._verdict(json.loads(line), pending))
        with self._lock:
            self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
            if answer.status not in (200, 429, 503):
                self.refusals.append(("refused", None, answer))
        return answer

    def _verdict(self, verdict, pending):
        """A line's verdict counts as soon as it is there, whatever becomes of the rest of the answer."""
        with self._lock:
            self.statuses[verdict["status"]] = self.statuses.get(verdict["status"], 0) + 1
            if verdict["status"] in (200, 201):
                if verdict["receipt"]["event_id"] != verdict["id"] or verdict["id"] not in pending:
                    self.refusals.append(("another event's receipt", verdict["id"], verdict))
                self.acked.setdefault(verdict["id"], verdict["receipt"])
                pending.pop(verdict["id"], None)
            elif verdict["status"] not in (429, 503):
                self.refusals.append(("refused", verdict["id"], verdict))
                pending.pop(verdict["id"], None)
