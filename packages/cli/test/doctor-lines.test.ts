// SPDX-License-Identifier: Apache-2.0
import type { KernelFeatures } from '@obi/core';
import { doctorLines, type Findings, formatLine } from '../src/doctor-lines.js';
import { formatProbe } from '../src/probe-text.js';
import { FEATURES, HTTP, REFUSED } from './support/fakes.js';

const lines = (features: Partial<KernelFeatures> = {}, others: Partial<Findings> = {}) =>
  doctorLines({
    features: { ...FEATURES, ...features },
    propagation: 'headers',
    tap: 'auto',
    cgroup: { path: '/sys/fs/cgroup' },
    probes: [HTTP],
    processArchitecture: 'x64',
    ...others,
  });
const line = (what: string, ...found: Parameters<typeof lines>) => lines(...found).find(([, name]) => name === what);
const bad = (...found: Parameters<typeof lines>) => lines(...found).flatMap(([verdict, what]) => (verdict === 'bad' ? [what] : []));

test('where all is well, every line says ok', () => {
  expect(lines().filter(([verdict]) => verdict !== 'ok')).toEqual([]);
  expect(line('kernel')).toEqual(['ok', 'kernel', '6.12.0-test x86_64']);
  expect(line('probe http')).toEqual(['ok', 'probe http', 'can run']);
});

test.each<[string, Partial<KernelFeatures>, RegExp]>([
  ['BTF', { btf: false }, /CONFIG_DEBUG_INFO_BTF/],
  ['ring buffer', { ringBuffer: false }, /5\.8/],
  ['bpf_loop', { bpfLoop: false }, /5\.17/],
])('a kernel without %s is bad news', (what, features, text) => {
  expect(bad(features)).toEqual([what]);
  expect(line(what, features)?.[2]).toMatch(text);
});

test('no fentry: system calls are read instead', () => {
  expect(bad({ fentry: false })).toEqual([]);
  expect(line('tap tcp', { fentry: false })).toEqual(['off', 'tap tcp', expect.stringContaining('io_uring traffic is not seen')]);
  expect(line('tap syscalls', { fentry: false })?.[2]).toBe('on: system calls (raw tracepoint)');
});

test('the tap of the configuration', () => {
  expect(line('tap tcp', {}, { tap: 'syscalls' })).toEqual(['off', 'tap tcp', expect.stringContaining('ebpf.tap: syscalls')]);
  expect(line('tap syscalls', {}, { tap: 'syscalls' })?.[2]).toBe('on: system calls (raw tracepoint)');
  expect(line('tap tcp', {}, { tap: 'tcp' })?.[0]).toBe('ok');
  expect(line('tap tcp', { fentry: false }, { tap: 'tcp' })?.[2]).toContain('though ebpf.tap asks');
});

test('the cgroup of the configuration: its path, or what is wrong with it', () => {
  expect(line('cgroup2', {}, { cgroup: { path: '/sys/fs/cgroup/shop' } })).toEqual(['ok', 'cgroup2', '/sys/fs/cgroup/shop']);
  expect(line('cgroup2', {}, { cgroup: { path: undefined, problem: 'cgroup /x: is none' } })).toEqual(['bad', 'cgroup2', 'cgroup /x: is none']);
});

test.each<[Findings['propagation'], boolean]>([
  ['tcp', true],
  ['headers,tcp', true],
  ['all', false],
  ['headers', false],
])('context_propagation %s: is said that nothing writes TCP options: %s', (propagation, said) => {
  expect(line('carrier tcp options', {}, { propagation }) !== undefined).toBe(said);
});

test('rights: the two that nothing goes without are bad, the others switch something off', () => {
  const none = { capabilities: [] };
  expect(bad(none)).toEqual(['CAP_BPF', 'CAP_PERFMON', 'tap syscalls']);
  expect(line('CAP_NET_ADMIN', none)).toEqual(['off', 'CAP_NET_ADMIN', 'missing; it is for carriers: writing traceparent']);
  expect(bad({ capabilities: ['SYS_ADMIN'] })).toEqual([]);
  expect(line('CAP_SYS_PTRACE', { capabilities: ['SYS_ADMIN'] })?.[0]).toBe('off');
});

test('without rights nothing is said of what they hide: not that the kernel lacks it', () => {
  // What the addon finds for a user without rights on a kernel that has all of it.
  const nobody: Partial<KernelFeatures> = {
    capabilities: [],
    programTypes: [],
    fentry: false,
    bpfLoop: false,
    ringBuffer: false,
    probeWriteUser: false,
    lockdown: 'unreadable',
    fionreadFault: 'unknown',
  };
  const unknown = lines(nobody).filter(([verdict]) => verdict === 'unknown');
  expect(Object.fromEntries(unknown.map(([, what, text]) => [what, text]))).toEqual({
    'ring buffer': 'not checked: the check needs CAP_BPF',
    bpf_loop: 'not checked: the check needs CAP_BPF, CAP_PERFMON',
    lockdown: expect.stringContaining('CAP_SYS_ADMIN'),
    FIONREAD: 'not checked: the check needs CAP_BPF, CAP_NET_ADMIN',
    bpf_probe_write_user: 'not checked: the check needs CAP_SYS_ADMIN',
  });
  expect(line('tap syscalls', nobody)).toEqual(['bad', 'tap syscalls', 'missing CAP_BPF, CAP_PERFMON']);
  expect(line('carrier http header', nobody)).toEqual(['off', 'carrier http header', expect.stringMatching(/^off, because CAP_BPF, CAP_NET_ADMIN is missing/)]);
  expect(
    lines(nobody)
      .map(([, , text]) => text)
      .join('\n'),
  ).not.toMatch(/needs Linux|do not load|not permitted/);
});

test('rights for one check are enough for it', () => {
  expect(line('ring buffer', { capabilities: ['BPF'], ringBuffer: false })?.[0]).toBe('bad');
  expect(line('bpf_loop', { capabilities: ['BPF'], bpfLoop: false })?.[0]).toBe('unknown');
  expect(line('bpf_loop', { capabilities: ['SYS_ADMIN'], bpfLoop: false })?.[0]).toBe('bad');
});

test.each<[KernelFeatures['fionreadFault'], string, RegExp]>([
  [false, 'ok', /rightly/],
  [true, 'off', /first request of a connection only/],
  ['unknown', 'off', /could not be measured/],
])('FIONREAD fault %s', (fionreadFault, verdict, text) => {
  expect(line('FIONREAD', { fionreadFault })).toEqual([verdict, 'FIONREAD', expect.stringMatching(text)]);
});

test('the header carrier: on, off by configuration, off without cgroup2', () => {
  expect(line('carrier http header')?.[2]).toBe('on');
  expect(line('carrier http header', {}, { propagation: 'disabled' })?.[2]).toContain('OTEL_EBPF_BPF_CONTEXT_PROPAGATION=headers');
  expect(line('carrier http header', {}, { cgroup: { path: undefined } })?.[2]).toBe('no cgroup2');
  expect(bad({}, { cgroup: { path: undefined } })).toEqual(['cgroup2']);
});

test('the header carrier without CAP_NET_ADMIN: missing, or missing when it is turned on', () => {
  const limited = { capabilities: ['BPF', 'PERFMON'] };
  expect(line('carrier http header', limited)).toEqual(['off', 'carrier http header', expect.stringMatching(/^off, because CAP_NET_ADMIN is missing/)]);
  expect(line('carrier http header', limited, { propagation: 'disabled' })?.[2]).toMatch(/off by configuration: .*; it needs CAP_NET_ADMIN, which is missing$/);
  expect(line('carrier http header', {}, { propagation: 'disabled' })?.[2]).not.toContain('missing');
});

test.each<[Partial<KernelFeatures>, Findings['propagation'], string, RegExp]>([
  [{}, 'headers', 'ok', /inside Go programs/],
  [{}, 'disabled', 'off', /by configuration/],
  [{ probeWriteUser: false, lockdown: 'integrity' }, 'headers', 'off', /lockdown: integrity\): in Go, .* on the wire, .* get none/],
  [{ probeWriteUser: false, lockdown: 'unreadable' }, 'headers', 'off', /lockdown: cannot be read, so it is taken for on/],
])('bpf_probe_write_user: what it is for, and why it is off', (features, propagation, verdict, text) => {
  expect(line('bpf_probe_write_user', features, { propagation })).toEqual([verdict, 'bpf_probe_write_user', expect.stringMatching(text)]);
});

test('probes: refused, without a program, none installed, no objects for this architecture', () => {
  const limited = { ...HTTP, unavailable: [{ program: 'http_send', code: 'OBI_ERR_PROBE_KERNEL_FEATURES' as const, reason: 'no fentry' }] };
  expect(lines({}, { probes: [limited, REFUSED] }).slice(-2)).toEqual([
    ['ok', 'probe http', 'can run; without http_send: no fentry'],
    ['bad', 'probe bad', 'ABI 9; update it'],
  ]);
  expect(lines({}, { probes: [] }).at(-1)).toEqual(['bad', 'probes', expect.stringContaining('npm install')]);
  expect(lines({}, { probes: undefined, processArchitecture: 's390x' }).at(-1)).toEqual(['bad', 'architecture', 'no BPF objects for s390x']);
});

test('one line: mark, name, text in columns', () => {
  expect([formatLine(['ok', 'kernel', '6.12']), formatLine(['off', 'tap tcp', 'x']), formatLine(['bad', 'BTF', 'y'])]).toEqual([
    'ok  kernel                 6.12',
    ' -  tap tcp                x',
    '!!  BTF                    y',
  ]);
});

describe('formatProbe', () => {
  test('one that runs, with what it does without', () => {
    const limited = { ...HTTP, unavailable: [{ program: 'http_send', code: 'OBI_ERR_PROBE_KERNEL_FEATURES' as const, reason: 'no fentry' }] };
    expect(formatProbe(limited).split('\n')).toEqual([
      'http  @obi/probe-http 1.2.3  (protocol)',
      '  needs     capabilities BPF, NET_ADMIN; program types raw_tracepoint, sk_msg',
      '  built for x86_64, arm64; API 1, kernel ABI 1',
      '  can run here',
      '  without http_send: no fentry',
    ]);
  });

  test('one that cannot, with reason and remedy', () => {
    expect(formatProbe(REFUSED).split('\n').slice(-2)).toEqual(['  cannot run: ABI 9', '  remedy:     update it']);
  });

  test('one of which nothing could be read', () => {
    const { kind: _kind, needs: _needs, ...unread } = REFUSED;
    expect(formatProbe(unread).split('\n')).toEqual(['bad  bad-probe 1.2.3', '  cannot run: ABI 9', '  remedy:     update it']);
  });
});
