// SPDX-License-Identifier: Apache-2.0
/** Writes which processes are traced into the kernel's table, where every hook looks first. */
import type { KernelError, MapHandle } from '../kernel/kernel.js';
import type { Logger } from '../logging/logger.js';
import type { DeselectReason, ProcessListener, TracedProcess } from '../process/index.js';

/** enum obi_process_flag (bpf/include/obi/process.bpf.h). */
const MULTIPLEXED = 1;
const FIONREAD_SAFE = 2;
/** Set by the kernel side only. */
const ASKED_FIONREAD = 4;

export class ProcessMap implements ProcessListener {
  readonly #map: MapHandle;
  readonly #log: Logger;
  readonly #onSelected: (process: TracedProcess) => void;
  #known = new Set<number>();

  /** @param onSelected called once per process that is new. */
  constructor(map: MapHandle, log: Logger, onSelected: (process: TracedProcess) => void) {
    this.#map = map;
    this.#log = log;
    this.#onSelected = onSelected;
  }

  selected(process: TracedProcess): void {
    const value = Buffer.alloc(8);
    try {
      const seen = this.#map.lookup(key(process.pid))?.[0] ?? 0;
      value.writeUInt32LE((process.executionModel === 'multiplexed' ? MULTIPLEXED : 0) | (process.fionreadSafe ? FIONREAD_SAFE : 0) | (seen & ASKED_FIONREAD));
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
    if (this.#known.has(process.pid)) return;
    this.#known.add(process.pid);
    this.#log.info(`tracing ${process.resource.attributes['service.name']}`, { pid: process.pid, exe: process.exe, model: process.executionModel });
    this.#onSelected(process);
  }

  deselected(pid: number, reason: DeselectReason): void {
    this.#known.delete(pid);
    this.#delete(pid);
    this.#log.debug('no longer tracing', { pid, reason });
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
