// SPDX-License-Identifier: Apache-2.0
// Calls of gRPC that a Go service makes: each attempt has a span, below that of the request which it was made for, with the code that the service got.
// OBI_GRPC_VERSION: of google.golang.org/grpc (default: that of its go.mod).
import path from 'node:path';
import { Obi } from '../harness/obi.mjs';
import { startMiddle } from '../harness/parents.mjs';
import { grpcMiddle, lacking } from '../harness/parents-middles.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { testUnless } from './support/chain.js';
import { inVm, root } from './support/features.js';
import { settledStreams } from './support/tables.js';

const SERVER = 2;
const CLIENT = 3;
jest.setTimeout(180_000 * (inVm ? 8 : 1));

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-grpc' });
});
afterEach(() => sandbox.dispose());

const here = testUnless(lacking('go'));
const version = process.env.OBI_GRPC_VERSION;
/** A service, and the one that it calls, which is not traced. */
async function start(env: Readonly<Record<string, string>> = {}) {
  const program = grpcMiddle(version && `v${version}`);
  const called = await sandbox.startOutside('called', [program], { env: { PORT: '0', ...env } });
  const port = Number((await called.line(/^listening (\d+)$/))[1]);
  // Old versions try again only when told so.
  const middle = await startMiddle(sandbox, 'grpc', [program], [`http://127.0.0.1:${port}`], { GRPC_GO_RETRY: 'on' });
  const obi = await Obi.start(sandbox, {
    plugins: `http,${path.join(root, 'packages/probe-go')}`,
    ports: [middle.port],
    env: { OTEL_EBPF_LOG_LEVEL: 'debug' },
  });
  const ask = (...args: string[]) =>
    sandbox.run('ask', [process.execPath, path.join(root, 'tests/live/support/grpc-client.mjs'), String(middle.port), 'call', ...args]);
  return { called, port, middle, obi, ask };
}

/** @param calls how many it is to make @returns the codes that the service got, the calls' spans as their names, codes and errors, in order, and what they are below */
async function asked(query: string, calls: number, env: Readonly<Record<string, string>> = {}) {
  const { port, obi, ask } = await start(env);
  const codes = (await ask(query)).trim();
  await obi.waitForSpans(calls + 1);
  expect(await settledStreams(obi.proc.pid, {})).toEqual({});
  const { spans } = await obi.stop();
  const made = spans.filter(({ kind }) => kind === CLIENT).sort((a, b) => Number(BigInt(a.startTimeUnixNano) - BigInt(b.startTimeUnixNano)));
  const [request, ...others] = spans.filter(({ kind }) => kind === SERVER);
  expect(others).toEqual([]);
  expect(made.map(({ traceId, parentSpanId }) => [traceId, parentSpanId])).toEqual(Array(calls).fill([request?.traceId, request?.spanId]));
  const seen = made.map(({ name, status, attributes }) => [name, attributes['rpc.response.status_code'], attributes['error.type'], status.code]);
  return { codes, seen, first: made[0], port };
}
const NAMES =
  'CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED'.split(
    ' ',
  );
const failed = (method: string, code: string) => [`parents.Middle/${method}`, code, code, 'ERROR'];
const ok = (method: string) => [`parents.Middle/${method}`, 'OK', undefined, 'UNSET'];

here('every status code, by its name', async () => {
  const numbers = NAMES.map((_, n) => n + 1);
  const { codes, seen, first, port } = await asked(`method=Fail&${numbers.map((n) => `text=${n}`).join('&')}`, NAMES.length);
  expect(codes).toBe(numbers.join(','));
  expect(seen).toEqual(NAMES.map((name) => failed('Fail', name)));
  expect(first?.attributes).toEqual({
    'rpc.system.name': 'grpc',
    'rpc.method': 'parents.Middle/Fail',
    'rpc.response.status_code': 'CANCELLED',
    'server.address': '127.0.0.1',
    'server.port': port,
    'network.peer.address': '127.0.0.1',
    'network.peer.port': port,
    'error.type': 'CANCELLED',
  });
});

const each = lacking('go') ? test.skip.each : test.each;
each([
  ['client', 'Join'],
  ['server', 'Count'],
  ['client and server', 'Echo'],
])('streams of the %s: one that ends well, and one that does not', async (_, method) => {
  const { codes, seen } = await asked(`way=stream&method=${method}&text=a&text=fail`, 2);
  expect(codes).toBe('0,15');
  expect(seen).toEqual([ok(method), failed(method, 'DATA_LOSS')]);
});

each([
  ['that is given up', 'way=cancel&method=Wait', '1', [failed('Wait', 'CANCELLED')]],
  ['that takes too long', 'way=deadline&method=Wait', '4', [failed('Wait', 'DEADLINE_EXCEEDED')]],
  ['whose stream is given up before anything goes over it', 'way=leave&method=Echo', '0', [failed('Echo', 'CANCELLED')]],
  ['that is tried three times: each is a span', 'way=unary&method=Flaky', '14', Array(3).fill(failed('Flaky', 'UNAVAILABLE'))],
])('a call %s', async (_, query, code, expected) => {
  const { codes, seen } = await asked(`${query}&text=14`, expected.length);
  expect(codes).toBe(code);
  expect(seen).toEqual(expected);
});

here('a call that waits for a stream in vain has no span, and leaves nothing', async () => {
  const { codes, seen } = await asked('way=crowd&method=Wait&text=', 1, { STREAMS: '1' });
  expect(codes).toBe('4');
  expect(seen).toEqual([failed('Wait', 'CANCELLED')]);
});

here('a call whose service is killed', async () => {
  const { called, obi, ask } = await start();
  const codes = ask('method=Wait&text=');
  expect(await settledStreams(obi.proc.pid, { go_streams: 2, go_served: 1, obi_requests: 1 })).toEqual({ go_streams: 2, go_served: 1, obi_requests: 1 });
  await called.stop('SIGKILL');
  expect((await codes).trim()).toBe('14');
  await obi.waitForSpans(2);
  expect(await settledStreams(obi.proc.pid, {})).toEqual({});
  const { spans } = await obi.stop();
  const call = spans.find(({ kind }) => kind === CLIENT);
  expect(call).toMatchObject({ status: { code: 'ERROR' }, attributes: { 'rpc.response.status_code': 'UNAVAILABLE', 'error.type': 'UNAVAILABLE' } });
});

here('a call with a traceparent of the application: that is the span', async () => {
  const { obi, ask } = await start();
  const [trace, own] = ['0af7651916cd43dd8448eb211c80319c', 'c0ffee0000000001'];
  await ask(`method=Fail&text=5&traceparent=00-${trace}-${own}-01`, `00-${trace}-b7ad6b7169203331-01`);
  await obi.waitForSpans(2);
  const { spans } = await obi.stop();
  const request = spans.find(({ kind }) => kind === SERVER);
  expect(request).toMatchObject({ traceId: trace, parentSpanId: 'b7ad6b7169203331' });
  expect(spans.find(({ kind }) => kind === CLIENT)).toMatchObject({ traceId: trace, spanId: own, parentSpanId: request?.spanId });
});

here('a service that is killed leaves nothing', async () => {
  const { middle, obi, ask } = await start();
  const waiting = ask('method=Wait&text=');
  expect(await settledStreams(obi.proc.pid, { go_streams: 2, go_served: 1, obi_requests: 1 })).toEqual({ go_streams: 2, go_served: 1, obi_requests: 1 });
  await middle.proc.stop('SIGKILL');
  await waiting;
  expect(await settledStreams(obi.proc.pid, {})).toEqual({});
});
