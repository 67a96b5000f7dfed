#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// ajv on the samples that bench_schema runs, timed the same way.
//
//     node ajv.mjs MODULES CONTRACTS [ROUNDS]
//
// MODULES is a node_modules folder with ajv 8 (npm install --prefix DIR ajv@8). Prints
// "ajv/<contract>/<sample>: ns", over COPIES objects in turn, parsed one after the other, and "ajvwarm/…" for one object
// again and again. The settings are those of a program that wants a verdict; formats annotate.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [modules, folder, count = "15"] = process.argv.slice(2);
const load = createRequire(path.resolve(modules, "x.js"));
const settings = { strict: false, allErrors: false, validateFormats: false, logger: false };
const makers = { 2020: load("ajv/dist/2020").default, 7: load("ajv").default };
const files = fs.readdirSync(folder).filter((f) => f.endsWith(".schema.json")).sort();
const schemas = files.map((f) => JSON.parse(fs.readFileSync(path.join(folder, f), "utf8")));
const ROUND_NS = 1e6;
const COPIES = 512;

// One place calls the functions of all contracts, as in a program that judges what comes.
function judge(validate, trees, calls) {
  let valid = 0;
  const mask = trees.length - 1;
  for (let k = 0; k < calls; k++) if (validate(trees[k & mask])) valid++;
  return valid;
}

function measure(validate, trees) {
  judge(validate, trees, 20000); // the compiler of the engine has seen it all
  let from = process.hrtime.bigint();
  let n = 0;
  for (; Number(process.hrtime.bigint() - from) < ROUND_NS; n += 64) judge(validate, trees, 64);
  let least = Infinity;
  for (let i = 0; i < Number(count); i++) {
    from = process.hrtime.bigint();
    judge(validate, trees, n);
    least = Math.min(least, Number(process.hrtime.bigint() - from) / n);
  }
  return least;
}

for (const [i, file] of files.entries()) {
  const name = file.slice(0, -".schema.json".length);
  const old = String(schemas[i].$schema || "").includes("draft-07");
  const ajv = new makers[old ? 7 : 2020](settings);
  for (const [j, other] of schemas.entries()) if (j !== i && other.$id) try { ajv.addSchema(other); } catch { /* of the other dialect */ }
  const validate = ajv.compile(schemas[i]);
  for (const kind of ["valid", "invalid"]) {
    const dir = path.join(folder, "samples", name, kind);
    for (const sample of fs.readdirSync(dir).sort()) {
      if (!sample.endsWith(".json") || sample.endsWith(".expect.json")) continue;
      const text = fs.readFileSync(path.join(dir, sample), "utf8");
      let copies;
      try { copies = Array.from({ length: COPIES }, () => JSON.parse(text)); } catch { continue; }
      console.log(`ajv/${name}/${kind}/${sample}: ${measure(validate, copies).toFixed(1)}`);
      console.log(`ajvwarm/${name}/${kind}/${sample}: ${measure(validate, copies.slice(0, 1)).toFixed(1)}`);
    }
  }
}
