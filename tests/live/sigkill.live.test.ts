// SPDX-License-Identifier: Apache-2.0
// However obi ends, in the middle of load: no request of any application fails, and nothing stays in the kernel.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadIn } from '../harness/load.mjs';
import { Obi } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import type { Service } from '../harness/services.mjs';
import { heldBy, NOTHING, remainingAfter } from './support/bpf.js';
import { lacking, portsOf, startChain, testUnless } from './support/chain.js';
import { inVm } from './support/features.js';

const REQUESTS = inVm ? 300 : 2000;
const IN_FLIGHT = 20;

let sandbox: Sandbox;
let folder: string;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-kill' });
  folder = mkdtempSync(path.join(os.tmpdir(), 'obi-kill-'));
});
afterEach(async () => {
  await sandbox.dispose();
  rmSync(folder, { recursive: true, force: true });
});

interface Ending {
  readonly signal: NodeJS.Signals;
  readonly env?: Record<string, string>;
  /** How obi is to have ended. */
  readonly ended: { readonly code: number | null; readonly signal: NodeJS.Signals | null };
  readonly says?: RegExp;
}

/** Throws inside obi when it is told to. */
function throwing(): Record<string, string> {
  const file = path.join(folder, 'throw.cjs');
  writeFileSync(file, "process.once('SIGUSR2', () => { throw new Error('not caught'); });\n");
  return { NODE_OPTIONS: `--require=${file}` };
}

const ENDINGS: [string, () => Ending][] = [
  ['SIGKILL', () => ({ signal: 'SIGKILL', ended: { code: null, signal: 'SIGKILL' } })],
  ['SIGTERM', () => ({ signal: 'SIGTERM', ended: { code: 0, signal: null } })],
  ['SIGINT', () => ({ signal: 'SIGINT', ended: { code: 0, signal: null } })],
  ['an exception that nobody catches', () => ({ signal: 'SIGUSR2', env: throwing(), ended: { code: 1, signal: null }, says: /not caught/ })],
];

for (const keepAlive of [false, true]) {
  for (const [what, how] of ENDINGS) {
    testUnless(lacking(['python', 'ruby']))(`${what} under load, ${keepAlive ? 'kept' : 'new'} connections`, async () => {
      const { signal, env = {}, ended, says } = how();
      const services = await startChain(sandbox, ['python', 'ruby', 'node'], { DELAY_MS: '2', THREADS: '64', ...(keepAlive ? { KEEPALIVE: '1' } : {}) });
      const obi = await Obi.start(sandbox, { ports: portsOf(services), env });
      const held = heldBy(obi.proc.pid);
      expect(Math.min(held.prog.size, held.map.size, held.link.size)).toBeGreaterThan(0);

      const load = loadIn(sandbox, { url: (services[0] as Service).url, requests: REQUESTS, concurrency: IN_FLIGHT, keepAlive });
      await obi.waitForSpans(REQUESTS); // of five times as many: the load is well under way
      const seen = obi.spans.length;
      obi.proc.child.kill(signal);
      expect(await obi.proc.exited).toEqual(ended);
      const { trees, errors } = await load;

      expect(errors).toEqual([]);
      expect(trees).toHaveLength(REQUESTS);
      // It ended while they ran, and had carried headers until then.
      expect(seen).toBeGreaterThanOrEqual(REQUESTS);
      const carried = trees.filter(({ downstream }) => downstream[0]?.traceparents === 1).length;
      expect(carried).toBeGreaterThan(0);
      expect(carried).toBeLessThan(REQUESTS);
      expect(trees.filter(({ downstream }) => (downstream[0]?.traceparents ?? 0) > 1)).toEqual([]);
      if (says) expect(obi.proc.tail(40)).toMatch(says);
      expect(await remainingAfter(held)).toEqual(NOTHING);
    });
  }
}
