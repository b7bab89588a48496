// SPDX-License-Identifier: Apache-2.0
// Two obi at once: over the same processes the second one says who the first is and ends; side by side both trace.
import { mkdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { Obi } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';

let first: Sandbox;
let second: Sandbox;
beforeEach(async () => {
  first = await Sandbox.create({ netns: true, name: 'obi-first' });
  second = await Sandbox.create({ netns: true, name: 'obi-second' });
});
afterEach(async () => {
  await second.dispose();
  await first.dispose();
});

/** Starts one that is to be refused. */
async function refused(sandbox: Sandbox, cgroup: string) {
  const obi = await Obi.start(sandbox, { env: { OTEL_EBPF_BPF_CGROUP_PATH: cgroup }, ready: /OBI_ERR_OVERLAP/ });
  const { code } = await obi.proc.exited;
  return { code, text: obi.proc.lines.map(({ text }) => text).join('\n') };
}

test('the same cgroup, and one below it, also from another network namespace; a neighbour is left alone', async () => {
  const obi = await Obi.start(first);
  const child = path.join(first.cgroup, 'child');
  mkdirSync(child);
  try {
    for (const [sandbox, cgroup] of [
      [first, first.cgroup],
      [second, first.cgroup],
      [second, child],
    ] as const) {
      const { code, text } = await refused(sandbox, cgroup);
      expect(code).toBe(1);
      expect(text).toMatch(new RegExp(`another obi runs \\(pid ${obi.proc.pid}\\)`));
    }
    const neighbour = await Obi.start(second);
    expect(obi.proc.running).toBe(true);
    expect((await neighbour.stop()).code).toBe(0);
  } finally {
    rmdirSync(child);
  }
});

test('one that was killed does not stand in the way', async () => {
  const killed = await Obi.start(first);
  await killed.stop('SIGKILL');
  const next = await Obi.start(first);
  expect((await next.stop()).code).toBe(0);
});

test('when it is asked for, both run', async () => {
  const obi = await Obi.start(first);
  const other = await Obi.start(first, { env: { OTEL_EBPF_BPF_ALLOW_OVERLAP: 'true' } });
  expect(other.proc.lines.map(({ text }) => text).join('\n')).toContain(`another obi runs (pid ${obi.proc.pid})`);
  expect((await other.stop()).code).toBe(0);
  expect((await obi.stop()).code).toBe(0);
});
