// SPDX-License-Identifier: Apache-2.0
// Calls of gRPC to a Go service: each has a span with the code that the client got.
import path from 'node:path';
import { Obi } from '../harness/obi.mjs';
import { startLeaves, startMiddle } from '../harness/parents.mjs';
import { grpcMiddle, lacking } from '../harness/parents-middles.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { testUnless } from './support/chain.js';
import { inVm, root } from './support/features.js';
import { settledStreams } from './support/tables.js';

jest.setTimeout(180_000 * (inVm ? 8 : 1));

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-grpc' });
});
afterEach(() => sandbox.dispose());

const here = testUnless(lacking('go'));
async function start(env: Readonly<Record<string, string>> = {}) {
  const middle = await startMiddle(sandbox, 'grpc', [grpcMiddle()], await startLeaves(sandbox), env);
  const obi = await Obi.start(sandbox, {
    plugins: `http,${path.join(root, 'packages/probe-go')}`,
    ports: [middle.port],
    env: { OTEL_EBPF_LOG_LEVEL: 'debug' },
  });
  const client = (way: string) => sandbox.run(way, [process.execPath, path.join(root, 'tests/live/support/grpc-client.mjs'), String(middle.port), way]);
  return { middle, obi, client };
}
const holds = async (obi: Obi, wanted: Readonly<Record<string, number>>) => expect(await settledStreams(obi.proc.pid, wanted)).toEqual(wanted);
const emptied = (obi: Obi) => holds(obi, {});
const NAMES =
  'CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED';
/** For these the server is to blame (OpenTelemetry semantic conventions for gRPC). */
const FAULTS = ['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS'];

here('every status code, by its name', async () => {
  const { middle, obi, client } = await start();
  // The method that is not there: 12.
  expect(JSON.parse(await client('codes'))).toEqual([...Array.from({ length: 16 }, (_, n) => n + 1), 12]);
  await obi.waitForSpans(17);
  await emptied(obi);
  const { spans } = await obi.stop();
  const seen = spans.map(({ name, status, attributes }) => [name, attributes['rpc.response.status_code'], status.code, attributes['error.type']]);
  const expected = NAMES.split(' ').map((code) => [
    'parents.Middle/Fail',
    code,
    FAULTS.includes(code) ? 'ERROR' : 'UNSET',
    FAULTS.includes(code) ? code : undefined,
  ]);
  expect(seen.sort()).toEqual([...expected, ['parents.Middle/Nowhere', 'UNIMPLEMENTED', 'ERROR', 'UNIMPLEMENTED']].sort());
  expect(spans[0]?.attributes).toMatchObject({
    'rpc.system.name': 'grpc',
    'server.address': '127.0.0.1',
    'server.port': middle.port,
    'client.address': '127.0.0.1',
  });
});

const each = lacking('go') ? test.skip.each : test.each;
each([
  ['whose stream the client resets', 'reset', 'Wait'],
  ['whose connection breaks', 'wait', 'Wait'],
  ['whose goroutine ends without an answer', 'vanish', 'Vanish'],
])('a call %s is an error, and leaves nothing', async (_, way, name) => {
  const { obi, client } = await start();
  await client(way);
  await obi.waitForSpans(1);
  await emptied(obi);
  const { spans } = await obi.stop();
  expect(spans).toMatchObject([{ name: `parents.Middle/${name}`, status: { code: 'ERROR' }, attributes: { 'error.type': 'no_response' } }]);
});

here('a worker whose call broke off works for the next one', async () => {
  const { obi, client } = await start({ WORKERS: '1' });
  await client('wait');
  await client('codes');
  await obi.waitForSpans(18);
  const { spans } = await obi.stop();
  const names = spans.map((span) => span.name).sort();
  expect(names).toEqual([...Array(16).fill('parents.Middle/Fail'), 'parents.Middle/Nowhere', 'parents.Middle/Wait']);
});

here('a service that is killed leaves nothing', async () => {
  const { middle, obi, client } = await start();
  const waiting = client('hang');
  await holds(obi, { go_streams: 1, go_served: 1, obi_requests: 1 });
  await middle.proc.stop('SIGKILL');
  await waiting;
  await emptied(obi);
});
