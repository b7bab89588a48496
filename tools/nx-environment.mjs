// SPDX-License-Identifier: Apache-2.0
// What the result of a test on this machine depends on besides the repository's files: Nx hashes these lines (nx.json, namedInputs).
// usage: node tools/nx-environment.mjs [vm]   vm: and what the virtual machines are made of
import { execFileSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** Programs that tests run, compile with or trace; which of them are there decides what is skipped. */
const TOOLS = [
  ['bpftool', 'version'],
  ['clang', '--version'],
  ['curl', '--version'],
  ['go', 'version'],
  ['haproxy', '-v'],
  ['java', '-version'],
  ['nginx', '-v'],
  ['python3', '--version'],
  ['ruby', '--version'],
];

console.log(`kernel ${os.release()} ${os.version()} ${os.machine()}`);
console.log(`user ${process.getuid?.()}`);
for (const [tool = '', ...args] of TOOLS) console.log(`${tool}: ${firstLine(tool, args)}`);
if (process.argv[2] === 'vm') {
  console.log(`qemu: ${firstLine('qemu-system-x86_64', ['--version'])}`);
  const kernels = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'obi/kernels');
  for (const series of ['6.1', '6.12']) console.log(`${series}: ${target(path.join(kernels, series))}`);
}

/** @param {string} tool @param {string[]} args */
function firstLine(tool, args) {
  try {
    // Some write it to standard error.
    return execFileSync('sh', ['-c', '"$0" "$@" 2>&1', tool, ...args], { encoding: 'utf8' }).split('\n', 1)[0];
  } catch {
    return 'none';
  }
}

/** @param {string} link */
function target(link) {
  try {
    return readlinkSync(link);
  } catch {
    return 'not fetched';
  }
}
