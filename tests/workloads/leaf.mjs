// SPDX-License-Identifier: Apache-2.0
// HTTP service on Node's own http module; a leaf unless DOWNSTREAM is set. See README.md for its settings.
import { randomBytes } from 'node:crypto';
import http from 'node:http';

const { NAME = 'node', HOST = '127.0.0.1', PORT = '0', DOWNSTREAM = '', DELAY_MS = '0', PAD_BYTES = '0', KEEPALIVE, SEND_TRACEPARENT } = process.env;
const downstream = DOWNSTREAM.split(',').filter(Boolean);
const agent = new http.Agent({ keepAlive: KEEPALIVE === '1' });
let served = 0;

/** @param {string} base @param {string} path @param {string | undefined} requestId */
function call(base, path, requestId) {
  /** @type {Record<string, string>} */
  const headers = requestId ? { 'x-request-id': requestId } : {};
  if (SEND_TRACEPARENT === '1') headers.traceparent = `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
  return new Promise((resolve, reject) => {
    http
      .get(new URL(path, base), { agent, headers }, (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => (body += chunk));
        response.on('error', reject);
        response.on('end', () => {
          if (response.statusCode !== 200) return reject(new Error(`${base}: status ${response.statusCode}`));
          const result = JSON.parse(body);
          if (headers.traceparent) result.sent = headers.traceparent;
          resolve(result);
        });
      })
      .on('error', reject);
  });
}

const server = http.createServer(async (request, response) => {
  const answer = (/** @type {number} */ status, /** @type {unknown} */ value) => {
    const body = JSON.stringify(value);
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    response.end(body);
  };
  if (request.url === '/health') return answer(200, { ok: true });
  if (request.url === '/stats') return answer(200, { served });
  served++;
  request.resume();
  const seen = request.headersDistinct.traceparent ?? [];
  const requestId = request.headersDistinct['x-request-id']?.[0];
  try {
    if (Number(DELAY_MS) > 0) await new Promise((resolve) => setTimeout(resolve, Number(DELAY_MS)));
    const results = await Promise.all(downstream.map((base) => call(base, request.url ?? '/', requestId)));
    answer(200, {
      service: NAME,
      traceparent: seen[0] ?? null,
      traceparents: seen.length,
      request: requestId ?? null,
      downstream: results,
      ...(Number(PAD_BYTES) > 0 ? { pad: 'x'.repeat(Number(PAD_BYTES)) } : {}),
    });
  } catch (error) {
    answer(502, { service: NAME, error: String(error) });
  }
});
server.keepAliveTimeout = 60_000;
server.listen(Number(PORT), HOST, 1024, () => console.log(`listening ${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
