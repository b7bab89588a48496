// SPDX-License-Identifier: Apache-2.0
/** Files by path as {@link RandomAccessFile}. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { RandomAccessFile } from '../process/proc-fs.js';

/** @throws what open(2) says */
export function openFile(path: string): RandomAccessFile {
  const fd = openSync(path, 'r');
  const { dev, ino, size, ctimeMs } = fstatSync(fd);
  return {
    identity: `${dev}:${ino}:${ctimeMs}`,
    size,
    read(offset, length) {
      const buffer = Buffer.alloc(Math.max(0, Math.min(length, size - offset)));
      try {
        return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, offset));
      } catch {
        return buffer.subarray(0, 0);
      }
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}
