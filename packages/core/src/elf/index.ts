// SPDX-License-Identifier: Apache-2.0
/** ELF files of other processes, for runtime probes. */
export { ElfImage } from './elf-image.js';
export type { ElfSection } from './elf-sections.js';
export type { ElfSymbol, ElfSymbols } from './elf-symbols.js';
export { openFile } from './open-file.js';
