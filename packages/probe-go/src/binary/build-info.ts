// SPDX-License-Identifier: Apache-2.0
/** What the Go linker notes about the toolchain (debug/buildinfo in Go's library reads the same). Stays when a binary is stripped. */
import type { ElfImage } from '@obi/core/probe';

const MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
const FLAGS = 15;
/** Since Go 1.18: the strings follow, each with its length in front, in place of pointers. */
const INLINE_STRINGS = 2;
const STRINGS = 32;
const MAX_VERSION_BYTES = 256;

export interface GoVersion {
  /** As the toolchain calls itself, e.g. `go1.26.8`, `go1.24.0 X:nocoverageredesign`, `devel go1.27-…`. */
  readonly text: string;
  /** Of Go 1. */
  readonly minor: number;
}

/** @returns undefined for what Go 1.18 or newer has not built. */
export function readGoVersion(image: ElfImage): GoVersion | undefined {
  const section = image.sections.find(({ name }) => name === '.go.buildinfo');
  if (!section) return undefined;
  const bytes = image.read(section.address, STRINGS + 2 + MAX_VERSION_BYTES);
  if (bytes.length <= STRINGS || !bytes.subarray(0, MAGIC.length).equals(MAGIC) || !((bytes[FLAGS] ?? 0) & INLINE_STRINGS)) return undefined;
  const text = lengthPrefixed(bytes, STRINGS);
  const minor = text && /\bgo1\.(\d+)/.exec(text)?.[1];
  return text && minor ? { text, minor: Number(minor) } : undefined;
}

/** A length in base 128 (Go's binary.Uvarint), then so many bytes. */
function lengthPrefixed(bytes: Buffer, at: number): string | undefined {
  let length = 0;
  for (let shift = 0; shift < 14; shift += 7) {
    const byte = bytes[at++] ?? 0;
    length |= (byte & 0x7f) << shift;
    if (byte < 0x80) return length <= bytes.length - at ? bytes.toString('latin1', at, at + length) : undefined;
  }
  return undefined;
}
