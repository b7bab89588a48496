// SPDX-License-Identifier: Apache-2.0
// Leaf behind nginx: notes every call that it receives by the application's id in the query, and behaves as the query asks. See README.md.
// Answers GET /log with what it has noted since it was asked last.
import http from 'node:http';

const { HOST = '127.0.0.1', PORT = '0', MAX_WAIT_MS = '10', RUDE } = process.env;

/** @type {{ id: string, call: number, traceparent: string | null, traceparents: number }[]} */
let calls = [];
const wait = () => Math.floor(Math.random() * (Number(MAX_WAIT_MS) + 1));

const server = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://leaf');
  if (pathname === '/log') {
    response.end(JSON.stringify(calls));
    calls = [];
    return;
  }
  const seen = request.headersDistinct.traceparent ?? [];
  calls.push({ id: searchParams.get('id') ?? '', call: Number(searchParams.get('call') ?? 1), traceparent: seen[0] ?? null, traceparents: seen.length });
  request.resume();
  // A rude one hangs up, or never answers.
  if (RUDE === 'hangs-up') return setTimeout(() => request.socket.destroy(), wait());
  if (RUDE === 'resets') return setTimeout(() => request.socket.resetAndDestroy(), wait());
  if (RUDE === 'silent') return;
  const answer = () => {
    const accel = pathname.startsWith('/accel') ? { 'x-accel-redirect': `/redirected?id=${searchParams.get('id')}` } : {};
    const status = RUDE === 'unavailable' ? 503 : pathname.startsWith('/error') ? 500 : 200;
    response.writeHead(status, { 'content-type': 'text/plain', ...accel }).end(`${searchParams.get('id')}\n${'x'.repeat(Math.floor(Math.random() * 9000))}`);
  };
  // Some answer before they have read the body.
  if (pathname.startsWith('/kept') && Math.random() < 0.1) answer();
  else request.on('end', () => setTimeout(answer, wait()));
});
server.keepAliveTimeout = 60_000;
server.listen(Number(PORT), HOST, 1024, () => console.log(`listening ${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
