// SPDX-License-Identifier: Apache-2.0
/** Writes which processes are traced into the kernel's table, where every hook looks first. */
import type { KernelError, MapHandle } from '../kernel/kernel.js';
import type { Logger } from '../logging/logger.js';
import type { DeselectReason, ExecutionModel, ProcessListener, TracedProcess } from '../process/index.js';

/** enum obi_process_flag (bpf/include/obi/process.bpf.h). */
const MULTIPLEXED = 1;
const FIONREAD_SAFE = 2;
const BPF_EXIST = 2;
/** Set by the kernel side only. */
const ASKED_FIONREAD = 4;
const PROXY = 8;
/** struct obi_process: u32 flags, u32 runtime. */
const RUNTIME = 4;

const MODEL_FLAGS: Readonly<Record<ExecutionModel, number>> = { threads: 0, multiplexed: MULTIPLEXED, proxy: MULTIPLEXED | PROXY };

/** Told after the kernel's table was written. */
export interface ProcessMapListener {
  /** Once per process that is new. */
  added(process: TracedProcess): void;
  /** Something about it is different, its program perhaps. */
  changed(process: TracedProcess): void;
  removed(pid: number, reason: DeselectReason): void;
}

export class ProcessMap implements ProcessListener {
  readonly #map: MapHandle;
  readonly #log: Logger;
  readonly #listener: ProcessMapListener;
  #known = new Set<number>();

  constructor(map: MapHandle, log: Logger, listener: ProcessMapListener) {
    this.#map = map;
    this.#log = log;
    this.#listener = listener;
  }

  selected(process: TracedProcess): void {
    const value = Buffer.alloc(8);
    try {
      const seen = Buffer.from(this.#map.lookup(key(process.pid)) ?? value);
      value.writeUInt32LE(MODEL_FLAGS[process.executionModel] | (process.fionreadSafe ? FIONREAD_SAFE : 0) | (seen.readUInt32LE() & ASKED_FIONREAD));
      value.writeUInt32LE(seen.readUInt32LE(RUNTIME), RUNTIME);
      this.#map.update(key(process.pid), value);
    } catch (err) {
      this.#log.error(
        isFull(err) ? 'processes: the kernel table is full; raise ebpf.maps_config.global_scale_factor' : 'processes: the kernel table cannot be written',
        {
          pid: process.pid,
          err,
        },
      );
      return;
    }
    if (this.#known.has(process.pid)) {
      this.#listener.changed(process);
      return;
    }
    this.#known.add(process.pid);
    this.#log.info(`tracing ${process.resource.attributes['service.name']}`, { pid: process.pid, exe: process.exe, model: process.executionModel });
    this.#listener.added(process);
  }

  deselected(pid: number, reason: DeselectReason): void {
    this.#known.delete(pid);
    this.#delete(pid);
    this.#log.debug('no longer tracing', { pid, reason });
    this.#listener.removed(pid, reason);
  }

  /** @param slot of the runtime probe whose word counts for this process from now on; 0: none's. */
  setRuntime(pid: number, slot: number): void {
    const value = this.#map.lookup(key(pid));
    if (!value) return;
    const bytes = Buffer.from(value);
    bytes.writeUInt32LE(slot, RUNTIME);
    try {
      this.#map.update(key(pid), bytes, BPF_EXIST);
    } catch {
      // It ended in the meantime.
    }
  }

  /** A process that the kernel took by itself (a traced one's child, a member of the cgroup), but the rules do not want. */
  reject(pid: number): void {
    if (!this.#known.has(pid)) this.#delete(pid);
  }

  #delete(pid: number): void {
    try {
      this.#map.delete(key(pid));
    } catch (err) {
      this.#log.error('processes: the kernel table cannot be written; the process stays in it', { pid, err });
    }
  }
}

/** A hash table answers E2BIG when it has no entry left, ENOSPC or ENOMEM when it cannot get one. */
function isFull(error: unknown): boolean {
  return ['E2BIG', 'ENOSPC', 'ENOMEM'].includes((error as Partial<KernelError>).code ?? '');
}

function key(pid: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(pid);
  return bytes;
}
