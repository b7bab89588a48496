// SPDX-License-Identifier: Apache-2.0
// The kernel for core: `createKernel()` and nothing else.
import type { Kernel } from '@obi/core';
import { AddonKernel } from './kernel.js';

/** Loads the addon on the first use of the kernel, not here: what is wrong is thrown where somebody can say it. */
export function createKernel(): Kernel {
  return new AddonKernel();
}
