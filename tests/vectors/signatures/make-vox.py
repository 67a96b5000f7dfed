# SPDX-License-Identifier: Apache-2.0
"""Prints vox.json; see README.md."""

import base64
import hashlib
import hmac
import json

SECRET = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
OTHER = "whsec_" + base64.b64encode(bytes([7] * 32)).decode()
KID = "AbC0123xyZ"
AT = 1790000000
BODY = '{"ModelCall":{"model":"a","latency_ms":12}}'
UNICODE = '{"text":"gr\u00fc\u00df \u2192 \U0001f680", "n": [1, 2.50]}\n'


def mac(secret=SECRET, body=BODY, at=AT):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return hmac.new(key, f"{at}\n{body}".encode(), hashlib.sha256).hexdigest()


def vector(name, header, problem=None, keys=(SECRET,), body=BODY, now=AT, event_id=None):
    out = {"name": name, "now": now, "keys": list(keys), "body": body,
           "headers": {"X-Vox-Telemetry-Signature": header}, "problem": problem}
    return {**out, "event_id": event_id} if event_id else out


def keyless_id(body=BODY, at=AT):
    """UUIDv8 of SHA-256(kid, t, body), for a request without an id."""
    digest = bytearray(hashlib.sha256(f"{KID}\n{at}\n{body}".encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


START = f"t={AT},kid={KID}"
GOOD = mac()
BAD = mac(OTHER)
VECTORS = [
    vector("one", f"{START},v1={GOOD}", event_id=keyless_id()),
    vector("text beyond ASCII", f"{START},v1={mac(body=UNICODE)}", body=UNICODE, event_id=keyless_id(UNICODE)),
    vector("another order, white space after commas", f"v1={GOOD}, kid={KID}, t={AT}", event_id=keyless_id()),
    vector("two, the second is right", f"{START},v1={BAD},v1={GOOD}"),
    vector("two secrets, signed by the second", f"{START},v1={GOOD}", keys=(OTHER, SECRET)),
    vector("unknown schemes first", f"{START},v0=abc,v9=,v1={GOOD}"),
    vector("unknown schemes only", f"{START},v0={GOOD},v9={GOOD}", "signature_invalid"),
    vector("the right one is the fourth", f"{START},v1={BAD},v1={BAD},v1={BAD},v1={GOOD}"),
    vector("the right one is the fifth", f"{START},v1={BAD},v1={BAD},v1={BAD},v1={BAD},v1={GOOD}", "signature_invalid"),
    vector("misspelt ones before the right one", f"{START},v1=00,v1={BAD.upper()},v1=,v1={GOOD}"),
    vector("misspelt ones behind the right one", f"{START},v1={GOOD},v1=00,v1={BAD.upper()},junk,"),
    vector("misspelt ones count: the right one is the fifth", f"{START},v1=00,v1=00,v1=00,v1=00,v1={GOOD}",
           "signature_malformed"),
    vector("an element without a name", f"{START},junk,v1={GOOD}"),
    vector("misspelt ones and a wrong one", f"{START},v1=00,junk,v1={BAD}", "signature_invalid"),
    vector("an element without a name only", f"{START},junk", "signature_malformed"),
    vector("another secret", f"{START},v1={BAD}", "signature_invalid"),
    vector("another body", f"{START},v1={GOOD}", "signature_invalid", body=BODY + " "),
    vector("another time", f"t={AT + 1},kid={KID},v1={GOOD}", "signature_invalid"),
    vector("upper-case hex", f"{START},v1={GOOD.upper()}", "signature_malformed"),
    vector("cut hex", f"{START},v1={GOOD[:-1]}", "signature_malformed"),
    vector("no time", f"kid={KID},v1={GOOD}", "signature_malformed"),
    vector("no kid", f"t={AT},v1={GOOD}", "signature_malformed"),
    vector("two times", f"{START},t={AT},v1={GOOD}", "signature_malformed"),
    vector("empty", "", "signature_malformed"),
    vector("299 s old", f"{START},v1={GOOD}", now=AT + 299),
    vector("299 s ahead", f"{START},v1={GOOD}", now=AT - 299),
    vector("301 s old", f"{START},v1={GOOD}", "signature_stale", now=AT + 301),
    vector("301 s ahead", f"{START},v1={GOOD}", "signature_stale", now=AT - 301),
    *(vector(f'time "{time}"', f"t={time},kid={KID},v1={GOOD}", "signature_malformed")
      for time in ("-1", "9223372036854775808", "1e9", "007", "", "+1790000000", "1790000000.0")),
]

print(json.dumps({"made_by": "make-vox.py", "kid": KID, "vectors": VECTORS}, indent=1))
