// SPDX-License-Identifier: Apache-2.0
// core's Kernel over the addon: adds disposal and keeps alive what must not be garbage-collected.
import type { Kernel, KernelFeatures, MapHandle, OnBatch, RingOptions, RingReader } from '@obi/core';
import type { NativeRingReader } from '../index.js';
import { addon } from './addon.js';
import { nativeMap } from './map-handle.js';
import { AddonOpenedObject } from './objects.js';

/** Holds nothing but what it found out about the kernel: two of them are as good as one. */
export class AddonKernel implements Kernel {
  #features: KernelFeatures | undefined;

  open(name: string, image: Uint8Array): AddonOpenedObject {
    return new AddonOpenedObject(addon().NativeOpenedObject.open(name, image));
  }

  ringReader(ring: MapHandle, options: RingOptions, onBatch: OnBatch): RingReader {
    return new AddonRingReader(addon().NativeRingReader.open(nativeMap(ring), options.batchBytes, options.coalesceMs, onBatch));
  }

  /** Measured on the first call (programs are loaded for it) and kept: neither the kernel nor the rights of this process change in a run. */
  features(): KernelFeatures {
    this.#features ??= this.#measure();
    return this.#features;
  }

  #measure(): KernelFeatures {
    const { fionreadFault, ...rest } = addon().features();
    return {
      ...rest,
      lockdown: rest.lockdown as KernelFeatures['lockdown'],
      programTypes: rest.programTypes as KernelFeatures['programTypes'][number][],
      fionreadFault: fionreadFault ?? 'unknown',
    };
  }

  adoptSockets(pid: number, sockhash: MapHandle, serverPorts: readonly number[]): number {
    return addon().adoptSockets(pid, nativeMap(sockhash), [...serverPorts]);
  }
}

/** A started reader keeps the process alive, as a listening server does; a stopped one does not. */
class AddonRingReader implements RingReader {
  constructor(private readonly native: NativeRingReader) {}

  start(): void {
    this.native.start();
  }

  drain(): number {
    return this.native.drain();
  }

  stop(): void {
    this.native.stop();
  }

  [Symbol.dispose](): void {
    this.native.dispose();
  }
}
