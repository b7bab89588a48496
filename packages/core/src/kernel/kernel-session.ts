// SPDX-License-Identifier: Apache-2.0
/** What one run has in the kernel: objects, the maps that they share, links. Disposal takes all of it out, last in first out. */
import { kernelFailure } from '../errors.js';
import type { Kernel, KernelError, Link, LoadedObject, MapHandle, OpenedObject } from './kernel.js';

/** Maps whose name begins so are shared: the first object that declares one creates it, later objects get it by name. */
const SHARED_PREFIX = 'obi_';

export type Parameters = Readonly<Record<string, number | bigint | boolean>>;

export interface LoadRequest {
  /** Who is to blame in messages, e.g. `probe http`. */
  readonly actor: string;
  readonly name: string;
  readonly image: Uint8Array;
  /** Values for `const volatile` globals; those that the object does not have are skipped unless listed in `required`. */
  readonly parameters: Parameters;
  readonly required?: readonly string[];
  /** Programs that are not loaded. */
  readonly without?: readonly string[];
}

export class KernelSession implements Disposable {
  readonly #kernel: Kernel;
  readonly #scale: number;
  readonly #shared = new Map<string, MapHandle>();
  readonly #held: Disposable[] = [];

  /** @param scale factor on the capacity of the shared hash tables (1 = as declared). */
  constructor(kernel: Kernel, scale = 1) {
    this.#kernel = kernel;
    this.#scale = scale;
  }

  /** A shared map. @throws when no object has declared it: a mistake in core. */
  map(name: string): MapHandle {
    const map = this.#shared.get(name);
    if (!map) throw new Error(`kernel: no loaded object declares map ${name}`);
    return map;
  }

  has(name: string): boolean {
    return this.#shared.has(name);
  }

  load(request: LoadRequest): LoadedObject {
    const { actor, name, image, without = [] } = request;
    return guard(actor, `cannot load ${name}`, () => {
      const opened = this.#kernel.open(name, image);
      for (const program of without) opened.setAutoload(program, false);
      this.#setParameters(opened, request);
      const fresh: string[] = [];
      for (const map of opened.maps) {
        if (!map.name.startsWith(SHARED_PREFIX)) continue;
        const existing = this.#shared.get(map.name);
        if (existing) opened.reuseMap(map.name, existing);
        else {
          fresh.push(map.name);
          if (this.#scale !== 1 && isHashTable(map.type)) opened.setMaxEntries(map.name, Math.max(64, Math.round(map.maxEntries * this.#scale)));
        }
      }
      const loaded = opened.load();
      this.#held.push(loaded);
      for (const map of fresh) this.#shared.set(map, loaded.map(map));
      return loaded;
    });
  }

  /** Keeps what `attach` returns until the end of the run. */
  attach(actor: string, what: string, attach: () => Link): Link {
    const link = guard(actor, `cannot attach ${what}`, attach);
    this.#held.push(link);
    return link;
  }

  #setParameters(opened: OpenedObject, { actor, name, parameters, required = [] }: LoadRequest): void {
    for (const [parameter, value] of Object.entries(parameters)) {
      if (!opened.hasGlobal(parameter)) {
        if (required.includes(parameter)) throw new Error(`${actor}: ${name} has no parameter ${parameter}; it was built from other sources than its code`);
        continue;
      }
      opened.setGlobal(parameter, littleEndian(value, opened.getGlobal(parameter).length));
    }
  }

  [Symbol.dispose](): void {
    const failures: unknown[] = [];
    for (const held of this.#held.splice(0).reverse()) {
      try {
        held[Symbol.dispose]();
      } catch (error) {
        failures.push(error);
      }
    }
    this.#shared.clear();
    if (failures.length > 0) throw new AggregateError(failures, 'kernel: some programs or maps could not be released');
  }
}

const BPF_MAP_TYPE_HASH = 1;
const BPF_MAP_TYPE_LRU_HASH = 9;
const BPF_MAP_TYPE_SOCKHASH = 18;
const isHashTable = (type: number) => type === BPF_MAP_TYPE_HASH || type === BPF_MAP_TYPE_LRU_HASH || type === BPF_MAP_TYPE_SOCKHASH;

function littleEndian(value: number | bigint | boolean, size: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true);
  return bytes.subarray(0, size);
}

/** Errors of the addon become ours, with the actor first. */
function guard<T>(actor: string, doing: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof Error && 'stage' in error) throw kernelFailure(actor, doing, error as KernelError);
    throw error;
  }
}
