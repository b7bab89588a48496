// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { testProbe, testRuntime } from '@obi/probe-kit';
import probe, { PythonRuntime } from '../src/index.js';
import { LAYOUTS } from '../src/offsets/layouts.js';

testProbe(probe, { packageDirectory: join(__dirname, '..') });
testRuntime({ makeDriver: () => new PythonRuntime(), runtimes: ['cpython'], program: 'python3.11', real: python() });

/** What `python3` is here: its own program, not a version manager's script that leads there. */
function python() {
  if (process.arch !== 'x64') return { unavailable: `Python is not served on ${process.arch}` };
  const ask = 'import sys; print(sys.implementation.name, sys.version_info.minor, sys.executable)';
  let answer: string;
  try {
    answer = execFileSync('python3', ['-c', ask], { encoding: 'utf8' });
  } catch (error) {
    return { unavailable: `python3 cannot be run: ${(error as Error).message.split('\n')[0]}` };
  }
  const [name, minor, ...executable] = answer.trim().split(' ');
  if (name !== 'cpython' || !(Number(minor) in LAYOUTS)) return { unavailable: `python3 is ${name} 3.${minor}, which is not served` };
  return { command: [executable.join(' '), '-c', 'import sys; print("runs", flush=True); sys.stdin.read()'] };
}
