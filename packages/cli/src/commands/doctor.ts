// SPDX-License-Identifier: Apache-2.0
/** `obi doctor`: what this machine allows, and what follows for taps and carriers. */
import { type Config, cgroup2Mount, hostArchitecture, isObiError, unifiedCgroupPath } from '@obi/core';
import { createKernel } from '@obi/native';
import { type CgroupFinding, doctorLines, formatLine } from '../doctor-lines.js';
import { installedProbes } from '../installed.js';
import { type GlobalOptions, load } from '../load.js';

/** Exit code 1 when something cannot run. */
export function doctor(options: GlobalOptions): void {
  const { config } = load(options);
  const features = createKernel().features();
  const architecture = hostArchitecture();
  const lines = doctorLines({
    features,
    propagation: config.ebpf.context_propagation,
    tap: config.ebpf.tap,
    cgroup: findCgroup(config),
    probes: architecture && installedProbes(config, features, architecture),
    processArchitecture: process.arch,
  });
  for (const line of lines) console.log(formatLine(line));
  if (lines.some(([verdict]) => verdict === 'bad')) process.exitCode = 1;
}

/** The cgroup that a run would watch. */
function findCgroup({ ebpf }: Config): CgroupFinding {
  const named = ebpf.cgroup_path;
  if (named === '') return { path: cgroup2Mount() };
  try {
    unifiedCgroupPath(named);
    return { path: named };
  } catch (error) {
    if (!isObiError(error)) throw error;
    return { path: undefined, problem: `${error.reason}; ${error.remedy}` };
  }
}
