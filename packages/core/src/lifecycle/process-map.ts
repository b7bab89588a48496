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
export const PROCESS_BYTES = 8;
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

/** What an entry says as far as user space wrote it. */
interface Written {
  readonly flags: number;
  readonly runtime: number;
}

export class ProcessMap implements ProcessListener {
  readonly #map: MapHandle;
  readonly #log: Logger;
  readonly #listener: ProcessMapListener;
  readonly #known = new Map<number, Written>();

  constructor(map: MapHandle, log: Logger, listener: ProcessMapListener) {
    this.#map = map;
    this.#log = log;
    this.#listener = listener;
  }

  selected(process: TracedProcess): void {
    const value = Buffer.alloc(PROCESS_BYTES);
    const known = this.#known.get(process.pid);
    const flags = MODEL_FLAGS[process.executionModel] | (process.fionreadSafe ? FIONREAD_SAFE : 0);
    let runtime: number;
    try {
      const seen = Buffer.from(this.#map.lookup(key(process.pid)) ?? value);
      runtime = seen.readUInt32LE(RUNTIME);
      value.writeUInt32LE(flags | (seen.readUInt32LE() & ASKED_FIONREAD));
      value.writeUInt32LE(runtime, RUNTIME);
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
    // Of a new one the runtime is what its parent had; of a known one, what setRuntime said last: see isReset.
    this.#known.set(process.pid, { flags, runtime: known?.runtime ?? runtime });
    if (known) {
      this.#listener.changed(process);
      return;
    }
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
      return; // It ended in the meantime.
    }
    const known = this.#known.get(pid);
    if (known) this.#known.set(pid, { ...known, runtime: slot });
  }

  /** All that the kernel traces now, whoever put them there. */
  pids(): number[] {
    return this.#map.keys().map((pid) => Buffer.from(pid).readUInt32LE());
  }

  /** True when the kernel side has taken back what was written: the process has executed a program since. */
  isReset(pid: number): boolean {
    const known = this.#known.get(pid);
    const value = known && this.#map.lookup(key(pid));
    if (!value) return false;
    const seen = Buffer.from(value);
    return (seen.readUInt32LE() & ~ASKED_FIONREAD) !== known.flags || seen.readUInt32LE(RUNTIME) !== known.runtime;
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
