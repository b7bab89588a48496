// SPDX-License-Identifier: Apache-2.0
import { ProcDirectory } from '../../src/process/proc-directory';
import { stillRuns } from '../../src/process/still-runs';
import type { TracedProcess } from '../../src/process/traced-process';
import { FakeProc, type FakeProcess } from './fake-proc';

let proc: FakeProc;
beforeEach(() => {
  proc = new FakeProc();
});
afterEach(() => proc.dispose());

const NODE: FakeProcess = { exe: '/usr/bin/node', startTime: 7 };
const runs = (now: FakeProcess | undefined) => {
  if (now) proc.set(10, now);
  return stillRuns({ pid: 10, startTime: 7, exe: '/usr/bin/node' } as TracedProcess, new ProcDirectory(proc.root));
};

test.each<[string, FakeProcess | undefined, boolean]>([
  ['lives', NODE, true],
  ['its file was replaced on disk', { ...NODE, exe: '/usr/bin/node (deleted)' }, true],
  ['runs another program', { ...NODE, exe: '/usr/bin/vi' }, false],
  ['is another process', { ...NODE, startTime: 8 }, false],
  ['is a zombie', { ...NODE, state: 'Z' }, false],
  ['is gone', undefined, false],
])('%s', (_what, now, expected) => {
  expect(runs(now)).toBe(expected);
});
