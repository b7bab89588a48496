// SPDX-License-Identifier: Apache-2.0
/** `obi doctor`: what this machine allows, and what follows for taps and carriers. */
import { cgroup2Mount, describeProbes, hostArchitecture, type KernelFeatures, loadConfig, propagationMethods } from '@obi/core';
import { createKernel } from '@obi/native';
import { hostDirectory } from '../host.js';
import type { RunOptions } from './run.js';

type Verdict = 'ok' | 'off' | 'bad';
type Line = readonly [Verdict, string, string];

const MARK: Readonly<Record<Verdict, string>> = { ok: 'ok ', off: ' - ', bad: '!! ' };

export function doctor(options: RunOptions): void {
  const { config } = loadConfig(options.config === undefined ? {} : { file: options.config });
  const features = createKernel().features();
  const architecture = hostArchitecture();
  const methods = propagationMethods(config.ebpf.context_propagation);
  const mount = cgroup2Mount();
  const lines: Line[] = [...kernelLines(features), ...rightsLines(features), ...tapLines(features)];
  lines.push(mount ? ['ok', 'cgroup2', mount] : ['bad', 'cgroup2', 'not mounted: outgoing connections cannot be watched; mount -t cgroup2 none <folder>']);
  lines.push(...carrierLines(features, methods.headers, mount !== undefined));
  if (architecture) {
    for (const probe of describeProbes({ hostDirectory: [hostDirectory, process.cwd()], plugins: config.plugins, features, architecture })) {
      const without = probe.unavailable.map(({ program, reason }) => `; without ${program}: ${reason}`).join('');
      lines.push(probe.refusal ? ['bad', `probe ${probe.id}`, `${probe.refusal.reason}; ${probe.refusal.remedy}`] : ['ok', `probe ${probe.id}`, `can run${without}`]);
    }
  } else lines.push(['bad', 'architecture', `no BPF objects for ${process.arch}`]);
  for (const [verdict, what, text] of lines) console.log(`${MARK[verdict]} ${what.padEnd(22)} ${text}`);
  if (lines.some(([verdict]) => verdict === 'bad')) process.exitCode = 1;
}

function kernelLines(features: KernelFeatures): Line[] {
  return [
    ['ok', 'kernel', `${features.release} ${features.architecture}`],
    features.btf ? ['ok', 'BTF', 'present'] : ['bad', 'BTF', 'missing: CONFIG_DEBUG_INFO_BTF is needed'],
    features.ringBuffer ? ['ok', 'ring buffer', 'present'] : ['bad', 'ring buffer', 'missing: needs Linux 5.8'],
    features.bpfLoop ? ['ok', 'bpf_loop', 'present'] : ['bad', 'bpf_loop', 'missing: needs Linux 5.17'],
    ['ok', 'lockdown', features.lockdown],
  ];
}

function rightsLines({ capabilities }: KernelFeatures): Line[] {
  const all = capabilities.includes('SYS_ADMIN');
  return [
    ['BPF', 'loading programs'],
    ['PERFMON', 'reading what processes send'],
    ['NET_ADMIN', 'carriers: writing traceparent'],
    ['SYS_PTRACE', 'connections that were open before; other users’ processes'],
  ].map(([capability = '', use = '']): Line => {
    const has = capabilities.includes(capability) || (all && capability !== 'SYS_PTRACE');
    return has ? ['ok', `CAP_${capability}`, use] : [capability === 'BPF' || capability === 'PERFMON' ? 'bad' : 'off', `CAP_${capability}`, `missing: no ${use}`];
  });
}

function tapLines(features: KernelFeatures): Line[] {
  return [
    ['ok', 'tap syscalls', features.fentry ? 'available; the TCP tap is used' : 'on: system calls (raw tracepoint)'],
    features.fentry
      ? ['ok', 'tap tcp', 'on: tcp_sendmsg and tcp_recvmsg (fentry, fexit)']
      : ['off', 'tap tcp', 'fentry programs do not load here; io_uring traffic is not seen'],
  ];
}

function carrierLines(features: KernelFeatures, headers: boolean, cgroup: boolean): Line[] {
  const wrong = 'this kernel answers FIONREAD wrongly for watched sockets: programs that may ask get the header on the first request of a connection only';
  return [
    features.fionreadFault === true ? ['off', 'FIONREAD', wrong] : features.fionreadFault === false ? ['ok', 'FIONREAD', 'answers rightly'] : ['off', 'FIONREAD', 'could not be measured; treated as wrong'],
    !cgroup
      ? ['off', 'carrier http header', 'no cgroup2']
      : headers
        ? ['ok', 'carrier http header', 'on']
        : ['off', 'carrier http header', 'off by configuration: OTEL_EBPF_BPF_CONTEXT_PROPAGATION=headers turns it on'],
    features.probeWriteUser ? ['ok', 'bpf_probe_write_user', 'permitted'] : ['off', 'bpf_probe_write_user', `not permitted (lockdown: ${features.lockdown}); no probe of this version needs it`],
  ];
}
