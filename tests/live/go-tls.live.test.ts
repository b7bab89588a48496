// SPDX-License-Identifier: Apache-2.0
// Exchanges over TLS that are seen inside a Go process say the same as those that are seen at a socket: when they ended, whether they did, and which answer is whose.
import path from 'node:path';
import { Obi } from '../harness/obi.mjs';
import { certificate, goService, lacking } from '../harness/parents-middles.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { testUnless } from './support/chain.js';
import { inVm, root } from './support/features.js';

const PLUGINS = `http,${path.join(root, 'packages/probe-go')}`;
const SERVER = 2;
/** More than the sockets of both sides hold. */
const MANY_BYTES = 1 << 25;
const PAUSE_MS = 800;
jest.setTimeout(180_000 * (inVm ? 8 : 1));

let sandbox: Sandbox;
let port: number;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-tls' });
  const proc = await sandbox.start('service', [goService()], { env: certificate() });
  port = Number((await proc.line(/^listening (\d+)$/))[1]);
});
afterEach(() => sandbox.dispose());

const client = (...args: (string | number)[]) => [process.execPath, path.join(root, 'tests/live/support/tls-client.mjs'), ...args.map(String)];
const start = () => Obi.start(sandbox, { plugins: PLUGINS, ports: [port], env: { OTEL_EBPF_LOG_LEVEL: 'debug' } });
const here = testUnless(lacking('go'));

here('a response lasts until it is sent', async () => {
  const obi = await start();
  expect(Number(await sandbox.run('slow', client('slow', port, MANY_BYTES, PAUSE_MS)))).toBeGreaterThan(MANY_BYTES);
  const { spans } = await obi.stop();
  const expected = { 'url.scheme': 'https', 'http.response.status_code': 200, 'http.response.body.size': MANY_BYTES };
  expect(spans).toMatchObject([{ kind: SERVER, attributes: expected }]);
  const lasted = BigInt(spans[0]?.endTimeUnixNano ?? 0) - BigInt(spans[0]?.startTimeUnixNano ?? 0);
  // The client read nothing before; half of it, since its clock began with its own request.
  expect(lasted > BigInt(PAUSE_MS / 2) * 1_000_000n).toBe(true);
});

here('a response that breaks off is incomplete', async () => {
  const obi = await start();
  await sandbox.run('cut', client('cut', port, MANY_BYTES, 200));
  await obi.waitForSpans(1);
  const { spans } = await obi.stop();
  const expected = { 'http.response.status_code': 200, 'error.type': 'incomplete_response' };
  expect(spans).toMatchObject([{ kind: SERVER, status: { code: 'ERROR' }, attributes: expected }]);
});

here('kept connections that were open before: each answer is that of its request', async () => {
  const load = await sandbox.startOutside('steady', client('steady', port), { stdin: 'pipe' });
  await load.line(/^asking$/);
  const obi = await start();
  await obi.waitForSpans(300);
  load.child.stdin?.end();
  await load.line(/^\d+$/);
  const { spans } = await obi.stop();
  const wrong = spans.filter(({ attributes }) => attributes['url.path'] !== `/status/${attributes['http.response.status_code']}`);
  expect(wrong.map(({ attributes }) => attributes)).toEqual([]);
  expect(spans.length).toBeGreaterThanOrEqual(300);
});
