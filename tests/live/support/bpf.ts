// SPDX-License-Identifier: Apache-2.0
// What a process has in the kernel, told by its file descriptors: other tests may have BPF programs of their own at the same time.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { patience } from '../../harness/proc.mjs';

const KINDS = ['prog', 'map', 'link'] as const;
type Kind = (typeof KINDS)[number];
interface Listed {
  readonly id: number;
  readonly name?: string;
  readonly map_ids?: readonly number[];
}
/** Ids, as `bpftool prog|map|link show` prints them. */
export type BpfIds = Record<Kind, Set<number>>;

/** `bpftool <kind> show` for the whole machine. */
export function listed(kind: Kind): Listed[] {
  return JSON.parse(execFileSync('bpftool', ['-j', kind, 'show'], { encoding: 'utf8' }));
}

/** Everything that process `pid` holds, with the maps that its programs use. */
export function heldBy(pid: number): BpfIds {
  const held: BpfIds = { prog: new Set(), map: new Set(), link: new Set() };
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    for (const [, kind, id] of fdinfo(pid, fd).matchAll(/^(prog|map|link)_id:\s+(\d+)$/gm)) held[kind as Kind].add(Number(id));
  }
  for (const { id, map_ids } of listed('prog')) if (held.prog.has(id)) for (const map of map_ids ?? []) held.map.add(map);
  return held;
}

function fdinfo(pid: number, fd: string): string {
  try {
    return readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8');
  } catch {
    return ''; // closed since the folder was read
  }
}

/** Names of what is held, sorted. */
export function namesOf(kind: 'prog' | 'map', held: BpfIds): string[] {
  return listed(kind)
    .filter(({ id }) => held[kind].has(id))
    .map(({ name }) => name ?? '')
    .sort();
}

export const NOTHING: Record<Kind, number[]> = { prog: [], map: [], link: [] };

/**
 * What of `held` the kernel still has, after the process that held it has ended; waits some seconds for it to become nothing.
 *
 * Maps are looked at last and seldom. bpftool opens each map that it lists, and a program array that is opened between the end of its last holder
 * and the moment when the kernel has emptied it stays for ever: closing it queues the emptying again, which is queued already, and one reference is lost
 * (kernel/bpf/arraymap.c, prog_array_map_clear). That is the observer's doing, not obi's.
 */
export async function remainingAfter(held: BpfIds, seconds = 5): Promise<Record<Kind, number[]>> {
  const rest = (kind: Kind) =>
    listed(kind)
      .map(({ id }) => id)
      .filter((id) => held[kind].has(id));
  const prog = await until(() => rest('prog'), 100, seconds);
  const link = await until(() => rest('link'), 100, seconds);
  await delay(500 * patience);
  const map = await until(() => rest('map'), 500 * patience, seconds);
  return { prog, map, link };
}

/** The kernel has no signal for any of this. */
async function until(rest: () => number[], pause: number, seconds: number): Promise<number[]> {
  const end = Date.now() + seconds * patience * 1000;
  for (;;) {
    const left = rest();
    if (left.length === 0 || Date.now() > end) return left;
    await delay(pause);
  }
}

/** One entry of a map, raw. */
export interface DumpedEntry {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Entries of the map called `name` that process `pid` holds. */
export function dumpMap(pid: number, name: string): DumpedEntry[] {
  const held = heldBy(pid).map;
  const map = listed('map').find((one) => one.name === name && held.has(one.id));
  if (!map) throw new Error(`process ${pid} has no map ${name}`);
  const bytes = (list: unknown) => Buffer.from(Array.isArray(list) ? list.map(Number) : []);
  const entries: { key: unknown; value: unknown }[] = JSON.parse(execFileSync('bpftool', ['-j', 'map', 'dump', 'id', String(map.id)], { encoding: 'utf8' }));
  return entries.map(({ key, value }) => ({ key: bytes(key), value: bytes(value) }));
}
