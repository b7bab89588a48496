// SPDX-License-Identifier: Apache-2.0
/** Reads the kernel's counters (bpf/include/obi/counter.bpf.h) with the names that the objects' BTF gives them. */
import type { MapHandle } from '../kernel/kernel.js';

const PER_SLOT = 64;
/** A probe's own counters begin here; those before are the SDK's. */
const OWN = 32;

export class KernelCounters {
  readonly #map: MapHandle;
  readonly #slots: { readonly slot: number; readonly name: string; readonly names: readonly string[] }[] = [];
  readonly #shared: readonly string[];

  /** @param shared names of the SDK's counters, index = number. */
  constructor(map: MapHandle, shared: readonly string[]) {
    this.#map = map;
    this.#shared = shared;
  }

  add(slot: number, name: string, own: readonly string[]): void {
    this.#slots.push({ slot, name, names: own });
  }

  /** Probe → counter → value; counters that stand at 0 are left out. */
  read(): Record<string, Record<string, number>> {
    const result: Record<string, Record<string, number>> = {};
    for (const { slot, name, names } of this.#slots) {
      const values: Record<string, number> = {};
      this.#shared.forEach((counter, index) => this.#put(values, counter, slot, index));
      names.forEach((counter, index) => this.#put(values, counter, slot, OWN + index));
      result[name] = values;
    }
    return result;
  }

  /** Records that the probe in `slot` could not put into the ring. */
  eventsLost(slot: number): number {
    return this.#value(slot, this.#shared.indexOf('events_lost'));
  }

  #put(into: Record<string, number>, name: string, slot: number, index: number): void {
    const value = this.#value(slot, index);
    if (value > 0) into[name] = value;
  }

  #value(slot: number, index: number): number {
    const key = Buffer.alloc(4);
    key.writeUInt32LE(slot * PER_SLOT + index);
    return Number((this.#map.lookupPerCpu(key) ?? []).reduce((total, value) => total + Buffer.from(value).readBigUInt64LE(), 0n));
  }
}
