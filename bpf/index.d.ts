// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/** Folder for clang's -I. */
export declare const includeDirectory: string;
/** Core's own BPF objects, as ELF images. @throws when they were not built. */
export declare function coreObjects(architecture: 'x86_64' | 'arm64'): {
  readonly tasks: Uint8Array;
  readonly syscalls: Uint8Array;
  readonly tcp: Uint8Array;
  readonly sockets: Uint8Array;
};
