// SPDX-License-Identifier: Apache-2.0
/** The lines of `obi doctor`: from what was found on this machine to what follows for taps, carriers and probes. */
import { type Config, type KernelFeatures, missingCapabilities, type ProbeDescription, propagationLimit, propagationMethods } from '@obi/core';

/** `ok`: as it should be; `off`: obi does without; `bad`: something cannot run; `unknown`: not to be found out with these rights. */
export type Verdict = 'ok' | 'off' | 'bad' | 'unknown';
export type Line = readonly [Verdict, string, string];

export interface Findings {
  readonly features: KernelFeatures;
  /** `ebpf.context_propagation` */
  readonly propagation: Config['ebpf']['context_propagation'];
  /** `ebpf.tap` */
  readonly tap: Config['ebpf']['tap'];
  readonly cgroup: CgroupFinding;
  /** Undefined: no objects for this architecture. */
  readonly probes: readonly ProbeDescription[] | undefined;
  /** As Node calls it. */
  readonly processArchitecture: string;
}

/** The cgroup that is watched: the one that the configuration names, else the cgroup2 mount. */
export interface CgroupFinding {
  /** Undefined: there is none. */
  readonly path: string | undefined;
  /** What is wrong with the one that the configuration names: no run starts then. */
  readonly problem?: string;
}

export function doctorLines({ features, propagation, tap, cgroup, probes, processArchitecture }: Findings): Line[] {
  const lines: Line[] = [
    ...kernelLines(features),
    ...rightsLines(features),
    ...tapLines(features, tap),
    cgroupLine(cgroup),
    ...carrierLines(features, propagation, cgroup.path !== undefined),
  ];
  if (!probes) lines.push(['bad', 'architecture', `no BPF objects for ${processArchitecture}`]);
  else if (probes.length === 0) lines.push(['bad', 'probes', 'none is installed; npm install @obi/probe-http']);
  else lines.push(...probes.map(probeLine));
  return lines;
}

const MARK: Readonly<Record<Verdict, string>> = { ok: 'ok ', off: ' - ', bad: '!! ', unknown: ' ? ' };

export function formatLine([verdict, what, text]: Line): string {
  return `${MARK[verdict]} ${what.padEnd(22)} ${text}`;
}

function probeLine({ id, refusal, unavailable }: ProbeDescription): Line {
  if (refusal) return ['bad', `probe ${id}`, `${refusal.reason}; ${refusal.remedy}`];
  return ['ok', `probe ${id}`, `can run${unavailable.map(({ program, reason }) => `; without ${program}: ${reason}`).join('')}`];
}

const TRACING = ['BPF', 'PERFMON'];

/** Features are found by loading something that has them: a kernel that refuses for want of rights says nothing of itself. */
function unchecked(what: string, { capabilities }: KernelFeatures, needed: readonly string[]): Line | undefined {
  const missing = missingCapabilities(needed, capabilities);
  return missing.length === 0 ? undefined : ['unknown', what, `not checked: the check needs ${named(missing)}`];
}

const named = (capabilities: readonly string[]) => capabilities.map((name) => `CAP_${name}`).join(', ');

function kernelLines(features: KernelFeatures): Line[] {
  return [
    ['ok', 'kernel', `${features.release} ${features.architecture}`],
    features.btf ? ['ok', 'BTF', 'present'] : ['bad', 'BTF', 'missing: CONFIG_DEBUG_INFO_BTF is needed'],
    features.ringBuffer
      ? ['ok', 'ring buffer', 'present']
      : (unchecked('ring buffer', features, ['BPF']) ?? ['bad', 'ring buffer', 'missing: needs Linux 5.8']),
    features.bpfLoop ? ['ok', 'bpf_loop', 'present'] : (unchecked('bpf_loop', features, TRACING) ?? ['bad', 'bpf_loop', 'missing: needs Linux 5.17']),
    features.lockdown === 'unreadable' ? ['unknown', 'lockdown', 'cannot be read with these rights (CAP_SYS_ADMIN)'] : ['ok', 'lockdown', features.lockdown],
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
    return has
      ? ['ok', `CAP_${capability}`, use]
      : [capability === 'BPF' || capability === 'PERFMON' ? 'bad' : 'off', `CAP_${capability}`, `missing; it is for ${use}`];
  });
}

/** As `attachTap` of core decides. */
function tapLines(features: KernelFeatures, wanted: Findings['tap']): Line[] {
  const { fentry } = features;
  const missing = missingCapabilities(TRACING, features.capabilities);
  if (missing.length > 0) {
    const text = `missing ${named(missing)}`;
    return [
      ['bad', 'tap syscalls', text],
      ['off', 'tap tcp', text],
    ];
  }
  const tcp = fentry && wanted !== 'syscalls';
  return [
    ['ok', 'tap syscalls', tcp ? 'available; the TCP tap is used' : 'on: system calls (raw tracepoint)'],
    tcp
      ? ['ok', 'tap tcp', 'on: tcp_sendmsg and tcp_recvmsg (fentry, fexit)']
      : fentry
        ? ['off', 'tap tcp', 'off by configuration (ebpf.tap: syscalls); io_uring traffic is not seen']
        : ['off', 'tap tcp', `fentry programs do not load here${wanted === 'tcp' ? ', though ebpf.tap asks for this tap' : ''}; io_uring traffic is not seen`],
  ];
}

function cgroupLine({ path, problem }: CgroupFinding): Line {
  if (path !== undefined) return ['ok', 'cgroup2', path];
  return ['bad', 'cgroup2', problem ?? 'not mounted: outgoing connections cannot be watched; mount -t cgroup2 none <folder>'];
}

function carrierLines(features: KernelFeatures, propagation: Findings['propagation'], cgroup: boolean): Line[] {
  const { headers } = propagationMethods(propagation);
  const limit = propagationLimit(propagation);
  const missing = missingCapabilities(['BPF', 'NET_ADMIN'], features.capabilities);
  const wrong = 'this kernel answers FIONREAD wrongly for watched sockets: programs that may ask get the header on the first request of a connection only';
  return [
    features.fionreadFault === true
      ? ['off', 'FIONREAD', wrong]
      : features.fionreadFault === false
        ? ['ok', 'FIONREAD', 'answers rightly']
        : (unchecked('FIONREAD', features, ['BPF', 'NET_ADMIN']) ?? ['off', 'FIONREAD', 'could not be measured; treated as wrong']),
    !cgroup
      ? ['off', 'carrier http header', 'no cgroup2']
      : headers && missing.length > 0
        ? ['off', 'carrier http header', `off, because ${named(missing)} is missing: no traceparent is written, though ebpf.context_propagation asks for it`]
        : headers
          ? ['ok', 'carrier http header', 'on']
          : [
              'off',
              'carrier http header',
              `off by configuration: OTEL_EBPF_BPF_CONTEXT_PROPAGATION=headers turns it on${missing.length > 0 ? `; it needs ${named(missing)}, which is missing` : ''}`,
            ],
    ...(limit === undefined ? [] : [['off', 'carrier tcp options', limit] as const]),
    insideLine(features, headers),
  ];
}

/** Writing into Go's own memory (probe-go). */
function insideLine(features: KernelFeatures, headers: boolean): Line {
  const what = 'bpf_probe_write_user';
  if (features.probeWriteUser)
    return headers ? ['ok', what, 'permitted: probe go writes traceparent inside Go programs'] : ['off', what, 'off by configuration'];
  const rest = 'in Go, HTTP/1 in plaintext gets its traceparent on the wire, requests over TLS, HTTP/2 and gRPC get none';
  const lockdown = features.lockdown === 'unreadable' ? 'cannot be read, so it is taken for on' : features.lockdown;
  return unchecked(what, features, ['SYS_ADMIN']) ?? ['off', what, `not permitted (lockdown: ${lockdown}): ${rest}`];
}
