// SPDX-License-Identifier: Apache-2.0
/** The processor architecture under the name that BPF objects carry. */
import type { Architecture } from '../probe/manifest.js';

/** @returns undefined on an architecture that obi has no objects for. */
export function hostArchitecture(arch: string = process.arch): Architecture | undefined {
  return arch === 'x64' ? 'x86_64' : arch === 'arm64' ? 'arm64' : undefined;
}
