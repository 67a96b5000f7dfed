#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The endpoint that a team would write for itself: fastify, ajv, pg, one INSERT for each request.
//
//     PGHOST=… PGDATABASE=… PGUSER=… TOKEN=… SIGNING_KID=… SIGNING_SECRET=whsec_… RATE=… BURST=…
//         node endpoint.mjs MODULES SCHEMA [POOL]
//
// It makes the same promise on the same tables, after the same checks: bearer token by its hash, a rate for each token
// (RATE events a second, BURST at once), HMAC signature in the Vox form over time and body, required, compared in constant
// time and no older than 300 s, the rules of event ids (Idempotency-Key, webhook-id, both and different; keyless ones by
// their signature), JSON Schema, SHA-256 of the content, the ledger of ids in the same transaction, 201 after COMMIT, 200
// for a repeat, 409 for another content.
//
// What it leaves out: tokens and keys that change while it runs, quotas, limits by address, Standard Webhooks, recognition
// among contracts, content guard, checks for what jsonb chokes on and for names that come twice, the hash without white
// space, expiry by contract, quarantine, compressed bodies, metrics, deadlines and a bound of what waits for the database.
//
// It prints "listening PORT" and ends on SIGTERM. POOL is the number of its database connections (default 32).
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [modules, schemaFile, pool = "32"] = process.argv.slice(2);
const load = createRequire(path.resolve(modules, "x.js"));
const fastify = load("fastify");
const Ajv = load("ajv/dist/2020").default;
const pg = load("pg");

const ajv = new Ajv({ strict: false, allErrors: false, validateFormats: false });
const isValid = ajv.compile(JSON.parse(fs.readFileSync(schemaFile, "utf8")));
const tokenHash = sha256(process.env.TOKEN);
const database = new pg.Pool({ max: Number(pool) });

// Both tables in one statement, so that no BEGIN and COMMIT cost a round trip each: the best that this shape can do.
const store = {
  name: "store",
  text: `WITH key AS (
           INSERT INTO telemetry.event_keys (received_at, event_id, project_id, gen, contract_id, expires_on, sha256)
           SELECT now(), $1::uuid, 1, gen, 1, current_date + 365, $2::bytea FROM telemetry.ledger l
           WHERE NOT EXISTS (SELECT FROM telemetry.event_keys k
                             WHERE k.project_id = 1 AND k.event_id = $1::uuid AND k.gen < l.gen)
           ON CONFLICT DO NOTHING RETURNING event_id)
         INSERT INTO telemetry.events (received_at, event_id, project_id, contract_id, token_id, expires_on, due_on,
                                       class, sha256, trace_id, payload)
         SELECT now(), event_id, 1, 1, 1, current_date + 365, current_date + 365, 1, $2::bytea, $4, $3::jsonb FROM key
         RETURNING received_at`,
};
const present = {
  name: "present",
  text: "SELECT received_at, sha256 FROM telemetry.event_keys WHERE project_id = 1 AND event_id = $1::uuid",
};

function sha256(...parts) {
  const hash = crypto.createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

// ---- who asks, and how often

function isAuthorized(header) {
  if (!header?.startsWith("Bearer ")) return false;
  return crypto.timingSafeEqual(sha256(header.slice(7)), tokenHash);
}

const rate = Number(process.env.RATE);
const burst = Number(process.env.BURST);
const buckets = new Map(); // by token: what is left, and when that was

// Seconds to wait; 0: go on.
function charge(token) {
  const now = performance.now() / 1000;
  const bucket = buckets.get(token) ?? { left: burst, at: now };
  bucket.left = Math.min(burst, bucket.left + (now - bucket.at) * rate);
  bucket.at = now;
  buckets.set(token, bucket);
  if (bucket.left < 1) return Math.ceil((1 - bucket.left) / rate);
  bucket.left -= 1;
  return 0;
}

// ---- signature

const keys = new Map([
  [process.env.SIGNING_KID, Buffer.from(process.env.SIGNING_SECRET.replace(/^whsec_/, ""), "base64")],
]);
const TOLERANCE = 300;
const SIGNATURES_MAX = 4;

// { problem } or { time, kid }: the signature holds.
function verify(header, body) {
  if (!header) return { problem: "signature_missing" };
  let time, kid;
  const given = [];
  for (const part of header.split(",")) {
    const at = part.indexOf("=");
    const name = part.slice(0, at).trim();
    const value = part.slice(at + 1).trim();
    if (name === "t") time = value;
    else if (name === "kid") kid = value;
    else if (name === "v1" && given.length < SIGNATURES_MAX) given.push(Buffer.from(value, "hex"));
  }
  const key = keys.get(kid);
  if (!key || !/^\d{1,12}$/.test(time ?? "")) return { problem: "signature_invalid" };
  if (Math.abs(Date.now() / 1000 - Number(time)) > TOLERANCE) return { problem: "signature_stale" };
  const wanted = crypto.createHmac("sha256", key).update(`${time}\n`).update(body).digest();
  const holds = given.some((one) => one.length === wanted.length && crypto.timingSafeEqual(one, wanted));
  return holds ? { time, kid } : { problem: "signature_invalid" };
}

// ---- event ids

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const FOREIGN = /^[ -\-/-~]{1,256}$/; // printable, without a dot
const PROJECT = Buffer.from([0, 0, 0, 1]);

function uuid8(digest) {
  const bytes = Buffer.from(digest.subarray(0, 16));
  bytes[6] = (bytes[6] & 0x0f) | 0x80;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// { problem } or { id }.
function identify(headers, signed, body) {
  const key = headers["idempotency-key"]?.trim().replace(/^"(.*)"$/, "$1").toLowerCase();
  const message = headers["webhook-id"]?.trim();
  let id = key;
  if (key !== undefined && !UUID.test(key)) return { problem: "event_id_malformed" };
  if (message !== undefined) {
    if (UUID.test(message)) id = message.toLowerCase();
    else if (FOREIGN.test(message)) id = uuid8(sha256(PROJECT, message));
    else return { problem: "event_id_malformed" };
    if (key !== undefined && key !== id) return { problem: "event_id_ambiguous" };
  }
  return { id: id ?? uuid8(sha256(signed.kid, signed.time, body)) };
}

// ---- requests

const app = fastify({ logger: false, bodyLimit: 1 << 20 });
app.removeAllContentTypeParsers();
app.addContentTypeParser("application/json", { parseAs: "string" }, (_, body, done) => {
  try {
    done(null, { text: body, value: JSON.parse(body) });
  } catch (error) {
    error.statusCode = 400;
    done(error);
  }
});
app.addHook("onRequest", async (request, reply) => {
  if (!isAuthorized(request.headers.authorization)) return reply.code(401).send({ code: "token_invalid" });
  const wait = charge(request.headers.authorization);
  if (wait) return reply.code(429).header("retry-after", wait).send({ code: "rate_limited" });
});
app.post("/v1/events", async (request, reply) => {
  const { text, value } = request.body;
  const signed = verify(request.headers["x-vox-telemetry-signature"], text);
  if (signed.problem) return reply.code(401).send({ code: signed.problem });
  const { problem, id } = identify(request.headers, signed, text);
  if (problem) return reply.code(400).send({ code: problem });
  if (!isValid(value)) return reply.code(422).send({ code: "schema_invalid", errors: isValid.errors });
  const hash = sha256(text);
  let rows = (await database.query({ ...store, values: [id, hash, text, value.ModelCall?.trace_id ?? null] })).rows;
  const duplicate = rows.length === 0;
  if (duplicate) {
    rows = (await database.query({ ...present, values: [id] })).rows;
    if (!rows[0].sha256.equals(hash)) return reply.code(409).send({ code: "event_id_reused" });
  }
  return reply.code(duplicate ? 200 : 201).send({
    event_id: id, contract: "model-call.v1", received_at: rows[0].received_at, sha256: hash.toString("hex"), duplicate,
  });
});
await app.listen({ host: "127.0.0.1", port: 0 });
console.log(`listening ${app.server.address().port}`);
process.on("SIGTERM", () => process.exit(0));
