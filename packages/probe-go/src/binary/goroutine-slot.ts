// SPDX-License-Identifier: Apache-2.0
/** Where a thread of a Go program keeps the address of the goroutine that it runs. */
import type { ElfImage } from '@obi/core/probe';

const SHF_TLS = 0x400;
const WORD = 8;

/**
 * @returns offset from the thread pointer (x86-64, where a program's own thread-local variables end at the thread pointer, aligned as the strictest of them); undefined
 * where there are more of them than Go's (of C code, with cgo) and no symbol names it. A program without any gets its slot from Go's own linker, the word below.
 */
export function goroutineSlot(image: ElfImage): number | undefined {
  const parts = image.sections.filter(({ flags }) => flags & SHF_TLS);
  if (parts.length === 0) return -WORD;
  const start = Math.min(...parts.map(({ address }) => address));
  const size = Math.max(...parts.map((part) => part.address + part.size)) - start;
  const align = Math.max(WORD, ...parts.map(({ align }) => align));
  const symbol = size <= WORD ? { address: 0 } : image.symbols(new Set(['runtime.tlsg'])).get('runtime.tlsg');
  return symbol && symbol.address + WORD <= Math.max(size, WORD) ? symbol.address - Math.ceil(size / align) * align : undefined;
}
