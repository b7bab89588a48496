// SPDX-License-Identifier: Apache-2.0
// A process that was not selected, beside one that was: nothing of it is read, changed, counted or kept.
import { loadIn } from '../harness/load.mjs';
import { Obi } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { startService } from '../harness/services.mjs';
import { serviceOf } from '../harness/traces.mjs';
import { dumpMap } from './support/bpf.js';
import { lacking, testUnless } from './support/chain.js';
import { ACCOUNTING, finish, NO_FAULTS } from './support/counters.js';
import { connectionsOf, HeldClient } from './support/held-client.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-unselected' });
});
afterEach(() => sandbox.dispose());

const REQUESTS = 30;

/** Both ports of each connection that the kernel side knows: skc_portpair, the last 4 bytes of struct obi_connection's first 20. */
function knownPorts(pid: number): number[] {
  return dumpMap(pid, 'obi_connections').flatMap(({ value }) => [value.readUInt16BE(32), value.readUInt16LE(34)]);
}

testUnless(lacking(['python']))('of two alike, only the one on the selected port is traced', async () => {
  const leaf = await startService(sandbox, 'node', { name: 'leaf' });
  const kept = { downstream: [leaf], env: { KEEPALIVE: '1' } };
  const selected = await startService(sandbox, 'python', { ...kept, name: 'selected' });
  const other = await startService(sandbox, 'python', { ...kept, name: 'other' });
  const obi = await Obi.start(sandbox, { ports: [selected.port], env: ACCOUNTING });

  // The clients hold their connections open while the maps are read: so do the services theirs to the leaf.
  const ofSelected = await (await HeldClient.start(sandbox, selected.port)).send(REQUESTS);
  const ofOther = await (await HeldClient.start(sandbox, other.port)).send(REQUESTS);
  await obi.waitForSpans(2 * REQUESTS);
  const { pid } = obi.proc;
  const ports = knownPorts(pid);
  const connections = await connectionsOf(sandbox);
  const watched = dumpMap(pid, 'obi_sockhash').map(({ key }) => key.readBigUInt64LE());
  const processes = dumpMap(pid, 'obi_processes').map(({ key }) => key.readUInt32LE());

  expect(ofSelected.map(({ traceparents, downstream }) => [traceparents, downstream[0]?.traceparents])).toEqual(Array(REQUESTS).fill([0, 1]));
  expect(ofOther.map(({ traceparents, downstream }) => [traceparents, downstream[0]?.traceparents])).toEqual(Array(REQUESTS).fill([0, 0]));

  // What is the selected one's is there, so the absence of the other's says something.
  const toLeaf = connections.filter(({ remote }) => remote === leaf.port);
  expect(toLeaf).toHaveLength(2);
  const mine = toLeaf.filter(({ local }) => ports.includes(local));
  expect(mine).toHaveLength(1);
  expect(watched).toEqual(mine.map(({ cookie }) => cookie));
  expect(ports).toContain(selected.port);
  expect(ports).not.toContain(other.port);
  expect(processes).toEqual([selected.proc.pid]);

  const { spans, counters, faults, lost } = await finish(obi);
  expect(spans).toHaveLength(2 * REQUESTS);
  expect(new Set(spans.map(serviceOf))).toEqual(new Set(['selected']));
  expect(counters).toEqual({ core: {}, http: { parent_thread: REQUESTS, injected: REQUESTS } });
  expect({ faults, lost }).toEqual({ faults: { core: NO_FAULTS, http: NO_FAULTS }, lost: [] });
});

testUnless(lacking(['python']))('a process outside the cgroup is not traced, whatever its port', async () => {
  const leaf = await startService(sandbox, 'node', { name: 'leaf' });
  const outside = await Sandbox.create({ name: 'obi-unselected' });
  try {
    // In the same network namespace, so that only the cgroup tells them apart.
    const env = { NAME: 'outside', OTEL_SERVICE_NAME: 'outside', PORT: '0', DOWNSTREAM: leaf.url };
    const gateway = new URL('../workloads/gateway.py', `file://${__filename}`).pathname;
    const enter = sandbox.netns ? ['nsenter', `--net=${sandbox.netnsPath}`, '--'] : [];
    const proc = await outside.start('outside', [...enter, '/usr/bin/python3', gateway], { env });
    const [, port] = await proc.line(/^listening (\d+)$/);
    const obi = await Obi.start(sandbox, { ports: [Number(port), leaf.port], env: ACCOUNTING });
    const { trees, errors } = await loadIn(sandbox, { url: `http://127.0.0.1:${port}`, requests: REQUESTS });
    expect(errors).toEqual([]);
    expect(trees.filter((tree) => tree.downstream[0]?.traceparents !== 0)).toEqual([]);
    await obi.waitForSpans(REQUESTS);
    const { spans, counters } = await finish(obi);
    expect(spans).toHaveLength(REQUESTS);
    expect(new Set(spans.map(serviceOf))).toEqual(new Set(['leaf']));
    expect(counters).toEqual({ core: {}, http: {} });
  } finally {
    await outside.dispose();
  }
});
