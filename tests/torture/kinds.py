# SPDX-License-Identifier: Apache-2.0
"""One request of each kind, and what a good answer to it is."""

import base64
import gzip
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field

from voxtest import CONTRACTS, model_call, uuid7, zstd

NDJSON = "application/x-ndjson"
ENVELOPES = "application/vnd.vox.telemetry.batch+ndjson"
OWN_DATE = CONTRACTS / "samples/completion-suppression.v1/valid/typical.json"


@dataclass
class Request:
    name: str
    good: tuple  # statuses where nothing fails
    method: str = "POST"
    target: str = "/v1/events"
    body: bytes = None
    headers: list = field(default_factory=list)
    token: str = None
    ids: list = field(default_factory=list)  # of a batch's lines, where they have their own


@dataclass
class Tokens:
    ingest: str
    read: str
    signing: str  # refuses what is not signed by the next two
    kid: str
    secret: str
    quarantine: str


# What the sink tries again after a fault of the database's may have been stored by the first try.
STORED = (201, 200)
QUARANTINED = (202, 200)


def event(name, good, body, token, key="", headers=()):
    """With a fresh key, or the one given; None: without."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    keys = [("Idempotency-Key", key or uuid7())] if key is not None else []
    return Request(name, good, body=text, token=token, headers=[*keys, *headers])


def vox_form(tokens, body):
    at = int(time.time())
    mac = hmac.new(key_of(tokens.secret), b"%d\n%s" % (at, body), hashlib.sha256).hexdigest()
    return [("X-Vox-Telemetry-Signature", f"t={at},kid={tokens.kid},v1={mac}")]


def standard_webhooks(tokens, body):
    at, message_id = int(time.time()), uuid7()
    mac = hmac.new(key_of(tokens.secret), f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return [("webhook-id", message_id), ("webhook-timestamp", str(at)),
            ("webhook-signature", "v1," + base64.b64encode(mac).decode())]


def key_of(secret):
    return base64.b64decode(secret.removeprefix("whsec_"))


def batches(tokens):
    """Functions that make a batch of each kind."""
    def batch(name, token, pack=bytes, headers=(), sign=None, tail=(), **members):
        ids = [uuid7() for _ in range(5)]
        lines = [json.dumps({"id": i, "event": model_call(i, **members)}) for i in ids]
        body = pack("\n".join([*lines, *tail]).encode())
        signed = sign(tokens, body) if sign else []
        return Request(name, (200,), target="/v1/batch", body=body, token=token, ids=ids,
                       headers=[("Content-Type", ENVELOPES), *headers, *signed])

    def plain():
        body = "\n".join(json.dumps(model_call(uuid7())) for _ in range(5)).encode()
        return Request("plain batch", (200,), target="/v1/batch", body=body, token=tokens.ingest,
                       headers=[("Content-Type", NDJSON), ("Idempotency-Key", uuid7())])

    def packed(coding, pack):
        return lambda: batch(f"{coding} batch", tokens.ingest, pack, [("Content-Encoding", coding)])
    return [
        lambda: batch("batch", tokens.ingest, tail=["nonsense"]),
        plain,
        packed("gzip", gzip.compress),
        packed("zstd", zstd),
        lambda: batch("signed batch", tokens.signing, sign=standard_webhooks),
        lambda: batch("quarantined batch", tokens.quarantine, latency_ms=-1),
    ]


def make_all(tokens, stored):
    """Functions that make a fresh request each; `stored` is an id that has its row."""
    token, read_token = tokens.ingest, tokens.read

    def get(name, target, good=(200,), token=None, headers=()):
        return lambda: Request(name, good, "GET", target, token=token, headers=list(headers))

    def signed(name, good, form, key, spoil=b""):
        body = json.dumps(model_call()).encode()
        return event(name, good, body + spoil, tokens.signing, key=key, headers=form(tokens, body))

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
        lambda: signed("signed event", STORED, vox_form, uuid7()),
        lambda: signed("signed event, no key", STORED, vox_form, None),
        lambda: signed("webhook", STORED, standard_webhooks, None),
        lambda: signed("wrong signature", (401,), vox_form, uuid7(), b" "),
        lambda: event("quarantined event", QUARANTINED, model_call(latency_ms=-1), tokens.quarantine),
        lambda: event("event with its date", STORED, OWN_DATE.read_bytes(), token),
        *batches(tokens),
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
