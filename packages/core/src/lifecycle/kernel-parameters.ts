// SPDX-License-Identifier: Apache-2.0
/** From the configuration to the `obi_cfg_*` parameters that the C SDK reads (bpf/include/obi). */
import { statSync } from 'node:fs';
import type { Config, SamplerName } from '../config/schema.js';
import type { Parameters } from '../kernel/kernel-session.js';
import { unifiedCgroupPath } from '../process/index.js';

const ALWAYS = 0xffff_ffff_ffff_ffffn;

/** The cgroup that is watched, if one is named. */
export interface WatchedCgroup {
  readonly directory: string;
  /** As in /proc/<pid>/cgroup. */
  readonly path: string;
}

export function watchedCgroup(config: Config): WatchedCgroup | undefined {
  const directory = config.ebpf.cgroup_path;
  return directory === '' ? undefined : { directory, path: unifiedCgroupPath(directory) };
}

export function kernelParameters(config: Config, cgroup: WatchedCgroup | undefined, fionreadFault: boolean): Parameters {
  const { name, arg } = config.otel_traces_export.sampler;
  return {
    obi_cfg_parent_based: name.startsWith('parentbased_'),
    obi_cfg_sample_below: sampleBelow(name, arg),
    obi_cfg_max_age_ns: BigInt(config.ebpf.max_transaction_time) * 1_000_000n,
    obi_cfg_fionread_fault: fionreadFault,
    obi_cfg_blocking_sockets: config.ebpf.blocking_sockets,
    ...(cgroup === undefined || cgroup.path === '/'
      ? {}
      : {
          obi_cfg_cgroup: statSync(cgroup.directory, { bigint: true }).ino,
          // the root of the hierarchy is level 0
          obi_cfg_cgroup_level: cgroup.path.split('/').length - 1,
          obi_cfg_select_cgroup: config.discovery.instrument.length === 0,
        }),
  };
}

/** Threshold on 63 bits of the trace id, as in the Go SDK's TraceIDRatioBased. */
function sampleBelow(name: SamplerName, ratio: number): bigint {
  if (name.endsWith('always_on')) return ALWAYS;
  if (name.endsWith('always_off')) return 0n;
  return ratio >= 1 ? ALWAYS : BigInt(Math.floor(ratio * 2 ** 63));
}
