// SPDX-License-Identifier: Apache-2.0
/** Serves Go processes: hangs the programs on functions of the runtime and of net/http, and says where threads keep their goroutine. */
import {
  deleteEntries,
  inject,
  injectable,
  type MapHandle,
  ProbeSection,
  type RuntimeDriver,
  type RuntimeKernel,
  type RuntimeOutcome,
  type TracedProcess,
} from '@obi/core/probe';
import { httpExchangeEvent } from '@obi/probe-http';
import { GRPC_ENCODES } from './binary/grpc-sites.js';
import type { GoConfig } from './config.js';
import { loadBias } from './load-bias.js';
import { REPLACED } from './plan/auto-sdk.js';
import { inspect, type Plan } from './plan/inspect.js';
import { type Landmarks, settingsBytes } from './plan/layouts.js';

const key = (pid: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(pid);
  return bytes;
};

/** Where the values of tables name their process: struct go_role, go_item, go_client, go_write, go_queued, go_frame, go_span, go_auto_call in bpf, that of an exchange, and struct obi_span. */
const TGID: Readonly<Record<string, number>> = {
  go_roles: 12,
  go_items: 8,
  go_clients: 16,
  go_writes: 32,
  go_streams: httpExchangeEvent.offset.tgid,
  go_calls: httpExchangeEvent.offset.tgid,
  go_served: 16,
  go_queued: 8,
  go_sending: 120,
  go_frames: 60,
  go_heads: 40,
  go_spans: 56,
  go_auto_calls: 8,
  obi_spans: 56,
  obi_named: 56,
};

/** Whose keys are processes. */
const BY_PROCESS = ['go_settings', 'go_auto_open'] as const;

/** One of the programs that write into the process: they are all there, or none. */
const WRITER = 'go_head_written';

/** @throws when the process has ended, or is not ours to look at */
function locate(pid: number, { entry, landmarks }: Plan, writes: boolean): Landmarks {
  const bias = Object.values(landmarks).every((of) => of === undefined) ? 0n : loadBias(pid, entry);
  const address = (of: number | undefined) => (of === undefined ? 0n : BigInt(of) + bias);
  const writer = (of: number | undefined) => (writes ? address(of) : 0n);
  return { tcpClose: address(landmarks.tcpClose), bufferWrite: writer(landmarks.bufferWrite), batchWrite: writer(landmarks.batchWrite) };
}

@injectable()
export class GoRuntime implements RuntimeDriver {
  readonly #config: GoConfig;

  constructor(@inject(ProbeSection) section: GoConfig) {
    this.#config = section;
  }

  appliesTo({ resource }: TracedProcess): boolean {
    return resource.attributes['process.runtime.name'] === 'go';
  }

  async attach({ pid }: TracedProcess, kernel: RuntimeKernel, signal: AbortSignal): Promise<RuntimeOutcome> {
    // Through the process itself: its file may have been replaced since, or lie in another mount namespace.
    const path = `/proc/${pid}/exe`;
    const writes = kernel.has(WRITER);
    let plan: Plan | string;
    let landmarks: Landmarks;
    try {
      plan = inspect(path);
      if (typeof plan === 'string') return { state: 'refused', reason: plan };
      landmarks = locate(pid, plan, writes);
    } catch (error) {
      return { state: 'refused', reason: `the process has ended, or its program cannot be read or is damaged: ${(error as Error).message}` };
    }
    signal.throwIfAborted();
    const map = kernel.map('go_settings');
    const settings = { pools: this.#config.pools, landmarks, tls: false, ...plan.places };
    map.update(key(pid), settingsBytes(plan.layout, settings));
    // Programs first: until they run, a goroutine's address may already belong to another one.
    // What only prepares a writing is of no use without it; what also writes stands in the place of what does not.
    const isWanted = (program: string) =>
      kernel.has(program) && (writes || program !== GRPC_ENCODES) && !(program in REPLACED && kernel.has(REPLACED[program] as string));
    for (const { program, offset } of plan.hooks) if (isWanted(program)) kernel.uprobe(program, { path, offset });
    // All of crypto/tls at once: half an exchange that is told would shift all that follow on its connection.
    if (plan.tls) map.update(key(pid), settingsBytes(plan.layout, { ...settings, tls: true }));
    kernel.setChain({ base: BigInt(plan.slot), offsets: [0], fromThreadPointer: true, exhaustive: true });
    return { state: 'scoped', note: plan.limit ? `${plan.version}; ${plan.limit}` : plan.version };
  }

  sweep(ended: ReadonlySet<number>, map: (name: string) => MapHandle): void {
    for (const name of BY_PROCESS) deleteEntries(map(name), (process) => ended.has(process.readUInt32LE(0)));
    for (const [name, offset] of Object.entries(TGID)) deleteEntries(map(name), (_, value) => ended.has(value.readUInt32LE(offset)));
  }
}
