#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// What obi costs per system call, for a process that it does not trace and for one that it does. Needs root, obi built, and a C compiler.
// usage: node bench/syscall-cost.mjs [--rounds 7] [--count 200000]
// All modes take turns in every round, so that a slow moment of the machine falls on all of them; the figures are medians over the rounds, in CPU time.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Obi } from '../tests/harness/obi.mjs';
import { Sandbox } from '../tests/harness/sandbox.mjs';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '7' }, count: { type: 'string', default: '200000' } } });
const [rounds, count] = [Number(values.rounds), Number(values.count)];

const OPERATIONS = { getppid: 'getppid', read: 'read 1 byte of /dev/zero', pair: 'write + read, unix socket pair', tcp: 'write + read, TCP loopback' };
const MODES = ['without obi', 'obi, propagation off', 'obi, propagation on'];

/** @returns {string} the compiled program, cached by its source */
function compile() {
  const source = fileURLToPath(new URL('syscall-cost.c', import.meta.url));
  const folder = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'obi');
  const program = path.join(folder, `bench-syscalls-${createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 12)}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  execFileSync('cc', ['-O2', '-Wall', '-o', `${program}.${process.pid}`, source], { stdio: 'inherit' });
  renameSync(`${program}.${process.pid}`, program);
  return program;
}

/** @param {Sandbox} sandbox @param {string} name @param {string} program */
async function startWorker(sandbox, name, program) {
  const proc = await sandbox.start(name, [program], { stdin: 'pipe' });
  const [, port] = await proc.line(/^listening (\d+)$/);
  /** @param {string} operation @returns {Promise<number>} ns per operation */
  const measure = async (operation) => {
    const answer = new Promise((resolve) => {
      const stop = proc.onLine(({ text }) => {
        stop();
        resolve(Number(text.split(' ')[1]));
      });
    });
    proc.child.stdin?.write(`${operation} ${count}\n`);
    return Promise.race([answer, proc.exited.then(() => Promise.reject(new Error(`${name} ended\n${proc.tail()}`)))]);
  };
  return { port: Number(port), measure };
}

/** Hooks of others would count as ours. */
function foreignHooks() {
  const links = JSON.parse(execFileSync('bpftool', ['-j', 'link', 'show'], { encoding: 'utf8' }));
  return links.filter((/** @type {{ tp_name?: string }} */ { tp_name }) => /^sys_(enter|exit)$/.test(tp_name ?? '')).length;
}

const median = (/** @type {number[]} */ list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;

const program = compile();
const sandbox = await Sandbox.create({ netns: true, name: 'obi-bench' });
const WHO = /** @type {const} */ (['unselected', 'selected']);
/** One for each process, operation and mode: ns of each round. @type {{ who: string, operation: keyof typeof OPERATIONS, mode: number, rounds: number[] }[]} */
const results = WHO.flatMap((who) =>
  Object.keys(OPERATIONS).flatMap((operation) =>
    MODES.map((_, mode) => ({ who, operation: /** @type {keyof typeof OPERATIONS} */ (operation), mode, rounds: [] })),
  ),
);
let disturbed = 0;
try {
  const workers = { unselected: await startWorker(sandbox, 'unselected', program), selected: await startWorker(sandbox, 'selected', program) };
  for (let round = 0; round < rounds; round++) {
    for (const [mode, name] of MODES.entries()) {
      disturbed += foreignHooks();
      const propagation = mode === 1 ? 'disabled' : 'all';
      const obi =
        mode === 0 ? undefined : await Obi.start(sandbox, { ports: [workers.selected.port], env: { OTEL_EBPF_BPF_CONTEXT_PROPAGATION: propagation } });
      for (const result of results) {
        if (result.mode === mode) result.rounds.push(await workers[/** @type {keyof typeof workers} */ (result.who)].measure(result.operation));
      }
      await obi?.stop();
      process.stderr.write(`\rround ${round + 1} of ${rounds}: ${name.padEnd(24)}`);
    }
  }
} finally {
  await sandbox.dispose();
}

process.stderr.write('\n');
console.log(
  `${os.release()}, ${os.cpus()[0]?.model}; ns of CPU per operation, median of ${rounds} rounds of ${count}; in brackets: less or more than without obi, and the ratio`,
);
for (const who of WHO) {
  console.log(`\n${who} process`);
  console.log(`${''.padEnd(34)}${MODES.map((mode) => mode.padStart(30)).join('')}`);
  for (const [operation, name] of Object.entries(OPERATIONS)) {
    const medians = results.filter((result) => result.who === who && result.operation === operation).map((result) => median(result.rounds));
    const [bare = Number.NaN, ...others] = medians;
    const cells = others.map((ns) => `${ns.toFixed(0)} (${ns >= bare ? '+' : ''}${(ns - bare).toFixed(0)}, ×${(ns / bare).toFixed(2)})`.padStart(30));
    console.log(`${name.padEnd(34)}${bare.toFixed(0).padStart(30)}${cells.join('')}`);
  }
}
if (disturbed > 0) console.log(`\nOther programs hung on system calls meanwhile (${disturbed} times seen): the figures without obi are not clean.`);
