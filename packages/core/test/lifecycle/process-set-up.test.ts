// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { loadConfig } from '../../src/config/load';
import type { Config } from '../../src/config/schema';
import { makeProcessTable } from '../../src/lifecycle/process-set-up';

/** How a process of our own is judged. */
async function modelOf(command: readonly string[], discovery: Partial<Config['discovery']> = {}): Promise<string | undefined> {
  const child = spawn(command[0] as string, command.slice(1), { stdio: 'ignore' });
  try {
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    const pid = child.pid as number;
    const { config } = loadConfig({ env: {} });
    const listener = { selected: () => {}, deselected: () => {} };
    const selected = { ...config, discovery: { ...config.discovery, ...discovery, instrument: [{ target_pids: [pid] }] } };
    const table = await makeProcessTable(selected, undefined, { version: '1', traceOwnChildren: true }, listener);
    table.scan();
    return table.get(pid)?.executionModel;
  } finally {
    child.kill('SIGKILL');
  }
}

const NODE = [process.execPath, '-e', 'setInterval(() => {}, 1000)'];
const SLEEP = ['sleep', '60'];

test('discovery.threaded_executables and multiplexed_executables reach the judgement of processes', async () => {
  expect(await modelOf(NODE)).toBe('multiplexed');
  expect(await modelOf(NODE, { threaded_executables: ['node*'] })).toBe('threads');
  expect(await modelOf(SLEEP)).toBe('threads');
  // coreutils may be one binary under many names
  expect(await modelOf(SLEEP, { multiplexed_executables: ['{sleep,coreutils,busybox}'] })).toBe('multiplexed');
});
