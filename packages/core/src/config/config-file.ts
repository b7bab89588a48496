// SPDX-License-Identifier: Apache-2.0
/** Reads the text of a configuration file: a regular file of bounded size, whatever the name leads to. */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { configRead } from '../errors.js';

/** Far more than any configuration needs; a log or a disk image that was named by mistake is not read to its end. */
const MAX_BYTES = 256 * 1024;

/** @throws ObiError OBI_ERR_CONFIG_READ */
export function readConfigFile(name: string): string {
  try {
    // Looked at before it is opened: opening a FIFO waits for its writer, opening a device may do something.
    requireRegular(statSync(name));
    const file = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      requireRegular(fstatSync(file));
      return readBounded(file);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw configRead(name, cause);
  }
}

function requireRegular(stats: Stats): void {
  if (stats.isFile()) return;
  throw new Error(`it is a ${kindOf(stats)}, not a regular file`);
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'directory';
  if (stats.isFIFO()) return 'FIFO';
  if (stats.isSocket()) return 'socket';
  return 'device';
}

/** By reading, not by the size that the file system tells: that of some is 0 for files with content. */
function readBounded(file: number): string {
  const buffer = Buffer.allocUnsafe(MAX_BYTES + 1);
  let length = 0;
  for (let count = -1; count !== 0 && length < buffer.length; length += count) count = readSync(file, buffer, length, buffer.length - length, null);
  if (length > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 1024} KiB`);
  return buffer.toString('utf8', 0, length);
}
