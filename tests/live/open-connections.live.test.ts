// SPDX-License-Identifier: Apache-2.0
// Connections that were open before obi: kept clients of programs that never ask FIONREAD carry the header from its start on, on every kernel.
import { verifyTree } from '../harness/load.mjs';
import { Obi } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { type Language, startService } from '../harness/services.mjs';
import { verifyAll } from '../harness/traces.mjs';
import { lacking, portsOf, testUnless } from './support/chain.js';
import { ACCOUNTING, finish } from './support/counters.js';
import { connectionsOf, HeldClient } from './support/held-client.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-open' });
});
afterEach(() => sandbox.dispose());

for (const language of ['python', 'ruby', 'node'] as Language[]) {
  testUnless(lacking([language, 'python']))(`connections of ${language} that were open before obi carry the header from its start on`, async () => {
    const leaf = await startService(sandbox, 'node', { name: 'leaf' });
    const service = await startService(sandbox, language, { name: 'early', downstream: [leaf], env: { KEEPALIVE: '1' } });
    const client = await HeldClient.start(sandbox, service.port);
    expect((await client.send(5)).map(({ downstream }) => downstream[0]?.traceparents)).toEqual(Array(5).fill(0));
    const open = async () => (await connectionsOf(sandbox)).filter(({ remote }) => remote === leaf.port).map(({ cookie }) => cookie);
    const before = await open();
    expect(before).toHaveLength(1);

    const obi = await Obi.start(sandbox, { ports: portsOf([service, leaf]), env: ACCOUNTING });
    const trees = await client.send(20);
    expect(await open()).toEqual(before);
    expect(trees.map(({ downstream }) => downstream[0]?.traceparents)).toEqual(Array(20).fill(1));
    const spans = await obi.waitForSpans(60);
    expect(spans).toHaveLength(60);
    // An event loop does not tell which request caused which call: there the call begins a trace.
    if (language !== 'node') expect(verifyAll(trees, spans, verifyTree).flatMap(({ wrong }) => wrong)).toEqual([]);
    const { counters, lost } = await finish(obi);
    expect(lost).toEqual([]);
    expect(counters.http).toEqual({ injected: 20, ...(language === 'node' ? { orphan_multiplexed: 20 } : { parent_thread: 20 }) });
  });
}
