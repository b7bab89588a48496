// SPDX-License-Identifier: Apache-2.0
// Leaf of the parents measurement: says which traceparent each call brought, by the application's own id in the query. See README.md.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const { HOST = '127.0.0.1', PORT = '0', MAX_WAIT_MS = '10', CERT, KEY } = process.env;

/** The same for the same call, so that a run can be repeated. @param {string} text */
function pseudoRandom(text) {
  let hash = 2166136261;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}

/** @type {http.RequestListener} */
const answer = (request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://leaf');
  const [id, call] = [searchParams.get('id') ?? '', Number(searchParams.get('call') ?? 0)];
  const seen = request.headersDistinct.traceparent ?? [];
  request.resume();
  const json = JSON.stringify({ id, call, traceparent: seen[0] ?? null, traceparents: seen.length });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json), 'x-leaf': json };
  setTimeout(() => response.writeHead(200, headers).end(json), Math.floor(pseudoRandom(`${id}/${call}`) * (Number(MAX_WAIT_MS) + 1)));
};
const server = CERT && KEY ? https.createServer({ cert: readFileSync(CERT), key: readFileSync(KEY) }, answer) : http.createServer(answer);
server.keepAliveTimeout = 60_000;
server.listen(Number(PORT), HOST, 1024, () => console.log(`listening ${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
