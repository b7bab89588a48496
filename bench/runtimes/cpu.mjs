// SPDX-License-Identifier: Apache-2.0
// CPU time of processes, as /proc tells it.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/**
 * User and system time of processes so far, in µs, which the kernel shows twice. ticks: in steps of 10 ms, threads that ended included; threads: in nanoseconds,
 * of those that live.
 * @typedef {{ ticks: number, threads: number, error: number }} Cpu error: what the steps can make of a difference
 */

/** @param {number[]} pids @returns {Cpu} */
export function cpuOf(pids) {
  const cpu = { ticks: 0, threads: 0, error: (2e6 / TICKS_PER_SECOND) * pids.length };
  for (const pid of pids) {
    // The second field is the name, in parentheses, and may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    cpu.ticks += ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
    for (const tid of readdirSync(`/proc/${pid}/task`)) {
      const file = `/proc/${pid}/task/${tid}/schedstat`;
      if (existsSync(file)) cpu.threads += Number(readFileSync(file, 'latin1').split(' ')[0]) / 1000;
    }
  }
  return cpu;
}

/** The finer of the two figures, unless threads ended meanwhile. @param {Cpu} before @param {Cpu} after @returns {number} µs */
export function cpuBetween(before, after) {
  const [ticks, threads] = [after.ticks - before.ticks, after.threads - before.threads];
  return Math.abs(ticks - threads) <= after.error ? threads : ticks;
}
