// SPDX-License-Identifier: Apache-2.0
/** Core writes and reads some of the kernel's tables by layouts that are written down twice, in C and here: compared once at the start. */
import { ObiError } from '../errors.js';
import type { KernelSession } from '../kernel/kernel-session.js';
import { REQUEST, SCOPE } from './ended-processes.js';
import { PROCESS_BYTES } from './process-map.js';
import { CHAIN_BYTES } from './scope-chain.js';

interface Layout {
  readonly keySize: number;
  readonly valueSize: number;
}

const LAYOUTS: Readonly<Record<string, Layout>> = {
  obi_processes: { keySize: 4, valueSize: PROCESS_BYTES },
  obi_chains: { keySize: 4, valueSize: CHAIN_BYTES },
  obi_declared: { keySize: 8, valueSize: SCOPE.bytes },
  obi_requests: { keySize: 8, valueSize: REQUEST.bytes },
  obi_counters: { keySize: 4, valueSize: 8 },
};

/** @throws ObiError OBI_ERR_KERNEL_MAP naming each table of core's objects that is missing or has other sizes than this code was written for. */
export function checkLayouts(session: Pick<KernelSession, 'has' | 'map'>): void {
  const differences = Object.entries(LAYOUTS).flatMap(([name, { keySize, valueSize }]) => {
    if (!session.has(name)) return [`${name} is missing`];
    const { info } = session.map(name);
    if (info.keySize === keySize && info.valueSize === valueSize) return [];
    return [`${name} has keys of ${info.keySize} and values of ${info.valueSize} bytes, not ${keySize} and ${valueSize}`];
  });
  if (differences.length === 0) return;
  throw new ObiError('OBI_ERR_KERNEL_MAP', {
    actor: 'obi',
    reason: `its BPF objects belong to another version of its code: ${differences.join('; ')}`,
    remedy: 'rebuild @obi/bpf and @obi/core from the same sources, or install the same version of both',
    details: { differences },
  });
}
