// SPDX-License-Identifier: Apache-2.0
/** /proc/<pid>/maps: which files a process has mapped where. */
import { readFileSync } from 'node:fs';

export interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly executable: boolean;
  /** Offset in the file. */
  readonly offset: number;
  readonly inode: number;
  /** As the process sees it, with ` (deleted)` where that holds. */
  readonly path: string;
}

/** Mappings of files only. @throws what open(2) says, for a process that is gone */
export function readMappings(pid: number): Mapping[] {
  const mappings: Mapping[] = [];
  for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) \S+ (\d+) +(\/.*)$/.exec(line);
    if (!match) continue;
    const [, start = '', end = '', flags = '', offset = '', inode = '', path = ''] = match;
    mappings.push({
      start: Number.parseInt(start, 16),
      end: Number.parseInt(end, 16),
      executable: flags.includes('x'),
      offset: Number.parseInt(offset, 16),
      inode: Number(inode),
      path,
    });
  }
  return mappings;
}
