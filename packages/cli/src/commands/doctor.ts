// SPDX-License-Identifier: Apache-2.0
/** `obi doctor`: what this machine allows, and what follows for taps and carriers. */
import { cgroup2Mount, describeProbes, hostArchitecture, loadConfig, propagationMethods } from '@obi/core';
import { createKernel } from '@obi/native';
import { doctorLines, formatLine } from '../doctor-lines.js';
import { hostDirectory } from '../host.js';
import type { RunOptions } from './run.js';

/** Exit code 1 when something cannot run. */
export function doctor(options: RunOptions): void {
  const { config } = loadConfig({
    ...(options.config === undefined ? {} : { file: options.config }),
    ...(options.plugins === undefined ? {} : { overrides: { plugins: options.plugins } }),
  });
  const features = createKernel().features();
  const architecture = hostArchitecture();
  const lines = doctorLines({
    features,
    headers: propagationMethods(config.ebpf.context_propagation).headers,
    cgroup: cgroup2Mount(),
    probes: architecture && describeProbes({ hostDirectory: [hostDirectory, process.cwd()], plugins: config.plugins, features, architecture }),
    processArchitecture: process.arch,
  });
  for (const line of lines) console.log(formatLine(line));
  if (lines.some(([verdict]) => verdict === 'bad')) process.exitCode = 1;
}
