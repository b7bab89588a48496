// SPDX-License-Identifier: Apache-2.0
/** A file of another process, in whatever mount namespace: a path that opens it here, and its contents. */
import { statSync } from 'node:fs';
import { ElfImage, openFile } from '@obi/core/probe';
import type { Mapping } from './memory-map.js';

export interface ProcessFile extends Disposable {
  /** As the process sees it. */
  readonly name: string;
  /** Opens the same file here. */
  readonly path: string;
  /** The same for every process that runs the same file. */
  readonly identity: string;
  readonly image: ElfImage;
}

/** @returns undefined when it cannot be opened or is no ELF file. */
export function openProcessFile(pid: number, name: string, mapping?: Mapping): ProcessFile | undefined {
  const path = mapping ? pathOf(pid, mapping) : `/proc/${pid}/root${name}`;
  try {
    const file = openFile(path);
    const image = ElfImage.open(file);
    return image && { name, path, identity: file.identity, image, [Symbol.dispose]: () => image[Symbol.dispose]() };
  } catch {
    return undefined;
  }
}

/** The file may have been replaced since (an update of the package): then the mapping itself still leads to the old one. */
function pathOf(pid: number, { path, inode, start, end }: Mapping): string {
  const byName = `/proc/${pid}/root${path}`;
  if (statSync(byName, { throwIfNoEntry: false })?.ino === inode) return byName;
  return `/proc/${pid}/map_files/${start.toString(16)}-${end.toString(16)}`;
}

/** What has to be added to the file's addresses for those in the process; undefined when no code of it is mapped. */
export function loadBias(image: ElfImage, mappings: readonly Mapping[]): number | undefined {
  for (const mapping of mappings) {
    if (!mapping.executable) continue;
    for (const section of image.sections)
      if (section.flags & SHF_EXECINSTR && section.offset >= mapping.offset && section.offset < mapping.offset + (mapping.end - mapping.start))
        return mapping.start + (section.offset - mapping.offset) - section.address;
  }
  return undefined;
}

const SHF_EXECINSTR = 4;
