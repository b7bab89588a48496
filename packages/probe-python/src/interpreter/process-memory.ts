// SPDX-License-Identifier: Apache-2.0
/** Reads the memory of another process, without stopping it. */
import { closeSync, openSync, readSync } from 'node:fs';

/** User addresses have 47 bits: they fit a number. */
export class ProcessMemory implements Disposable {
  readonly #fd: number;

  /** @throws what open(2) says: gone, or no right (CAP_SYS_PTRACE) */
  constructor(pid: number) {
    this.#fd = openSync(`/proc/${pid}/mem`, 'r');
  }

  /** @returns undefined where nothing is mapped. */
  read(address: number, length: number): Buffer | undefined {
    const buffer = Buffer.alloc(length);
    try {
      return readSync(this.#fd, buffer, 0, length, address) === length ? buffer : undefined;
    } catch {
      return undefined;
    }
  }

  /** 0 where nothing is mapped, or what stands there is no address. */
  pointer(address: number): number {
    const value = address > 0 ? this.read(address, 8)?.readBigUInt64LE() : undefined;
    return value !== undefined && value < 1n << 47n ? Number(value) : 0;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}
