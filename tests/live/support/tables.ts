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

export type Sizes<T extends string> = Record<T, number>;

/** Entries of each of these tables. */
export const sizesOf = <T extends string>(pid: number, names: readonly T[]): Sizes<T> =>
  Object.fromEntries(Object.entries<string[]>(keysOf(pid, names)).map(([name, { length }]) => [name, length])) as Sizes<T>;

/** Looks until that is enough, 15 s at most: goroutines, processes and connections end a little later than what they did. @returns what they hold then */
export async function sizesUntil<T extends string>(pid: number, names: readonly T[], isEnough: (sizes: Sizes<T>) => boolean): Promise<Sizes<T>> {
  for (const end = Date.now() + 15_000 * patience; ; await delay(100)) {
    const sizes = sizesOf(pid, names);
    if (isEnough(sizes) || Date.now() > end) return sizes;
  }
}

/** Those that are not empty: name → entries. */
const filled = (sizes: Sizes<string>): Sizes<string> => Object.fromEntries(Object.entries(sizes).filter(([, size]) => size > 0));

/** @param wanted of the tables that shall not be empty @returns what those hold that are not, once that is as wanted or after 15 s */
export const settledTables = async (pid: number, names: readonly string[], wanted: Readonly<Sizes<string>>): Promise<Sizes<string>> =>
  filled(await sizesUntil(pid, names, (sizes) => isDeepStrictEqual(filled(sizes), wanted)));

/** Of probe-go's streams, and of open requests. */
const STREAMS = ['go_streams', 'go_calls', 'go_served', 'go_sending', 'go_queued', 'go_frames', 'obi_requests'];
export const heldStreams = (pid: number) => filled(sizesOf(pid, STREAMS));
export const settledStreams = (pid: number, wanted: Readonly<Sizes<string>>) => settledTables(pid, STREAMS, wanted);
