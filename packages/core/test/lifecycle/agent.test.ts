// SPDX-License-Identifier: Apache-2.0
/** Starting and stopping over a kernel that is none: what is left when a probe fails, and in which order things end. */
import type { DiscoveredProbe } from '../../src/discovery/types.js';

const mockProbes: DiscoveredProbe[] = [];
jest.mock('../../src/discovery/discover.js', () => ({ discoverProbes: async () => ({ probes: mockProbes, refusals: [] }) }));
jest.mock('../../src/process/cgroup-path.js', () => ({ ...jest.requireActual('../../src/process/cgroup-path.js'), cgroup2Mount: () => '/cgroup2' }));

import { loadConfig } from '../../src/config/load.js';
import { Config } from '../../src/config/schema.js';
import { Container } from '../../src/di.js';
import { CoreObjects } from '../../src/kernel/core-objects.js';
import { Kernel, type KernelFeatures, type MapHandle, type OpenedObject } from '../../src/kernel/kernel.js';
import { Agent } from '../../src/lifecycle/agent.js';
import { Runtimes } from '../../src/lifecycle/runtimes.js';
import { Logger } from '../../src/logging/logger.js';
import { silentLogger } from '../../src/logging/silent-logger.js';
import type { PackageEntry } from '../../src/probe/manifest.js';
import { type SpanExporter, SpanExporters } from '../../src/span/span-exporter.js';
import type { SpanWriter } from '../../src/span/span-writer.js';
import { ALL_FEATURES } from '../discovery/fixture.js';
import { CORE_MAPS, FakeKernel, HASH } from '../kernel/fake-kernel.js';

const CHAINS = { name: 'obi_chains', type: HASH, keySize: 4, valueSize: 40, maxEntries: 16 };
const TASKS_MAPS = [
  ...CORE_MAPS,
  CHAINS,
  { name: 'obi_declared', type: HASH, keySize: 8, valueSize: 56, maxEntries: 16 },
  { name: 'obi_requests', type: HASH, keySize: 8, valueSize: 88, maxEntries: 16 },
];

/** One whose tables answer what a test says. */
class ScriptedKernel extends FakeKernel {
  readonly tables: Record<string, Partial<MapHandle>> = {};
  capabilities: readonly string[] = ALL_FEATURES.capabilities;

  override features = (): KernelFeatures => ({ ...ALL_FEATURES, capabilities: this.capabilities });

  override open(name: string): OpenedObject {
    const opened = super.open(name);
    const load = () => {
      const loaded = opened.load();
      return { ...loaded, map: (map: string) => ({ ...loaded.map(map), ...this.tables[map] }) };
    };
    return { ...opened, load };
  }
}

class Decoder {
  decode(): void {}
}

function probe(id: string, more: Partial<PackageEntry> = {}): DiscoveredProbe {
  const slots = { 'protocol.raw_tracepoint': `${id}_rtp`, 'end.raw_tracepoint': `${id}_end` };
  return {
    entry: { id, kind: 'protocol', api: 1, manifest: 'm', slots, ...more },
    manifest: { events: [{ struct: `${id}_event`, kind: 1, size: 16, digest: 'd' }], counters: [], programs: [] },
    definition: {
      events: { [`${id}_event`]: { digest: 'd', minSize: 16, decoder: Decoder } },
      attach: [
        { program: `${id}_one`, to: { rawTracepoint: 'x' } },
        { program: `${id}_two`, to: { rawTracepoint: 'y' } },
      ],
    },
    packageName: `@obi/probe-${id}`,
    object: new Uint8Array(0),
    unavailable: [],
  } as unknown as DiscoveredProbe;
}

let errors: string[];
let warnings: string[];
let details: unknown[];
let kernel: ScriptedKernel;
beforeEach(() => {
  errors = [];
  warnings = [];
  details = [];
  kernel = new ScriptedKernel();
  kernel.maps['tasks'] = TASKS_MAPS;
  mockProbes.splice(0, mockProbes.length, probe('bad'), probe('good'));
});

function start(exporter: Partial<SpanExporter> = {}, env: Record<string, string> = {}): Promise<Agent> {
  const error: Logger['error'] = (message, fields) => {
    errors.push(message);
    details.push(fields);
  };
  const log: Logger = { ...silentLogger, error, warn: (message) => void warnings.push(message), child: () => log };
  const sink: SpanExporter = {
    name: 'fake',
    writer: {} as SpanWriter,
    tick: () => {},
    flush: async () => {},
    stats: () => ({ spans: 0, exported: 0, dropped: {}, failedRequests: 0, heldSpans: 0, heldBytes: 0 }),
    [Symbol.asyncDispose]: async () => {
      kernel.done.push('-exporter');
    },
    ...exporter,
  };
  const container = Container.create()
    .registerValue(Config, loadConfig({ env }).config)
    .registerValue<Logger>(Logger, log)
    .registerValue<Kernel>(Kernel, kernel)
    .registerValue<CoreObjects>(CoreObjects, { tasks: new Uint8Array(0), syscalls: new Uint8Array(0), tcp: new Uint8Array(0), sockets: new Uint8Array(0) })
    .registerValue<readonly SpanExporter[]>(SpanExporters, [sink]);
  return Agent.start(container, { hostDirectories: [], version: '1' });
}

test('a probe whose second attachment fails leaves nothing in the kernel, and its slot is nobody else’s', async () => {
  kernel.failing.add('attach bad:bad_two');
  const agent = await start();
  expect(agent.status.probes).toEqual(['good']);
  expect(agent.status.refusals).toMatchObject([{ probe: 'bad', code: 'OBI_ERR_KERNEL_ATTACH' }]);
  expect(kernel.done).toEqual(expect.arrayContaining(['attach bad:bad_one', '-attach bad:bad_one', '-load bad']));
  expect(kernel.slots.get('obi_proto_rtp')).toEqual(new Map([[2, 'good_rtp']]));
  await agent[Symbol.asyncDispose]();
});

test('runs that the kernel left out are in the status, after the end too', async () => {
  Object.assign(kernel.missed, { tasks: { obi_fork: 2 }, syscalls: { obi_sys_exit: 1 }, bad: { same: 7, other: 0 }, good: { same: 5 } });
  const agent = await start();
  const missed = { core: { obi_fork: 2, obi_sys_exit: 1 }, bad: { same: 7 }, good: { same: 5 } };
  expect(agent.status.missedRuns).toEqual(missed);
  await agent[Symbol.asyncDispose]();
  expect(agent.status.missedRuns).toEqual(missed);
});

describe('a program for the tap of another probe', () => {
  const told = probe('told', { slots: { 'protocol.raw_tracepoint': 'told_rtp', 'protocol.plaintext': 'told_plain' } });

  const tells = probe('tells', { kind: 'runtime', slots: {}, taps: ['plaintext'] });

  test.each([
    ['first', [told, tells], 1],
    ['last', [tells, told], 2],
  ])('is loaded where that probe runs too, and it comes %s', async (_where, probes, slot) => {
    mockProbes.splice(0, mockProbes.length, ...probes);
    await using agent = await start();
    expect(agent.status.probes).toEqual(probes.map(({ entry }) => entry.id));
    expect(kernel.slots.get('obi_proto_plain')).toEqual(new Map([[slot, 'told_plain']]));
    expect([...kernel.leftOut]).toEqual([]);
  });

  test('is not loaded without it', async () => {
    mockProbes.splice(0, mockProbes.length, told);
    await using agent = await start();
    expect(agent.status.probes).toEqual(['told']);
    expect([...kernel.leftOut]).toEqual(['told:told_plain']);
    expect(kernel.slots.get('obi_proto_plain')).toBeUndefined();
  });
});

test.each([
  ['headers', []],
  ['disabled', ['writes:writes_two']],
])('context_propagation %s: programs that write into processes that are left out', async (propagation, leftOut) => {
  const writes = probe('writes');
  const programs = [
    { name: 'writes_one', helpers: ['probe_read_user'] },
    { name: 'writes_two', helpers: ['probe_write_user'] },
  ];
  mockProbes.splice(0, mockProbes.length, { ...writes, manifest: { ...writes.manifest, programs } } as unknown as DiscoveredProbe);
  await using agent = await start({}, { OTEL_EBPF_BPF_CONTEXT_PROPAGATION: propagation });
  expect(agent.status.probes).toEqual(['writes']);
  expect([...kernel.leftOut]).toEqual(leftOut);
});

describe('context_propagation: headers', () => {
  const HEADERS = { OTEL_EBPF_BPF_CONTEXT_PROPAGATION: 'headers' };
  const about = (what: string) => warnings.filter((line) => line.startsWith(`${what}:`));

  test.each<[string, readonly string[]]>([
    ['CAP_NET_ADMIN', ['BPF', 'PERFMON', 'NET_ADMIN']],
    ['CAP_SYS_ADMIN', ['SYS_ADMIN']],
  ])('with %s', async (_what, capabilities) => {
    kernel.capabilities = capabilities;
    const agent = await start({}, HEADERS);
    expect(kernel.done).toEqual(expect.arrayContaining(['attach sockets:obi_msg', 'attach sockets:obi_sockops']));
    expect([agent.status.propagation, about('propagation')]).toEqual(['headers', []]);
    await agent[Symbol.asyncDispose]();
  });

  test('without CAP_NET_ADMIN the run goes on without it, and says once what is missing', async () => {
    kernel.capabilities = ['BPF', 'PERFMON'];
    kernel.failing.add('load sockets');
    const agent = await start({}, HEADERS);
    expect(agent.status).toMatchObject({ propagation: 'off', probes: ['bad', 'good'] });
    const text = expect.stringMatching(/^propagation: off, because CAP_NET_ADMIN is missing: .*grant CAP_NET_ADMIN/);
    expect([agent.status.limits, about('propagation'), errors]).toEqual([[text], [text], []]);
    await agent[Symbol.asyncDispose]();
  });

  test('without CAP_NET_ADMIN nothing is said where none is asked for', async () => {
    kernel.capabilities = ['BPF', 'PERFMON'];
    const agent = await start();
    expect([agent.status.propagation, about('propagation')]).toEqual(['disabled', []]);
    await agent[Symbol.asyncDispose]();
  });
});

test('what keeps a probe off is said once: in the log when the run goes on, in the error when it ends', async () => {
  kernel.failing.add('attach bad:bad_two');
  const agent = await start();
  expect(errors).toEqual([expect.stringMatching(/^probe bad stays off: .*bad_two/)]);
  await agent[Symbol.asyncDispose]();

  errors.length = 0;
  kernel.failing.add('attach good:good_one');
  await expect(start()).rejects.toThrow(/^obi: no probe can run\n {2}bad: .*bad_two.*\n {2}good: .*good_one/);
  expect(errors).toEqual([]);
});

test('slots that a failed probe has filled are emptied', async () => {
  kernel.failing.add('slot obi_proto_end 1');
  const agent = await start();
  expect(kernel.done).toEqual(expect.arrayContaining(['slot obi_proto_rtp 1', 'delete obi_proto_rtp 1', '-attach bad:bad_two', '-load bad']));
  expect(kernel.slots.get('obi_proto_rtp')).toEqual(new Map([[2, 'good_rtp']]));
  await agent[Symbol.asyncDispose]();
});

test('stopping: programs first, then what is left in the ring, then reader and maps, then the exporters', async () => {
  const agent = await start();
  kernel.done.length = 0;
  await agent[Symbol.asyncDispose]();
  const at = (what: RegExp) => kernel.done.flatMap((done, index) => (what.test(done) ? [index] : []));
  expect(Math.max(...at(/^-attach/))).toBeLessThan(Math.min(...at(/^drain$/)));
  expect(Math.max(...at(/^drain$/))).toBeLessThan(Math.min(...at(/^-read$/)));
  expect(Math.max(...at(/^-read$/))).toBeLessThan(Math.min(...at(/^-load/)));
  expect(at(/^-exporter$/)).toEqual([kernel.done.length - 1]);
  expect(errors).toEqual([]);
});

test('stopping goes on past whatever fails, and says it', async () => {
  kernel.failing.add('-attach tasks:obi_exit').add('drain').add('-load good');
  const agent = await start({ [Symbol.asyncDispose]: () => Promise.reject(new Error('no end')) });
  await agent[Symbol.asyncDispose]();
  expect(kernel.done).toEqual(expect.arrayContaining(['-attach tasks:obi_exec', '-read', '-load tasks']));
  expect(errors).toHaveLength(4);
});

describe('shutdown_timeout', () => {
  const never = () => new Promise<void>(() => {});
  const HELD = { spans: 5, exported: 1, dropped: {}, failedRequests: 0, heldSpans: 4, heldBytes: 90 };
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  async function stopped(agent: Agent, ms: number): Promise<boolean> {
    let isStopped = false;
    void agent[Symbol.asyncDispose]().then(() => (isStopped = true));
    await jest.advanceTimersByTimeAsync(ms);
    return isStopped;
  }

  test('a process that cannot be left does not keep records in the ring, or spans from being sent', async () => {
    jest.spyOn(Runtimes.prototype, 'stop').mockImplementation(never);
    jest.spyOn(Runtimes.prototype, 'status').mockReturnValue({ node: { scoped: 2, refused: {} }, python: { scoped: 1, refused: {} } });
    const agent = await start({}, { OTEL_EBPF_SHUTDOWN_TIMEOUT: '8s' });
    expect(await stopped(agent, 0)).toBe(false);
    expect(kernel.done).toEqual(expect.arrayContaining(['drain', '-read', '-load tasks', '-exporter']));
    await jest.advanceTimersByTimeAsync(7_500);
    await agent[Symbol.asyncDispose]();
    expect(errors).toEqual([expect.stringMatching(/^stopping: no time was left to undo .*shutdown_timeout/)]);
    expect(details).toEqual([{ processes: 3 }]);
  });

  test('runtime probes leave the kernel before the ring is read for the last time', async () => {
    jest.spyOn(Runtimes.prototype, 'stop').mockImplementation(async () => void kernel.done.push('runtimes'));
    const agent = await start();
    await agent[Symbol.asyncDispose]();
    expect(kernel.done.indexOf('runtimes')).toBeGreaterThan(0);
    expect(kernel.done.indexOf('runtimes')).toBeLessThan(kernel.done.indexOf('drain'));
  });

  test('exporters get what is left of it, less what saying takes', async () => {
    const given: number[] = [];
    const flush = async (ms: number) => void given.push(ms);
    jest.spyOn(Runtimes.prototype, 'stop').mockImplementation(async () => {
      jest.advanceTimersByTime(3_000); // as slow programs are
    });
    await (await start({ flush }, { OTEL_EBPF_SHUTDOWN_TIMEOUT: '8s' }))[Symbol.asyncDispose]();
    await (await start({ flush }, { OTEL_EBPF_SHUTDOWN_TIMEOUT: '1s' }))[Symbol.asyncDispose]();
    expect(given).toEqual([4_500, 0]);
  });

  test('an exporter that does not end is left behind, and what it holds is said', async () => {
    const agent = await start({ flush: never, [Symbol.asyncDispose]: never, stats: () => HELD }, { OTEL_EBPF_SHUTDOWN_TIMEOUT: '8s' });
    expect(await stopped(agent, 7_999)).toBe(true);
    expect(errors).toEqual([expect.stringMatching(/^stopping: exporter fake did not end in time/)]);
    expect(details).toEqual([{ heldSpans: 4 }]);
  });

  test('an exporter whose flush fails is disposed of', async () => {
    const agent = await start({ flush: () => Promise.reject(new Error('no flush')) });
    expect(await stopped(agent, 0)).toBe(true);
    expect(kernel.done.at(-1)).toBe('-exporter');
    expect(errors).toHaveLength(1);
  });
});

test('a start that fails throws its own error, also when cleaning up fails', async () => {
  kernel.failing.add('attach tasks:obi_fork').add('-load tasks');
  await expect(start({ [Symbol.asyncDispose]: () => Promise.reject(new Error('no end')) })).rejects.toThrow('attach tasks:obi_fork failed');
  expect(kernel.done).toContain('-attach tasks:obi_exec');
});

test('BPF objects of another version of the code are not attached', async () => {
  kernel.maps['tasks'] = TASKS_MAPS.map((map) => (map === CHAINS ? { ...CHAINS, valueSize: 48 } : map));
  await expect(start()).rejects.toThrow(/obi_chains has keys of 4 and values of 48 bytes, not 4 and 40; rebuild/);
  expect(kernel.done).toEqual(['load tasks', '-load tasks', '-exporter']);
});

test('processes that the kernel took by itself are rejected when their news were lost', async () => {
  const [lost, taken] = [Buffer.alloc(8), Buffer.alloc(4)];
  taken.writeUInt32LE(2 ** 22 + 1); // no process has such a number
  kernel.tables['obi_counters'] = { lookupPerCpu: () => [lost] };
  kernel.tables['obi_processes'] = { keys: () => [taken] };
  const agent = await start();
  const rejected = () => kernel.done.filter((line) => line === 'delete obi_processes 4194305').length;
  lost.writeBigUInt64LE(1n);
  const end = Date.now() + 5000;
  while (rejected() === 0 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50));
  await agent[Symbol.asyncDispose]();
  expect(rejected()).toBe(1);
});

test.each([
  ['tcp', 1],
  ['headers,tcp', 1],
  ['disabled', 0],
])('context_propagation %s: what does nothing is among the limits', async (value, lines) => {
  // without cgroup2 there is one more limit, of the header carrier
  const agent = await start({}, { OTEL_EBPF_BPF_CONTEXT_PROPAGATION: value });
  expect(agent.status.limits.filter((limit) => limit.includes('TCP options'))).toHaveLength(lines);
  await agent[Symbol.asyncDispose]();
});

describe('explain', () => {
  const PLACES = { traceId: 8, spanId: 24, parentId: 32, scope: 40, scopeStartedNs: 48, request: 56, requestStartNs: 64, requestScope: 72, rule: 80 };
  /** A batch with one record of slot 2, the probe `good`. */
  function batch(spanId: string): Buffer {
    const bytes = Buffer.alloc(8 + 88);
    bytes.writeUInt32LE(88, 0);
    bytes.writeUInt16LE(2, 8);
    bytes.writeUInt16LE(1, 10);
    bytes.write(spanId, 8 + PLACES.spanId, 'hex');
    return bytes;
  }
  const ID = 'ab'.repeat(8);

  test('records of an event that says its cause are kept, and found', async () => {
    const [, good] = mockProbes;
    Object.assign(good?.manifest.events[0] ?? {}, { explain: PLACES });
    const agent = await start();
    kernel.deliver(batch(ID));
    expect(agent.explain(ID)?.spans).toMatchObject([{ spanId: ID, probe: 'good', event: 'good_event', verdict: { kind: 'root' } }]);
    expect(agent.explain('cd'.repeat(8))?.spans).toEqual([]);
    await agent[Symbol.asyncDispose]();
  });

  test('of others none are kept', async () => {
    const agent = await start();
    kernel.deliver(batch(ID));
    expect(agent.explain(ID)).toMatchObject({ spans: [], store: { records: 0 } });
    await agent[Symbol.asyncDispose]();
  });

  test('without a buffer nobody can ask', async () => {
    const agent = await start({}, { OTEL_EBPF_EXPLAIN_BUFFER_BYTES: '0' });
    expect(agent.explain(ID)).toBeUndefined();
    await agent[Symbol.asyncDispose]();
  });
});
