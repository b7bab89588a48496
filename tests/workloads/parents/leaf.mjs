// SPDX-License-Identifier: Apache-2.0
// Leaf of the parents measurement: says which traceparent each call brought, by the application's own id in the query. See README.md.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { toMessage } from './multiplexed.mjs';

const { HOST = '127.0.0.1', PORT = '0', MAX_WAIT_MS = '10', CERT, KEY, HTTP2 } = process.env;

/** The same for the same call, so that a run can be repeated. @param {string} text */
function pseudoRandom(text) {
  let hash = 2166136261;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}

/** @param {http.IncomingMessage | http2.Http2ServerRequest} request @param {any} response */
const answer = (request, response) => {
  const { searchParams } = new URL(request.url ?? '/', 'http://leaf');
  const [id, call] = [searchParams.get('id') ?? '', Number(searchParams.get('call') ?? 0)];
  const seen = request.rawHeaders.filter((_, n, all) => n % 2 === 1 && all[n - 1]?.toLowerCase() === 'traceparent');
  request.resume();
  const json = JSON.stringify({ id, call, traceparent: seen[0] ?? null, traceparents: seen.length });
  const isCall = request.headers['content-type'] === 'application/grpc';
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(json), 'x-leaf': json };
  const send = () => {
    response.writeHead(200, isCall ? { 'content-type': 'application/grpc' } : headers);
    if (isCall) response.addTrailers({ 'grpc-status': '0' });
    response.end(isCall ? toMessage(json) : json);
  };
  setTimeout(send, Math.floor(pseudoRandom(`${id}/${call}`) * (Number(MAX_WAIT_MS) + 1)));
};
const tls = CERT && KEY ? { cert: readFileSync(CERT), key: readFileSync(KEY) } : undefined;
/** HTTP2=1: over TLS it speaks that, too; in plaintext nothing else. */
const server = !tls
  ? HTTP2 === '1'
    ? http2.createServer(answer)
    : http.createServer(answer)
  : HTTP2 === '1'
    ? http2.createSecureServer({ ...tls, allowHTTP1: true }, answer)
    : https.createServer(tls, answer);
if ('keepAliveTimeout' in server) server.keepAliveTimeout = 60_000;
server.listen(Number(PORT), HOST, 1024, () => console.log(`listening ${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
