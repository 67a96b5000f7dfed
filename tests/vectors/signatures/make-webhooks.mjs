// SPDX-License-Identifier: Apache-2.0
// Prints webhooks.json; see README.md.
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { createRequire } from 'node:module';

const { Webhook } = createRequire(import.meta.url)('standardwebhooks');

const secret = 'whsec_' + Buffer.from(Array.from({ length: 32 }, (_, i) => i + 1)).toString('base64');
const shortest = 'whsec_' + Buffer.alloc(24, 0xa5).toString('base64');
const longest = 'whsec_' + Buffer.alloc(64, 0x5a).toString('base64');
const other = 'whsec_' + Buffer.alloc(32, 7).toString('base64');
const seed = Buffer.from(Array.from({ length: 32 }, (_, i) => 200 - i));
const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
const publicKey = 'whpk_' + spki.subarray(12).toString('base64');

const at = 1790000000;
const id = 'msg_p5jXN8AQM9LWM0D4loKWxJek';
const body = '{"ModelCall":{"model":"a","latency_ms":12}}';
const unicode = '{"text":"gr\u00fc\u00df \u2192 \ud83d\ude80", "n": [1, 2.50]}\n';

const v1 = (key, text = body, name = id, time = at) => new Webhook(key).sign(name, new Date(time * 1000), text);
const v1a = (text = body, name = id, time = at) =>
  'v1a,' + sign(null, Buffer.from(`${name}.${time}.${text}`), privateKey).toString('base64');

// The last character before the padding stands for two spare bits too.
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const spared = (text) => text.slice(0, -2) + alphabet[alphabet.indexOf(text.at(-2)) + 1] + '=';

const vector = (name, keys, signature, problem = null, more = {}) => ({
  name, now: at, keys, body: more.body ?? body,
  headers: { 'webhook-id': more.id ?? id, 'webhook-timestamp': more.at ?? String(at), 'webhook-signature': signature },
  ...(more.now ? { now: more.now } : {}), problem,
});

const vectors = [
  vector('hmac', [secret], v1(secret)),
  vector('hmac of the shortest secret', [shortest], v1(shortest)),
  vector('hmac of the longest secret', [longest], v1(longest)),
  vector('hmac of text beyond ASCII', [secret], v1(secret, unicode), null, { body: unicode }),
  vector('a uuid as id', [secret], v1(secret, body, '0198c5f2-7a10-7c3e-9d55-2f6a3b1c4d5e'), null,
    { id: '0198c5f2-7a10-7c3e-9d55-2f6a3b1c4d5e' }),
  vector('ed25519', [publicKey], v1a()),
  vector('ed25519 of text beyond ASCII', [publicKey], v1a(unicode), null, { body: unicode }),
  vector('both kinds, one key each', [secret, publicKey], `${v1(secret)} ${v1a()}`),
  vector('two secrets, signed by the second', [other, secret], v1(secret)),
  vector('signed by both secrets', [secret], `${v1(other)} ${v1(secret)}`),
  vector('unknown schemes first', [secret], `v0,YWJj v9,!!! ${v1(secret)}`),
  vector('unknown schemes only', [secret], 'v0,YWJj v9,!!!', 'signature_invalid'),
  vector('the right one is the fourth', [secret], `${v1(other)} ${v1(other)} ${v1(other)} ${v1(secret)}`),
  vector('the right one is the fifth', [secret],
    `${v1(other)} ${v1(other)} ${v1(other)} ${v1(other)} ${v1(secret)}`, 'signature_invalid'),
  ...['v1,AAAA', 'v1,!!!', 'v1,', 'v1a,AAAA', 'v2,AAAA', 'junk', '', v1(other).replace('=', '')].flatMap((odd) => [
    vector(`"${odd}" before the right one`, [secret], `${odd} ${v1(secret)}`),
    vector(`"${odd}" behind the right one`, [secret], `${v1(secret)} ${odd}`),
    vector(`"${odd}" before a wrong one`, [secret], `${odd} ${v1(other)}`, 'signature_invalid'),
  ]),
  vector('misspelt ones count: the right one is the fourth', [secret], `v1,AAAA v1a,AAAA v1,!!! ${v1(secret)}`),
  vector('misspelt ones count: the right one is the fifth', [secret], `v1,AAAA v1a,AAAA v1,!!! v1, ${v1(secret)}`,
    'signature_malformed'),
  vector('of both kinds, the right one is the fourth', [secret], `${v1a(unicode)} ${v1a(unicode)} ${v1a()} ${v1(secret)}`),
  vector('of both kinds, the right one is the fifth', [secret],
    `${v1a(unicode)} ${v1a(unicode)} ${v1a()} ${v1(other)} ${v1(secret)}`, 'signature_invalid'),
  vector('of Ed25519 the right one is the second', [publicKey], `${v1a(unicode)} ${v1a()}`),
  vector('of Ed25519 the right one is the third', [publicKey], `${v1a(unicode)} ${v1a(unicode)} ${v1a()}`,
    'signature_invalid'),
  vector('no word', [secret], '', 'signature_malformed'),
  vector('one word without a comma', [secret], 'junk', 'signature_malformed'),
  vector('another secret', [secret], v1(other), 'signature_invalid'),
  vector('another body', [secret], v1(secret), 'signature_invalid', { body: body + ' ' }),
  vector('another id', [secret], v1(secret), 'signature_invalid', { id: id + 'x' }),
  vector('another time', [secret], v1(secret), 'signature_invalid', { at: String(at + 1) }),
  vector('an HMAC where only a public key is', [publicKey], v1(secret), 'signature_invalid'),
  vector('Ed25519 where only a secret is', [secret], v1a(), 'signature_invalid'),
  vector('299 s old', [secret], v1(secret), null, { now: at + 299 }),
  vector('299 s ahead', [secret], v1(secret), null, { now: at - 299 }),
  vector('301 s old', [secret], v1(secret), 'signature_stale', { now: at + 301 }),
  vector('301 s ahead', [secret], v1(secret), 'signature_stale', { now: at - 301 }),
  vector('spare bits of the base64 set', [secret], spared(v1(secret)), 'signature_malformed'),
  vector('base64 without padding', [secret], v1(secret).replace('=', ''), 'signature_malformed'),
  vector('a dot in the id', [secret], v1(secret), 'signature_malformed', { id: 'msg.1' }),
  ...['-1', '9223372036854775808', '1e9', '007', '', '+1790000000', '1790000000.0', ' '].map((time) =>
    vector(`time "${time}"`, [secret], v1(secret), 'signature_malformed', { at: time })),
];

console.log(JSON.stringify({ made_by: 'make-webhooks.mjs', vectors }, null, 1));
