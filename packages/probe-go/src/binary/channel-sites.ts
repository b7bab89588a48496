// SPDX-License-Identifier: Apache-2.0
/** Calls inside functions of Go's runtime, by which goroutines begin and items go through channels. */
import type { ElfImage } from '@obi/core/probe';
import { callsOf } from './direct-calls.js';
import type { GoFunction, GoFunctions } from './function-table.js';

/** Taking an item copies and then clears its slot: so near to each other are no two other calls. */
const NEAR = 48;

/** Which program hangs on which calls. */
export type CallSites = ReadonlyMap<string, readonly number[]>;

/** How often each program finds its call in a function, in every release. */
const SHAPES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  // What it copies and clears is no slot.
  'runtime.newproc1': { go_started: 1, go_sent: 0, go_received: 0 },
  'runtime.chansend': { go_started: 0, go_sent: 1, go_received: 0, go_put: 1, go_taken: 0 },
  'runtime.chanrecv': { go_started: 0, go_sent: 0, go_received: 1, go_put: 0, go_taken: 1 },
  'runtime.selectgo': { go_started: 0, go_sent: 1, go_received: 1, go_put: 1, go_taken: 1 },
};
const CALLEES: Readonly<Record<string, string>> = { go_started: 'runtime.gostartcallfn', go_sent: 'runtime.send', go_received: 'runtime.recv' };
const MOVE = 'runtime.typedmemmove';
const CLEAR = 'runtime.typedmemclr';
/** What compiled code calls, and what that has to call: a profile (PGO) can make the compiler copy the inner function into the outer one. */
const WRAPPERS: Readonly<Record<string, string>> = {
  'runtime.chansend1': 'runtime.chansend',
  'runtime.selectnbsend': 'runtime.chansend',
  'runtime.chanrecv1': 'runtime.chanrecv',
  'runtime.chanrecv2': 'runtime.chanrecv',
  'runtime.selectnbrecv': 'runtime.chanrecv',
};

export const CHANNEL_FUNCTIONS = [...Object.keys(SHAPES), ...Object.values(CALLEES), MOVE, CLEAR, ...Object.keys(WRAPPERS)];

/** @returns the name of the function that looks different from Go's releases, where one does. Functions that the linker left out have no calls. */
export function findChannelSites(image: ElfImage, functions: GoFunctions): CallSites | string {
  const sites = new Map<string, number[]>();
  for (const [name, shape] of Object.entries(SHAPES)) {
    const within = functions.get(name);
    if (!within) continue;
    const found = sitesIn(image, within, functions);
    for (const [program, count] of Object.entries(shape)) {
      const calls = found[program] ?? [];
      if (calls.length !== count) return name;
      sites.set(program, [...(sites.get(program) ?? []), ...calls]);
    }
  }
  for (const [outer, inner] of Object.entries(WRAPPERS)) {
    const within = functions.get(outer);
    if (within && callsOf(image, within, functions.get(inner)).length === 0) return outer;
  }
  return sites;
}

function sitesIn(image: ElfImage, within: GoFunction, functions: GoFunctions): Record<string, number[]> {
  const moves = callsOf(image, within, functions.get(MOVE));
  const isTaken = (copy: number, clear: number) => copy < clear && clear - copy <= NEAR;
  // What clears without a copy right in front of it gives the zero value of a closed channel.
  const takes = callsOf(image, within, functions.get(CLEAR)).filter((clear) => moves.some((copy) => isTaken(copy, clear)));
  const puts = moves.filter((copy) => !takes.some((clear) => isTaken(copy, clear)));
  const direct = Object.entries(CALLEES).map(([program, callee]) => [program, callsOf(image, within, functions.get(callee))] as const);
  return { ...Object.fromEntries(direct), go_put: puts, go_taken: takes };
}
