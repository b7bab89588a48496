// SPDX-License-Identifier: Apache-2.0
// BPF objects in their phases: opened, loaded, attached.
import type { Link, LoadedObject, MapHandle, MapInfo, OpenedObject } from '@obi/core';
import type { NativeLink, NativeLoadedObject, NativeOpenedObject } from '../index.js';
import { AddonMapHandle, nativeMap } from './map-handle.js';

export class AddonOpenedObject implements OpenedObject {
  readonly programs: OpenedObject['programs'];

  constructor(private readonly native: NativeOpenedObject) {
    this.programs = native.programs() as unknown as OpenedObject['programs'];
  }

  /** Read anew each time: setMaxEntries and reuseMap change it. */
  get maps(): readonly MapInfo[] {
    return this.native.maps();
  }

  setAutoload(program: string, autoload: boolean): void {
    this.native.setAutoload(program, autoload);
  }

  setGlobal(variable: string, value: Uint8Array): void {
    this.native.setGlobal(variable, value);
  }

  hasGlobal(variable: string): boolean {
    return this.native.hasGlobal(variable);
  }

  getGlobal(variable: string): Uint8Array {
    return this.native.getGlobal(variable);
  }

  setMaxEntries(map: string, entries: number): void {
    this.native.setMaxEntries(map, entries);
  }

  reuseMap(map: string, existing: MapHandle): void {
    this.native.reuseMap(map, nativeMap(existing));
  }

  load(): AddonLoadedObject {
    return new AddonLoadedObject(this.native.load());
  }
}

export class AddonLoadedObject implements LoadedObject {
  readonly programs: LoadedObject['programs'];

  constructor(private readonly native: NativeLoadedObject) {
    this.programs = native.programs() as unknown as LoadedObject['programs'];
  }

  missedRuns(): Record<string, number> {
    return this.native.missedRuns();
  }

  map(name: string): AddonMapHandle {
    return new AddonMapHandle(this.native.map(name));
  }

  attachRawTracepoint(program: string, tracepoint: string): Link {
    return new AddonLink(this.native.attachRawTracepoint(program, tracepoint));
  }

  attachTracepoint(program: string, category: string, name: string): Link {
    return new AddonLink(this.native.attachTracepoint(program, category, name));
  }

  attachKprobe(program: string, kernelFunction: string, options: { readonly return?: boolean } = {}): Link {
    return new AddonLink(this.native.attachKprobe(program, kernelFunction, options.return ?? false));
  }

  attachUprobe(program: string, options: { readonly path: string; readonly offset: number; readonly return?: boolean; readonly pid?: number }): Link {
    return new AddonLink(this.native.attachUprobe(program, options.path, options.offset, options.return ?? false, options.pid ?? -1));
  }

  attachTrace(program: string): Link {
    return new AddonLink(this.native.attachTrace(program));
  }

  attachCgroup(program: string, cgroupPath: string): Link {
    return new AddonLink(this.native.attachCgroup(program, cgroupPath));
  }

  /** Disposing takes every socket out of `sockhash`: each keeps the program that the map had when it was put in. */
  attachSkMsg(program: string, sockhash: MapHandle): Link {
    return new AddonLink(this.native.attachSkMsg(program, nativeMap(sockhash)));
  }

  fillSlot(program: string, array: MapHandle, index: number): void {
    this.native.fillSlot(program, nativeMap(array), index);
  }

  testRun(program: string, input: { readonly data?: Uint8Array; readonly context?: Uint8Array }): { readonly returnValue: number; readonly data: Uint8Array } {
    return this.native.testRun(program, input.data, input.context);
  }

  [Symbol.dispose](): void {
    this.native.dispose();
  }
}

/** Attached until disposed of: the garbage collector must not detach by taking a handle that nobody kept. */
class AddonLink implements Link {
  private static readonly attached = new Set<AddonLink>();

  constructor(private readonly native: NativeLink) {
    AddonLink.attached.add(this);
  }

  [Symbol.dispose](): void {
    AddonLink.attached.delete(this);
    this.native.dispose();
  }
}
