#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The endpoint that a team would write for itself in an afternoon: fastify, ajv, pg, one INSERT for each request.
//
//     PGHOST=… PGDATABASE=… PGUSER=… TOKEN=… node endpoint.mjs MODULES SCHEMA [POOL]
//
// It makes the same promise on the same tables: bearer token by its hash, JSON Schema, SHA-256 of the content, the
// ledger of ids in the same transaction, 201 after COMMIT, 200 for a repeat, 409 for another content. It has no rate
// limit, no content guard, no recognition among contracts and no checks for what jsonb chokes on. It prints
// "listening PORT" and ends on SIGTERM. POOL is the number of its database connections (default 32).
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
const tokenHash = crypto.createHash("sha256").update(process.env.TOKEN).digest();
const database = new pg.Pool({ max: Number(pool) });

// Both tables in one statement, so that no BEGIN and COMMIT cost a round trip each: the best that this shape can do.
const store = {
  name: "store",
  text: `WITH key AS (
           INSERT INTO telemetry.event_keys (received_at, event_id, project_id, gen, contract_id, expires_on, sha256)
           SELECT now(), $1::uuid, 1, gen, 1, current_date + 365, $2::bytea FROM telemetry.ledger
           ON CONFLICT DO NOTHING RETURNING event_id)
         INSERT INTO telemetry.events (received_at, event_id, project_id, contract_id, token_id, expires_on, due_on,
                                       class, sha256, payload)
         SELECT now(), event_id, 1, 1, 1, current_date + 365, current_date + 365, 1, $2::bytea, $3::jsonb FROM key
         RETURNING received_at`,
};
const present = {
  name: "present",
  text: "SELECT received_at, sha256 FROM telemetry.event_keys WHERE project_id = 1 AND event_id = $1::uuid",
};
const UUID = /^"?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"?$/;

function isAuthorized(header) {
  if (!header?.startsWith("Bearer ")) return false;
  return crypto.timingSafeEqual(crypto.createHash("sha256").update(header.slice(7)).digest(), tokenHash);
}

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
});
app.post("/v1/events", async (request, reply) => {
  const { text, value } = request.body;
  if (!isValid(value)) return reply.code(422).send({ code: "schema_invalid", errors: isValid.errors });
  const id = UUID.exec(request.headers["idempotency-key"] ?? "")?.[1] ?? crypto.randomUUID();
  const hash = crypto.createHash("sha256").update(text).digest();
  let rows = (await database.query({ ...store, values: [id, hash, text] })).rows;
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
