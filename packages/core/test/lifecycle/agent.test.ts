// SPDX-License-Identifier: Apache-2.0
/** Starting and stopping over a kernel that is none: what is left when a probe fails, and in which order things end. */
import type { DiscoveredProbe } from '../../src/discovery/types.js';

const mockProbes: DiscoveredProbe[] = [];
jest.mock('../../src/discovery/discover.js', () => ({ discoverProbes: async () => ({ probes: mockProbes, refusals: [] }) }));

import { loadConfig } from '../../src/config/load.js';
import { Config } from '../../src/config/schema.js';
import { Container } from '../../src/di.js';
import { CoreObjects } from '../../src/kernel/core-objects.js';
import { Kernel } from '../../src/kernel/kernel.js';
import { Agent } from '../../src/lifecycle/agent.js';
import { Logger } from '../../src/logging/logger.js';
import { silentLogger } from '../../src/logging/silent-logger.js';
import { type SpanExporter, SpanExporters } from '../../src/span/span-exporter.js';
import type { SpanWriter } from '../../src/span/span-writer.js';
import { FakeKernel } from '../kernel/fake-kernel.js';

class Decoder {
  decode(): void {}
}

function probe(id: string): DiscoveredProbe {
  return {
    entry: { id, kind: 'protocol', api: 1, manifest: 'm', slots: { 'protocol.raw_tracepoint': `${id}_rtp`, 'end.raw_tracepoint': `${id}_end` } },
    manifest: { events: [{ struct: `${id}_event`, kind: 1, size: 16, digest: 'd' }], counters: [] },
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
let kernel: FakeKernel;
beforeEach(() => {
  errors = [];
  kernel = new FakeKernel();
  mockProbes.splice(0, mockProbes.length, probe('bad'), probe('good'));
});

function start(exporter: Partial<SpanExporter> = {}, env: Record<string, string> = {}): Promise<Agent> {
  const log: Logger = { ...silentLogger, error: (message) => void errors.push(message), child: () => log };
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

test('a start that fails throws its own error, also when cleaning up fails', async () => {
  kernel.failing.add('attach tasks:obi_fork').add('-load tasks');
  await expect(start({ [Symbol.asyncDispose]: () => Promise.reject(new Error('no end')) })).rejects.toThrow('attach tasks:obi_fork failed');
  expect(kernel.done).toContain('-attach tasks:obi_exec');
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
