// SPDX-License-Identifier: Apache-2.0
/** A kernel that is none: objects of given maps, and a list of what was done, in order. */
import type { Kernel, KernelError, KernelStage, Link, LoadedObject, MapHandle, MapInfo, OpenedObject, RingReader } from '../../src/kernel/kernel.js';
import { ALL_FEATURES } from '../discovery/fixture.js';

export const HASH = 1;
export const PROGRAM_ARRAY = 3;
const RING = 27;
const info = (name: string, type: number, maxEntries = 16): MapInfo => ({ name, type, keySize: 4, valueSize: 8, maxEntries });
/** What the objects of core declare, as far as core asks for it by name. */
export const CORE_MAPS = [
  info('obi_counters', 6),
  info('obi_processes', HASH, 16_384),
  info('obi_events', RING),
  ...['obi_proto_rtp', 'obi_proto_send', 'obi_proto_recv', 'obi_proto_end', 'obi_proto_plain', 'obi_carriers'].map((name) => info(name, PROGRAM_ARRAY)),
];

export function kernelError(message: string, code: string, stage: KernelStage = 'map'): KernelError {
  return Object.assign(new Error(message), { stage, errno: 1, code });
}

export class FakeKernel implements Kernel {
  /** e.g. `attach http:http_rtp`, `-attach http:http_rtp`, `slot obi_proto_rtp 1`, `load http`, `-load http`. */
  readonly done: string[] = [];
  readonly maps: Record<string, readonly MapInfo[]> = { tasks: CORE_MAPS, sockets: [info('obi_sockhash', 18)] };
  /** Things that fail, as in {@link done}. */
  readonly failing = new Set<string>();
  /** Program arrays: map → slot → program. */
  readonly slots = new Map<string, Map<number, string>>();
  /** Programs that were not to be loaded, e.g. `http:http_msg`. */
  readonly leftOut = new Set<string>();
  /** Object → what its programs have missed. */
  readonly missed: Record<string, Readonly<Record<string, number>>> = {};
  /** Map name → entries asked for. */
  readonly resized: Record<string, number> = {};

  #do(what: string): void {
    if (this.failing.has(what)) throw kernelError(`${what} failed`, 'EPERM', 'attach');
    this.done.push(what);
  }

  #map(map: MapInfo): MapHandle {
    return {
      info: map,
      id: 1,
      lookup: () => undefined,
      lookupPerCpu: () => undefined,
      update: () => this.#do(`update ${map.name}`),
      delete: (key) => {
        this.#do(`delete ${map.name} ${Buffer.from(key).readUInt32LE()}`);
        return this.slots.get(map.name)?.delete(Buffer.from(key).readUInt32LE()) ?? false;
      },
      keys: () => [],
      entries: () => [],
    };
  }

  open(name: string): OpenedObject {
    const maps = this.maps[name] ?? [];
    return {
      programs: [],
      maps,
      setAutoload: (program, autoload) => {
        if (!autoload) this.leftOut.add(`${name}:${program}`);
      },
      setGlobal: () => {},
      hasGlobal: (variable) => variable === 'obi_slot',
      getGlobal: () => new Uint8Array(4),
      setMaxEntries: (map, entries) => {
        this.resized[map] = entries;
      },
      reuseMap: () => {},
      load: () => {
        this.#do(`load ${name}`);
        return this.#loaded(name, maps);
      },
    };
  }

  #loaded(name: string, maps: readonly MapInfo[]): LoadedObject {
    const attach = (program: string): Link => {
      this.#do(`attach ${name}:${program}`);
      return { [Symbol.dispose]: () => this.#do(`-attach ${name}:${program}`) };
    };
    return {
      programs: [],
      missedRuns: () => this.missed[name] ?? {},
      map: (wanted) => this.#map(maps.find((map) => map.name === wanted) as MapInfo),
      attachRawTracepoint: attach,
      attachTracepoint: attach,
      attachKprobe: attach,
      attachUprobe: attach,
      attachTrace: attach,
      attachCgroup: attach,
      attachSkMsg: attach,
      fillSlot: (program, array, index) => {
        this.#do(`slot ${array.info.name} ${index}`);
        const slots = this.slots.get(array.info.name) ?? new Map<number, string>();
        this.slots.set(array.info.name, slots.set(index, program));
      },
      testRun: () => ({ returnValue: 0, data: new Uint8Array(0) }),
      [Symbol.dispose]: () => this.#do(`-load ${name}`),
    };
  }

  #onBatch: ((batch: Buffer, used: number) => void) | undefined;

  /** As if the ring had held these records. */
  deliver(batch: Buffer): void {
    this.#onBatch?.(batch, batch.length);
  }

  ringReader(_events: MapHandle, _options: object, onBatch: (batch: Buffer, used: number) => void): RingReader {
    this.#onBatch = onBatch;
    return {
      start: () => this.#do('read'),
      drain: () => {
        this.#do('drain');
        return 0;
      },
      stop: () => {},
      [Symbol.dispose]: () => this.#do('-read'),
    };
  }

  features = () => ALL_FEATURES;
  adoptSockets = () => 0;
}
