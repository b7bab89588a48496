// SPDX-License-Identifier: Apache-2.0
// Keys of the maps of a running obi. Unlike dumpMap() of bpf.ts it takes tables of any size, and leaves the values alone.
import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { patience } from '../../harness/proc.mjs';
import { heldBy, listed } from './bpf.js';

/** @returns for each name the keys in its map, in hexadecimal @throws when process `pid` holds no map of such a name */
export function keysOf<T extends string>(pid: number, names: readonly T[]): Record<T, string[]> {
  const held = heldBy(pid).map;
  const maps = listed('map').filter(({ id }) => held.has(id));
  const keys = names.map((name) => {
    const map = maps.find((one) => one.name === name);
    if (!map) throw new Error(`process ${pid} has no map ${name}`);
    const printed = execFileSync('bpftool', ['-j', 'map', 'dump', 'id', String(map.id)], { encoding: 'utf8', maxBuffer: 1 << 28 });
    const entries: { key: string[] }[] = JSON.parse(printed);
    return [name, entries.map(({ key }) => Buffer.from(key.map(Number)).toString('hex'))] as const;
  });
  return Object.fromEntries(keys) as Record<T, string[]>;
}

/** Those of these tables that are not empty: name → entries. */
function heldIn(pid: number, names: readonly string[]): Record<string, number> {
  return Object.fromEntries(Object.entries(keysOf(pid, names)).flatMap(([name, { length }]) => (length > 0 ? [[name, length]] : [])));
}

/** Looks until that is what they hold, 15 s at most: goroutines and processes end a little later than what they did. @returns what they hold then */
export async function settledTables(pid: number, names: readonly string[], wanted: Readonly<Record<string, number>>): Promise<Record<string, number>> {
  const end = Date.now() + 15_000 * patience;
  for (;;) {
    const held = heldIn(pid, names);
    if (isDeepStrictEqual(held, wanted) || Date.now() > end) return held;
    await delay(100);
  }
}

/** Of probe-go's streams, and of open requests. */
const STREAMS = ['go_streams', 'go_calls', 'go_served', 'go_sending', 'go_queued', 'go_frames', 'obi_requests'];
export const heldStreams = (pid: number) => heldIn(pid, STREAMS);
export const settledStreams = (pid: number, wanted: Readonly<Record<string, number>>) => settledTables(pid, STREAMS, wanted);
