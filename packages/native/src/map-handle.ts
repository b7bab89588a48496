// SPDX-License-Identifier: Apache-2.0
// A map by its own descriptor: outlives the object that it came from.
import type { MapHandle, MapInfo } from '@obi/core';
import type { NativeMap } from '../index.js';

export class AddonMapHandle implements MapHandle {
  readonly info: MapInfo;
  readonly id: number;

  constructor(readonly native: NativeMap) {
    this.info = native.info();
    this.id = native.id();
  }

  lookup(key: Uint8Array): Uint8Array | undefined {
    return this.native.lookup(key) ?? undefined;
  }

  lookupPerCpu(key: Uint8Array): Uint8Array[] | undefined {
    return this.native.lookupPerCpu(key) ?? undefined;
  }

  update(key: Uint8Array, value: Uint8Array, flags = 0): void {
    this.native.update(key, value, flags);
  }

  delete(key: Uint8Array): boolean {
    return this.native.delete(key);
  }

  keys(): Uint8Array[] {
    return this.native.keys();
  }

  entries(): Iterable<readonly [key: Buffer, value: Buffer]> {
    const packed = this.native.entries();
    return split(Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength), this.info);
  }
}

/** One at a time: a hundred thousand Buffers at once are garbage that costs more than the reading. */
function* split(packed: Buffer, { keySize, valueSize }: MapInfo): Iterable<readonly [Buffer, Buffer]> {
  const end = packed.length;
  for (let at = 0; at < end; at += keySize + valueSize) yield [packed.subarray(at, at + keySize), packed.subarray(at + keySize, at + keySize + valueSize)];
}

/** @throws when `map` comes from another implementation of Kernel. */
export function nativeMap(map: MapHandle): NativeMap {
  if (map instanceof AddonMapHandle) return map.native;
  throw new TypeError(`@obi/native: map ${map.info.name} is not one of this addon's maps`);
}
