// SPDX-License-Identifier: Apache-2.0
/** `obi probes`: what is installed and whether it can run here. Runs no code of any probe. */
import { describeProbes, errors, hostArchitecture, loadConfig, type ProbeDescription } from '@obi/core';
import { createKernel } from '@obi/native';
import { hostDirectory } from '../host.js';
import type { RunOptions } from './run.js';

export function listProbes(options: RunOptions): void {
  const { config } = loadConfig({
    ...(options.config === undefined ? {} : { file: options.config }),
    ...(options.plugins === undefined ? {} : { overrides: { plugins: options.plugins } }),
  });
  const architecture = hostArchitecture();
  if (!architecture) throw errors.noProbes([`obi has no BPF objects for ${process.arch}`]);
  const probes = describeProbes({ hostDirectory: [hostDirectory, process.cwd()], plugins: config.plugins, features: createKernel().features(), architecture });
  console.log(probes.length === 0 ? 'no probe is installed' : probes.map(describe).join('\n\n'));
}

function describe(probe: ProbeDescription): string {
  const lines = [`${probe.id}  ${probe.packageName} ${probe.packageVersion}${probe.kind ? `  (${probe.kind})` : ''}`];
  if (probe.needs) {
    lines.push(`  needs     capabilities ${list(probe.needs.capabilities)}; program types ${list(probe.needs.programTypes)}`);
    lines.push(`  built for ${list(probe.needs.architectures)}; API ${probe.needs.api}, kernel ABI ${probe.needs.abi}`);
  }
  if (probe.refusal) lines.push(`  cannot run: ${probe.refusal.reason}`, `  remedy:     ${probe.refusal.remedy}`);
  else lines.push('  can run here');
  for (const { program, reason } of probe.unavailable) lines.push(`  without ${program}: ${reason}`);
  return lines.join('\n');
}

const list = (values: readonly string[]) => values.join(', ') || 'none';
