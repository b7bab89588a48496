// SPDX-License-Identifier: Apache-2.0
/** What one run has in the kernel: objects, the maps that they share, what is attached. Disposal takes all of it out: first what runs, then what it ran on. */
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
  /** Objects, and with them maps. */
  readonly #objects: LoadedObject[] = [];
  /** Whose they are, as counters name it: `core`, or a probe's id. */
  readonly #owners = new WeakMap<LoadedObject, string>();
  /** What makes the kernel run programs of ours: links, and entries of program arrays. */
  readonly #attached: Disposable[] = [];

  /** @param scale factor on the capacity of all hash tables, shared or an object's own (1 = as declared). */
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
        const isShared = map.name.startsWith(SHARED_PREFIX);
        const existing = isShared ? this.#shared.get(map.name) : undefined;
        if (existing) {
          opened.reuseMap(map.name, existing);
          continue;
        }
        if (isShared) fresh.push(map.name);
        if (this.#scale !== 1 && isHashTable(map.type)) opened.setMaxEntries(map.name, scaled(map.maxEntries, this.#scale));
      }
      const loaded = opened.load();
      this.#objects.push(loaded);
      this.#owners.set(loaded, actor === 'core' ? actor : name);
      for (const map of fresh) this.#shared.set(map, loaded.map(map));
      return loaded;
    });
  }

  /** Keeps what `attach` returns until {@link detach}. */
  attach(actor: string, what: string, attach: () => Link): Link {
    const link = guard(actor, `cannot attach ${what}`, attach);
    this.#attached.push(link);
    return link;
  }

  /** Puts `program` of `loaded` at `slot` of the shared program array `array`, until {@link detach}. */
  fillSlot(actor: string, loaded: LoadedObject, program: string, array: string, slot: number): void {
    const map = this.map(array);
    guard(actor, `cannot put ${program} into slot ${slot} of ${array}`, () => loaded.fillSlot(program, map, slot));
    const key = Buffer.alloc(4);
    key.writeUInt32LE(slot);
    this.#attached.push({ [Symbol.dispose]: () => void map.delete(key) });
  }

  /**
   * All or nothing: when `action` fails, what it loaded, attached and put into slots is taken out again, and its error is thrown. Not to be run twice at a time.
   * @param onLeft told what could not be taken out then.
   */
  async attempt<T>(action: () => Promise<T>, onLeft: (error: unknown) => void): Promise<T> {
    const before = { attached: this.#attached.length, objects: this.#objects.length, shared: new Set(this.#shared.keys()) };
    try {
      return await action();
    } catch (error) {
      for (const name of [...this.#shared.keys()]) if (!before.shared.has(name)) this.#shared.delete(name);
      for (const failure of [...release(this.#attached, before.attached), ...release(this.#objects, before.objects)]) onLeft(failure);
      throw error;
    }
  }

  /** `core` or a probe's id → what {@link LoadedObject.missedRuns} says of its programs; whoever missed none is left out. */
  missedRuns(): Record<string, Record<string, number>> {
    const all: Record<string, Record<string, number>> = {};
    for (const object of this.#objects) {
      const missed = Object.entries(object.missedRuns()).filter(([, runs]) => runs > 0);
      const owner = this.#owners.get(object) ?? '';
      if (missed.length > 0) all[owner] = { ...all[owner], ...Object.fromEntries(missed) };
    }
    return all;
  }

  /** From now on no program of this session runs; maps stay readable. @throws AggregateError when some could not be detached; all were tried. */
  detach(): void {
    const failures = release(this.#attached);
    if (failures.length > 0) throw new AggregateError(failures, 'kernel: some programs could not be detached');
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
    const failures = [...release(this.#attached), ...release(this.#objects)];
    this.#shared.clear();
    if (failures.length > 0) throw new AggregateError(failures, 'kernel: some programs or maps could not be released');
  }
}

/** Disposes of `held[from…]`, last in first out, and forgets it. @returns what was thrown. */
function release(held: Disposable[], from = 0): unknown[] {
  const failures: unknown[] = [];
  for (const item of held.splice(from).reverse()) {
    try {
      item[Symbol.dispose]();
    } catch (error) {
      failures.push(error);
    }
  }
  return failures;
}

/** BPF_MAP_TYPE_ HASH, PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH, SOCKHASH. */
const HASH_TABLES = new Set([1, 5, 9, 10, 18]);
const isHashTable = (type: number) => HASH_TABLES.has(type);
const SMALLEST = 64;
/** A table that is declared smaller than the smallest scaled one is not made larger by making it smaller. */
const scaled = (entries: number, scale: number) => Math.max(Math.min(SMALLEST, entries), Math.round(entries * scale));

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
