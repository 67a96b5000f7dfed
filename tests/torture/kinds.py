# SPDX-License-Identifier: Apache-2.0
"""One request of each kind, and what a good answer to it is."""

import gzip
import json
from dataclasses import dataclass, field

from voxtest import model_call, uuid7, zstd

NDJSON = "application/x-ndjson"


@dataclass
class Request:
    name: str
    good: tuple  # statuses where nothing fails
    method: str = "POST"
    target: str = "/v1/events"
    body: bytes = None
    headers: list = field(default_factory=list)
    token: str = None
    ids: list = field(default_factory=list)  # of a batch's lines


# What the sink tries again after a fault of the database's may have been stored by the first try.
STORED = (201, 200)


def event(name, good, body, token, key="", headers=()):
    """With a fresh key, or the one given; None: without."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    keys = [("Idempotency-Key", key or uuid7())] if key is not None else []
    return Request(name, good, body=text, token=token, headers=[*keys, *headers])


def make_all(token, read_token, stored):
    """Functions that make a fresh request each; `stored` is an id that has its row."""
    def get(name, target, good=(200,), token=None, headers=()):
        return lambda: Request(name, good, "GET", target, token=token, headers=list(headers))

    def batch():
        ids = [uuid7() for _ in range(5)]
        lines = [json.dumps({"id": i, "event": model_call(i)}) for i in ids] + ["nonsense"]
        return Request("batch", (200,), target="/v1/batch", body="\n".join(lines).encode(), token=token, ids=ids,
                       headers=[("Content-Type", "application/vnd.vox.telemetry.batch+ndjson")])

    def packed(coding, pack):
        return lambda: event(f"{coding} event", STORED, pack(json.dumps(model_call()).encode()), token,
                             headers=[("Content-Encoding", coding)])
    return [
        lambda: event("event", STORED, model_call(), token),
        lambda: event("event without a key", STORED, model_call(), token, key=None),
        lambda: event("duplicate", (200,), model_call("stored"), token, key=stored),
        lambda: event("id reused", (409,), model_call("other"), token, key=stored),
        lambda: event("not JSON", (400,), b"{", token),
        lambda: event("unknown contract", (422,), {"Unheard": {}}, token),
        lambda: event("schema failure", (422,), model_call(latency_ms=-1), token),
        lambda: event("content refused", (422,), model_call("/home/someone/x"), token),
        lambda: event("no token", (401,), model_call(), None),
        lambda: event("unknown token", (401,), model_call(), token[:-1] + ("0" if token[-1] != "0" else "1")),
        packed("gzip", gzip.compress),
        packed("zstd", zstd),
        batch,
        get("receipt", f"/v1/receipts/{stored}", token=token),
        get("contracts", "/v1/contracts", token=token),
        get("contract", "/v1/contracts/model-call.v1", token=token),
        get("healthz", "/healthz"),
        get("readyz", "/readyz"),
        get("metrics", "/metrics"),
        get("version", "/version"),
        get("admin events", "/v1/admin/events?contract=model-call.v1&limit=3", token=read_token),
        get("admin events as NDJSON", "/v1/admin/events?limit=3", token=read_token, headers=[("Accept", NDJSON)]),
        get("unknown path", "/nothing", (404,)),
    ]
