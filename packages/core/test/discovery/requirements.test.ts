// SPDX-License-Identifier: Apache-2.0
import { describeProbes, discoverProbes } from '../../src/discovery/discover.js';
import type { DescribeOptions } from '../../src/discovery/types.js';
import type { KernelFeatures } from '../../src/kernel/kernel.js';
import { silentLogger } from '../../src/logging/silent-logger.js';
import { KERNEL_ABI_VERSION } from '../../src/probe/manifest.js';
import { ALL_FEATURES, codeOf, Host, program, requireModule } from './fixture.js';

let host: Host;
beforeEach(() => {
  host = new Host();
});
afterEach(() => host.dispose());

const options = (features: Partial<KernelFeatures>): DescribeOptions => ({
  hostDirectory: host.directory,
  features: { ...ALL_FEATURES, ...features },
  architecture: 'x86_64',
});
const discover = (features: Partial<KernelFeatures> = {}) => discoverProbes({ ...options(features), importModule: requireModule, log: silentLogger });

/** A probe like http: two taps, a carrier, and a program that is attached by itself. */
function addHttp(code = codeOf('http', "attach: [{ program: 'http_exit', to: { rawTracepoint: 'sched_process_exit' } }]")): void {
  host.add('http', {
    entry: (e) => ({ ...e, slots: { ...e.slots, 'carrier.sk_msg': 'http_msg' } }),
    manifest: (m) => ({ ...m, programs: [...m.programs, program('http_msg', 'sk_msg'), program('http_exit', 'raw_tracepoint')] }),
    code: () => code,
  });
}

describe('a probe goes on without programs that another of its slots stands in for', () => {
  test('a kernel without fentry', async () => {
    addHttp();
    const { probes, refusals } = await discover({ fentry: false });
    expect(refusals).toEqual([]);
    expect(probes[0]?.unavailable).toEqual([
      { program: 'http_send', code: 'OBI_ERR_PROBE_KERNEL_FEATURES', reason: 'the kernel has no fentry (CONFIG_FPROBE, BPF trampolines)' },
    ]);
  });

  test('no CAP_NET_ADMIN: no carrier', async () => {
    addHttp();
    const { probes } = await discover({ capabilities: ['BPF', 'PERFMON'] });
    expect(probes[0]?.unavailable).toEqual([{ program: 'http_msg', code: 'OBI_ERR_PROBE_CAPABILITIES', reason: 'missing CAP_NET_ADMIN' }]);
  });

  test('CAP_SYS_ADMIN stands for all', async () => {
    addHttp();
    expect((await discover({ capabilities: ['SYS_ADMIN'] })).probes[0]?.unavailable).toEqual([]);
  });
});

describe('a probe is refused', () => {
  test.each<[string, Partial<KernelFeatures>, string, RegExp]>([
    [
      'when no protocol slot is left',
      { fentry: false, programTypes: ['sk_msg', 'tracing'] },
      'OBI_ERR_PROBE_KERNEL_FEATURES',
      /cannot run http_rtp: programs of type raw_tracepoint do not load.*cannot run http_send: the kernel has no fentry/,
    ],
    ['without BTF', { btf: false }, 'OBI_ERR_PROBE_KERNEL_FEATURES', /no BTF/],
    ['without rights', { capabilities: [] }, 'OBI_ERR_PROBE_CAPABILITIES', /cannot run http_rtp, http_send.*: missing CAP_BPF, CAP_PERFMON/],
    [
      'without the rights to find out what the kernel has',
      { capabilities: [], programTypes: [], fentry: false, ringBuffer: false, bpfLoop: false },
      'OBI_ERR_PROBE_CAPABILITIES',
      /^cannot run http_rtp, http_send.*: missing CAP_BPF, CAP_PERFMON$/,
    ],
    [
      'for the right that can be granted, where the kernel can run one of them',
      { fentry: false, capabilities: ['BPF'] },
      'OBI_ERR_PROBE_CAPABILITIES',
      /^cannot run http_rtp, http_send.*: missing CAP_PERFMON$/,
    ],
  ])('%s', async (_what, features, code, reason) => {
    addHttp();
    host.add('other', {
      entry: (e) => ({ id: e.id, kind: 'runtime', api: 1, manifest: e.manifest }),
      manifest: (m) => ({ ...m, programs: [program('other_rtp', 'other'), program('other_send', 'other')] }),
    });
    const { probes, refusals } = await discover(features);
    const http = refusals.find((r) => r.probe === 'http');
    expect(http).toMatchObject({ code, reason: expect.stringMatching(reason) });
    expect(probes.some((p) => p.entry.id === 'http')).toBe(false);
  });

  // Two hosts: jest keeps a file's code by its time in milliseconds, so that one written twice may run as it was.
  describe('for an attachment that cannot run', () => {
    const addWith = (optional: boolean) =>
      host.add('http', {
        manifest: (m) => ({ ...m, programs: [...m.programs, program('http_f', 'tracing', [], 'fentry/tcp_sendmsg')] }),
        code: () => codeOf('http', `attach: [{ program: 'http_f', to: { kprobe: 'x' }, optional: ${optional} }]`),
      });

    test('when it is mandatory', async () => {
      addWith(false);
      const { refusals } = await discover({ fentry: false });
      expect(refusals).toMatchObject([{ code: 'OBI_ERR_PROBE_KERNEL_FEATURES', reason: expect.stringContaining('cannot run http_f') }]);
    });

    test('not when it is optional: it is left out', async () => {
      addWith(true);
      const { probes, refusals } = await discover({ fentry: false });
      expect(refusals).toEqual([]);
      expect(probes[0]?.unavailable).toMatchObject(['http_send', 'http_f'].map((name) => ({ program: name, reason: expect.stringContaining('no fentry') })));
    });
  });

  test('a carrier without its carrier slot, though a protocol slot could be filled', async () => {
    host.add('ctx', {
      entry: (e) => ({ ...e, kind: 'carrier', slots: { 'carrier.sk_msg': 'ctx_msg', 'protocol.raw_tracepoint': 'ctx_rtp' } }),
      manifest: (m) => ({ ...m, programs: [...m.programs, program('ctx_msg', 'sk_msg')] }),
    });
    expect((await discover({ programTypes: ['raw_tracepoint', 'tracing'] })).refusals).toMatchObject([{ probe: 'ctx', code: 'OBI_ERR_PROBE_KERNEL_FEATURES' }]);
    expect((await discover()).probes).toHaveLength(1);
  });
});

test('bpf_probe_write_user needs its permission and CAP_SYS_ADMIN', async () => {
  const writer = program('go_write', 'uprobe', ['probe_write_user']);
  host.add('go', { manifest: (m) => ({ ...m, programs: [...m.programs, writer] }) });
  expect((await discover({ probeWriteUser: false, lockdown: 'integrity' })).probes[0]?.unavailable).toMatchObject([
    { program: 'go_write', reason: 'bpf_probe_write_user is not allowed (lockdown: integrity)' },
  ]);
  expect((await discover()).probes[0]?.unavailable).toMatchObject([{ program: 'go_write', reason: 'missing CAP_SYS_ADMIN' }]);
});

describe('describeProbes', () => {
  test('says what each needs and whether it can run, and runs nothing', () => {
    addHttp('globalThis.ranByDescribe = true;');
    host.add('bad', { manifest: (m) => ({ ...m, abi: 9 }) });
    host.add('worse', { manifest: () => '[]' });
    const [http, bad, worse] = describeProbes(options({ fentry: false }));
    expect(http).toMatchObject({
      id: 'http',
      kind: 'protocol',
      packageVersion: '1.2.3',
      needs: {
        api: 1,
        abi: KERNEL_ABI_VERSION,
        architectures: ['x86_64'],
        programTypes: ['raw_tracepoint', 'sk_msg', 'tracing'],
        capabilities: ['BPF', 'NET_ADMIN', 'PERFMON'],
      },
      events: ['http_event'],
      runnable: true,
      unavailable: [{ program: 'http_send' }],
    });
    expect(http).not.toHaveProperty('refusal');
    expect(bad).toMatchObject({ id: 'bad', runnable: false, needs: { abi: 9 }, refusal: { code: 'OBI_ERR_PROBE_ABI_MISMATCH' } });
    expect(worse).toMatchObject({ id: 'worse', runnable: false, events: [], refusal: { code: 'OBI_ERR_PROBE_MANIFEST_INVALID' } });
    expect(worse).not.toHaveProperty('needs');
    expect(globalThis).not.toHaveProperty('ranByDescribe');
  });
});
