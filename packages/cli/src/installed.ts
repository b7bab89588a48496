// SPDX-License-Identifier: Apache-2.0
/** The probes that a run with this configuration would start from. Runs no code of theirs. */
import { type Config, describeProbes, type KernelFeatures, type ProbeDescription } from '@obi/core';
import { hostDirectory } from './host.js';

type Architecture = Parameters<typeof describeProbes>[0]['architecture'];

/** @throws ObiError OBI_ERR_PLUGIN_*. */
export function installedProbes({ plugins }: Config, features: KernelFeatures, architecture: Architecture): ProbeDescription[] {
  return describeProbes({ hostDirectory: [hostDirectory, process.cwd()], plugins, features, architecture });
}
