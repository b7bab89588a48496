// SPDX-License-Identifier: Apache-2.0
import { lookAgain } from '../../src/lifecycle/lost-news.js';
import type { TracedProcess } from '../../src/process/index.js';

/** @param traced in the kernel's table. @param wanted known to discovery after the scan. @param reset entries that the kernel has taken back. */
function look(traced: number[], wanted: number[], reset: number[] = []) {
  const done: string[] = [];
  let isScanned = false;
  lookAgain(
    {
      scan: () => {
        isScanned = true;
        traced.push(99); // forked meanwhile: its news are on the way
        done.push('scan');
      },
      get: (pid) => (isScanned && wanted.includes(pid) ? ({ pid } as TracedProcess) : undefined),
      onExec: (pid) => void done.push(`exec ${pid}`),
    },
    { pids: () => [...traced], reject: (pid) => void done.push(`reject ${pid}`), isReset: (pid) => reset.includes(pid) },
  );
  return done;
}

test('a process that the kernel took and the rules do not want is rejected; one that the scan found stays, and so does one that came meanwhile', () => {
  expect(look([10, 11, 12], [10, 12])).toEqual(['scan', 'reject 11']);
});

test('a program that was executed unseen is an exec after all', () => {
  expect(look([10, 11], [10, 11], [11])).toEqual(['scan', 'exec 11']);
});
