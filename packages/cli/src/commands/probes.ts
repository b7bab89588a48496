// SPDX-License-Identifier: Apache-2.0
/** `obi probes`: what is installed and whether it can run here. Runs no code of any probe. */
import { errors, hostArchitecture } from '@obi/core';
import { createKernel } from '@obi/native';
import { NONE_INSTALLED } from '../host.js';
import { installedProbes } from '../installed.js';
import { type GlobalOptions, load } from '../load.js';
import { formatProbe } from '../probe-text.js';

/** Exit code 1 when none can run. */
export function listProbes(options: GlobalOptions): void {
  const { config } = load(options);
  const architecture = hostArchitecture();
  if (!architecture) throw errors.noProbes([`obi has no BPF objects for ${process.arch}`]);
  const probes = installedProbes(config, createKernel().features(), architecture);
  console.log(probes.length === 0 ? NONE_INSTALLED : probes.map(formatProbe).join('\n\n'));
  if (!probes.some(({ runnable }) => runnable)) process.exitCode = 1;
}
