// SPDX-License-Identifier: Apache-2.0
// Says what a request was that it received, field by field: {"fields": [[name, value], …], "bytes": of the body}. With CERT, KEY over TLS, with HTTP2=1 over HTTP/2 too, also to gRPC's clients.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import https from 'node:https';
import { toMessage } from '../../workloads/parents/multiplexed.mjs';

const { CERT, KEY, HTTP2 } = process.env;

/** @param {any} request @param {any} response */
const answer = (request, response) => {
  let bytes = 0;
  request.on('data', (/** @type {Buffer} */ data) => (bytes += data.length));
  request.on('end', () => {
    const raw = /** @type {string[]} */ (request.rawHeaders);
    const fields = raw.flatMap((name, n) => (n % 2 === 0 ? [[name.toLowerCase(), raw[n + 1]]] : []));
    const json = JSON.stringify({ version: request.httpVersion, fields, bytes });
    if (request.headers['content-type'] !== 'application/grpc') return response.end(json);
    response.writeHead(200, { 'content-type': 'application/grpc' });
    response.addTrailers({ 'grpc-status': '0' });
    response.end(toMessage(json));
  });
};
const tls = CERT && KEY ? { cert: readFileSync(CERT), key: readFileSync(KEY) } : undefined;
const server = !tls
  ? http.createServer(answer)
  : HTTP2 === '1'
    ? http2.createSecureServer({ ...tls, allowHTTP1: true, maxHeaderListPairs: 1000 }, answer)
    : https.createServer(tls, answer);
server.listen(0, '127.0.0.1', () => console.log(`listening ${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`));
