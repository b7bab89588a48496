// SPDX-License-Identifier: Apache-2.0
/**
 * Milliseconds of CPU to read a table of 60,000 entries, by keys() and a lookup each and by entries(). The ratio carries over to other machines.
 * Run as root, after the build: node bench/entries.mjs <object made from test/bpf/basic.bpf.c>
 */
import { readFileSync } from 'node:fs';
import { createKernel } from '../dist/index.js';

const ENTRIES = 60_000;
const ROUNDS = 9;

const opened = createKernel().open('basic', readFileSync(process.argv[2]));
for (const { name } of opened.programs) opened.setAutoload(name, name === 't_slot');
// An LRU table that is full to the brim evicts.
opened.setMaxEntries('t_lru', 2 * ENTRIES);
using loaded = opened.load();
const table = loaded.map('t_lru');
const [key, value] = [Buffer.alloc(8), Buffer.alloc(8)];
for (let entry = 0; entry < ENTRIES; entry++) {
  key.writeUInt32LE(entry);
  value.writeUInt32LE(entry * 2);
  table.update(key, value);
}

/** Both do what a sweep does: look into each value. */
const ways = {
  'keys() and lookup()': () => {
    let sum = 0;
    for (const key of table.keys()) {
      const value = table.lookup(key);
      sum += Buffer.from(value.buffer, value.byteOffset, value.byteLength).readUInt32LE();
    }
    return sum;
  },
  'entries()': () => {
    let sum = 0;
    for (const [, value] of table.entries()) sum += value.readUInt32LE();
    return sum;
  },
};

for (const [name, way] of Object.entries(ways)) {
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    if (way() !== ENTRIES * (ENTRIES - 1)) throw new Error(`${name}: entries are missing`);
    const { user, system } = process.cpuUsage(before);
    times.push((user + system) / 1000);
  }
  times.sort((a, b) => a - b);
  console.log(`${name}: median ${times[ROUNDS >> 1].toFixed(1)} ms, slowest ${times[ROUNDS - 1].toFixed(1)} ms`);
}
