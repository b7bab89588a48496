// SPDX-License-Identifier: Apache-2.0
/** Serves CPython processes: finds out on the live process where its threads keep their state, and hangs the programs on its functions. */
import { setTimeout as delay } from 'node:timers/promises';
import { deleteEntries, type MapHandle, type RuntimeDriver, type RuntimeKernel, type RuntimeOutcome, type TracedProcess } from '@obi/core/probe';
import { readMappings } from './interpreter/memory-map.js';
import type { Hook } from './plan/hooks.js';
import { type Inspection, inspect, type Plan } from './plan/inspect.js';
import { uvloopHooks } from './plan/uvloop-hooks.js';

/** A process that was just executed has no interpreter yet: looked at again until it has. */
const START_INTERVAL_MS = 20;
const START_LIMIT_MS = 10_000;
/** In a key of `py_threads` (pid_tgid) and a value of `py_items`, bpf/python.h. */
const KEY_TGID = 4;
const ITEM_TGID = 16;
/** uvloop may be imported long after the start: looked for after these waits. */
const UVLOOP_WAITS_MS = [250, 500, 1000, 2000, 4000, 8000, 15_000, 30_000];

export class PythonRuntime implements RuntimeDriver {
  appliesTo({ resource, exe }: TracedProcess): boolean {
    return resource.attributes['process.runtime.name'] === 'cpython' || /\/uwsgi[^/]*$/.test(exe);
  }

  async attach({ pid, exe }: TracedProcess, kernel: RuntimeKernel, signal: AbortSignal): Promise<RuntimeOutcome> {
    const inspection = await settled(pid, exe, signal);
    if (!('plan' in inspection))
      return { state: 'refused', reason: 'refused' in inspection ? inspection.refused : `its interpreter did not start in ${START_LIMIT_MS / 1000} s` };
    const { plan } = inspection;
    // Programs first: a chain without them would lead to contexts that nobody declared.
    attachAll(kernel, plan.hooks);
    const uvloop = uvloopHooks(pid, readMappings(pid), plan.queued);
    if (Array.isArray(uvloop)) attachAll(kernel, uvloop);
    else if (uvloop === undefined) void awaitUvloop(pid, plan.queued, kernel, signal);
    kernel.setChain({ base: BigInt(plan.slot), offsets: [0, plan.context], fromThreadPointer: true });
    return { state: 'scoped', note: noteOf(plan, uvloop) };
  }

  sweep(ended: ReadonlySet<number>, map: (name: string) => MapHandle): void {
    deleteEntries(map('py_threads'), (key) => ended.has(key.readUInt32LE(KEY_TGID)));
    deleteEntries(map('py_items'), (_, value) => ended.has(value.readUInt32LE(ITEM_TGID)));
  }
}

function attachAll(kernel: RuntimeKernel, hooks: readonly Hook[]): void {
  for (const { program, ...place } of hooks) kernel.uprobe(program, place);
}

async function settled(pid: number, exe: string, signal: AbortSignal): Promise<Inspection> {
  const end = Date.now() + START_LIMIT_MS;
  for (;;) {
    let inspection: Inspection;
    try {
      inspection = inspect(pid, exe);
    } catch (error) {
      return { refused: `the process has ended, or cannot be read: ${(error as Error).message}` };
    }
    if (!('starting' in inspection) || Date.now() > end) return inspection;
    await delay(START_INTERVAL_MS, undefined, { signal });
  }
}

/** Ends when uvloop is there, when it did not come, and with the process. */
async function awaitUvloop(pid: number, queued: readonly Hook[], kernel: RuntimeKernel, signal: AbortSignal): Promise<void> {
  for (const wait of UVLOOP_WAITS_MS) {
    try {
      await delay(wait, undefined, { signal, ref: false });
      const found = uvloopHooks(pid, readMappings(pid), queued);
      if (Array.isArray(found)) attachAll(kernel, found);
      if (found !== undefined) return;
    } catch {
      return; // ended, or not served any longer
    }
  }
}

function noteOf({ version, missing }: Plan, uvloop: readonly Hook[] | string | undefined): string {
  return [
    version,
    ...(Array.isArray(uvloop) ? ['uvloop'] : []),
    ...(typeof uvloop === 'string' ? [uvloop] : []),
    ...missing.map((what) => `${what} was not found: hand-overs through it stay unknown`),
  ].join('; ');
}
