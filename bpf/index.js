// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
// Core's BPF objects as bytes, and where the headers are.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Folder for clang's -I. */
export const includeDirectory = fileURLToPath(new URL('include', import.meta.url));

/** @param {'x86_64' | 'arm64'} architecture */
export function coreObjects(architecture) {
  const image = (name) => readFileSync(new URL(`dist/${architecture}/${name}.bpf.o`, import.meta.url));
  return { tasks: image('tasks'), syscalls: image('syscalls'), tcp: image('tcp'), sockets: image('sockets') };
}
