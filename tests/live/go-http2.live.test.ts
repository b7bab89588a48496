// SPDX-License-Identifier: Apache-2.0
// Requests over HTTP/2 to a Go service, many at a time on one connection: each has a span that says what came and what was answered, and how it ended.
import path from 'node:path';
import { Obi } from '../harness/obi.mjs';
import { certificate, goService, lacking } from '../harness/parents-middles.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { testUnless } from './support/chain.js';
import { inVm, root } from './support/features.js';
import { heldStreams, settledStreams } from './support/tables.js';

const SERVER = 2;
const CLIENT = 3;
/** More than the stream's window. */
const MANY_BYTES = 1 << 25;
jest.setTimeout(180_000 * (inVm ? 8 : 1));

let sandbox: Sandbox;
let port: number;
let service: Awaited<ReturnType<Sandbox['start']>>;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-http2' });
  service = await sandbox.start('service', [goService()], { env: { ...certificate(), HTTP2: '1' } });
  port = Number((await service.line(/^listening (\d+)$/))[1]);
});
afterEach(() => sandbox.dispose());

const client = (...args: (string | number)[]) => [process.execPath, path.join(root, 'tests/live/support/http2-client.mjs'), ...args.map(String)];
const start = () => Obi.start(sandbox, { plugins: `http,${path.join(root, 'packages/probe-go')}`, ports: [port], env: { OTEL_EBPF_LOG_LEVEL: 'debug' } });
const here = testUnless(lacking('go'));
/** What the kernel holds of streams: their tables that are not empty. */
const held = (obi: Obi) => heldStreams(obi.proc.pid);

here('a hundred at once', async () => {
  const obi = await start();
  await sandbox.run('statuses', client('statuses', port, 100));
  await obi.waitForSpans(100);
  expect(held(obi)).toEqual({});
  const { spans } = await obi.stop();
  const expected = Array.from({ length: 100 }, (_, n) => ({
    'http.request.method': 'GET',
    'url.scheme': 'https',
    'url.path': `/status/${200 + n}`,
    'url.query': `n=${n}`,
    'server.address': '127.0.0.1',
    'server.port': port,
    'network.protocol.version': '2',
    'http.response.status_code': 200 + n,
  }));
  const byNumber = [...spans].sort((a, b) => Number(a.attributes['http.response.status_code']) - Number(b.attributes['http.response.status_code']));
  expect(byNumber.map(({ kind }) => kind)).toEqual(Array(100).fill(SERVER));
  expect(byNumber.map(({ attributes }) => attributes)).toMatchObject(expected);
});

here('a stream that its client resets, and one whose handler panics, are incomplete', async () => {
  const obi = await start();
  await sandbox.run('reset', client('reset', port, MANY_BYTES));
  await obi.waitForSpans(1);
  await sandbox.run('broken', client('broken', port));
  await obi.waitForSpans(2);
  expect(held(obi)).toEqual({});
  const { spans } = await obi.stop();
  expect(spans).toMatchObject([
    { status: { code: 'ERROR' }, attributes: { 'http.response.status_code': 200, 'error.type': 'incomplete_response' } },
    { status: { code: 'ERROR' }, attributes: { 'url.path': '/panic/0', 'error.type': 'no_response' } },
  ]);
});

/** Asks for a call to `target` over HTTP/2. @returns the spans of the request, of the call, and of what was called */
async function asked(target: string, traceparent = '') {
  const obi = await start();
  const url = `https://127.0.0.1:${port}${target}`;
  await sandbox.run('ask', client('ask', port, `/ask/204?url=${encodeURIComponent(url)}&traceparent=${traceparent}`));
  await obi.waitForSpans(3);
  expect(held(obi)).toEqual({});
  const { spans } = await obi.stop();
  const by = (kind: number, path_: string) =>
    spans.find((span) => span.kind === kind && `${span.attributes['url.path'] ?? span.attributes['url.full']}`.endsWith(path_));
  expect(spans).toHaveLength(3);
  return { url, request: by(SERVER, '/ask/204'), call: by(CLIENT, target), called: by(SERVER, target) };
}
const TRACE = '0af7651916cd43dd8448eb211c80319c';

here('a call: its URL, its status, its parent; no header goes out', async () => {
  const { url, request, call, called } = await asked('/status/404');
  expect(request).toMatchObject({ traceId: TRACE, parentSpanId: 'b7ad6b7169203331', attributes: { 'http.response.status_code': 204 } });
  expect(call).toMatchObject({
    traceId: TRACE,
    parentSpanId: request?.spanId,
    status: { code: 'ERROR' },
    attributes: { 'http.request.method': 'GET', 'url.full': url, 'server.port': port, 'network.protocol.version': '2', 'http.response.status_code': 404 },
  });
  expect(called?.traceId).not.toBe(TRACE);
});

here('a call with a traceparent of the application: that is the span, nothing is doubled', async () => {
  const own = 'c0ffee0000000001';
  const { request, call, called } = await asked('/status/200', `00-${TRACE}-${own}-01`);
  expect(call).toMatchObject({ traceId: TRACE, spanId: own, parentSpanId: request?.spanId });
  expect(called).toMatchObject({ traceId: TRACE, parentSpanId: own });
});

here('a call that breaks off is incomplete', async () => {
  const { call, called } = await asked('/panic/0');
  expect(call).toMatchObject({ status: { code: 'ERROR' }, attributes: { 'error.type': 'no_response' } });
  expect(called).toMatchObject({ attributes: { 'error.type': 'no_response' } });
});

here('a connection that was open before: what is asked from then on is right, and a killed service leaves nothing', async () => {
  const load = await sandbox.startOutside('steady', client('steady', port), { stdin: 'pipe' });
  await load.line(/^asking$/);
  const obi = await start();
  await obi.waitForSpans(300);
  await service.stop('SIGKILL');
  load.child.stdin?.end();
  expect(await settledStreams(obi.proc.pid, {})).toEqual({});
  const { spans } = await obi.stop();
  const wrong = spans.filter(({ attributes }) => attributes['url.path'] !== `/status/${attributes['http.response.status_code']}`);
  expect(wrong.map(({ attributes }) => attributes)).toEqual([]);
  expect(spans.length).toBeGreaterThanOrEqual(300);
});
