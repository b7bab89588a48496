// SPDX-License-Identifier: Apache-2.0
/** A machine where everything works, and an agent's status. */
import type { AgentStatus, KernelFeatures, ProbeDescription } from '@obi/core';

export const FEATURES: KernelFeatures = {
  release: '6.12.0-test',
  architecture: 'x86_64',
  btf: true,
  lockdown: 'none',
  kprobes: true,
  fentry: true,
  bpfLoop: true,
  ringBuffer: true,
  probeWriteUser: true,
  programTypes: ['raw_tracepoint', 'kprobe', 'uprobe', 'tracepoint', 'tracing', 'sk_msg', 'sock_ops', 'cgroup_sock_addr', 'iter'],
  capabilities: ['SYS_ADMIN', 'BPF', 'PERFMON', 'NET_ADMIN', 'SYS_PTRACE'],
  fionreadFault: false,
};

export const HTTP: ProbeDescription = {
  id: 'http',
  packageName: '@obi/probe-http',
  packageVersion: '1.2.3',
  directory: '/nowhere',
  kind: 'protocol',
  needs: { api: 1, abi: 1, architectures: ['x86_64', 'arm64'], programTypes: ['raw_tracepoint', 'sk_msg'], capabilities: ['BPF', 'NET_ADMIN'] },
  events: ['http_exchange_event'],
  runnable: true,
  unavailable: [],
};

export const REFUSED: ProbeDescription = {
  ...HTTP,
  id: 'bad',
  packageName: 'bad-probe',
  runnable: false,
  refusal: { probe: 'bad', package: 'bad-probe', code: 'OBI_ERR_PROBE_ABI_MISMATCH', reason: 'ABI 9', remedy: 'update it' },
};

export const STATUS: AgentStatus = {
  tap: 'syscalls',
  propagation: 'disabled',
  limits: [],
  probes: ['http'],
  refusals: [],
  processes: 0,
  unknownProcess: 0,
  records: 0,
  strays: 0,
  counters: {},
  missedRuns: {},
  faults: {},
  exporters: {},
};

/** Runs `action` and returns what it wrote to a stream of this process. */
export async function written(stream: 'stdout' | 'stderr', action: () => unknown): Promise<string> {
  let text = '';
  const spy = jest.spyOn(process[stream], 'write').mockImplementation((chunk, ...more) => {
    text += String(chunk);
    const done = more.find((argument) => typeof argument === 'function') as (() => void) | undefined;
    if (done) process.nextTick(done);
    return true;
  });
  try {
    await action();
  } finally {
    spy.mockRestore();
  }
  return text;
}
