// SPDX-License-Identifier: Apache-2.0
/** `obi probes`: what is installed and whether it can run here. Runs no code of any probe. */
import { describeProbes, errors, hostArchitecture, loadConfig } from '@obi/core';
import { createKernel } from '@obi/native';
import { hostDirectory, NONE_INSTALLED } from '../host.js';
import { formatProbe } from '../probe-text.js';
import type { RunOptions } from './run.js';

export function listProbes(options: RunOptions): void {
  const { config } = loadConfig({
    ...(options.config === undefined ? {} : { file: options.config }),
    ...(options.plugins === undefined ? {} : { overrides: { plugins: options.plugins } }),
  });
  const architecture = hostArchitecture();
  if (!architecture) throw errors.noProbes([`obi has no BPF objects for ${process.arch}`]);
  const probes = describeProbes({ hostDirectory: [hostDirectory, process.cwd()], plugins: config.plugins, features: createKernel().features(), architecture });
  console.log(probes.length === 0 ? NONE_INSTALLED : probes.map(formatProbe).join('\n\n'));
}
