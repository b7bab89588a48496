// SPDX-License-Identifier: Apache-2.0
/** `obi probes`: what is installed and whether it can run here. Runs no code of any probe. */
import { describeProbes, errors, hostArchitecture } from '@obi/core';
import { createKernel } from '@obi/native';
import { hostDirectory, NONE_INSTALLED } from '../host.js';
import { type GlobalOptions, load } from '../load.js';
import { formatProbe } from '../probe-text.js';

export function listProbes(options: GlobalOptions): void {
  const { config } = load(options);
  const architecture = hostArchitecture();
  if (!architecture) throw errors.noProbes([`obi has no BPF objects for ${process.arch}`]);
  const probes = describeProbes({ hostDirectory: [hostDirectory, process.cwd()], plugins: config.plugins, features: createKernel().features(), architecture });
  console.log(probes.length === 0 ? NONE_INSTALLED : probes.map(formatProbe).join('\n\n'));
}
