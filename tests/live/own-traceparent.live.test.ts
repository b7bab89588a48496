// SPDX-License-Identifier: Apache-2.0
// Trace context that an application sends by itself: it is adopted, never doubled, never replaced.
import { parseTraceparent } from '../harness/load.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { buildWorkloads, type Language, startService } from '../harness/services.mjs';
import { serviceOf } from '../harness/traces.mjs';
import { lacking, testUnless } from './support/chain.js';
import { keepsHeaders } from './support/features.js';
import { CALLER, CLIENT, SERVER, spanOf, TRACE, traced } from './support/traced.js';

let sandbox: Sandbox;
beforeAll(buildWorkloads);
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-own' });
});
afterEach(() => sandbox.dispose());

for (const language of ['python', 'ruby', 'java', 'node', 'go'] as Language[]) {
  for (const keepAlive of [false, true]) {
    testUnless(lacking([language]))(`a traceparent that ${language} sends stays alone and is adopted, ${keepAlive ? 'kept' : 'new'} connections`, async () => {
      const leaf = await startService(sandbox, 'node', { name: 'leaf' });
      const env = { SEND_TRACEPARENT: '1', ...(keepAlive ? { KEEPALIVE: '1' } : {}) };
      const sender = await startService(sandbox, language, { name: 'sender', downstream: [leaf], env });
      const { trees, spans, counters } = await traced(sandbox, [sender, leaf], {});
      for (const { downstream } of trees) {
        const [entry] = downstream;
        expect(entry).toMatchObject({ traceparent: entry?.sent, traceparents: 1 });
        const sent = parseTraceparent(entry?.sent);
        const clients = spanOf(spans, CLIENT, ({ traceId }) => traceId === sent?.traceId);
        expect(clients).toMatchObject([{ spanId: sent?.spanId }]);
        // Another trace than the request's: the sender's own server span is no parent of it.
        expect(clients[0]?.parentSpanId).toBeUndefined();
        expect(spanOf(spans, SERVER, ({ traceId }) => traceId === sent?.traceId)).toMatchObject([
          { parentSpanId: sent?.spanId, resource: { 'service.name': 'leaf' } },
        ]);
      }
      expect(spans).toHaveLength(3 * trees.length);
      expect(counters.http).toMatchObject({ parent_application: trees.length });
      // The carrier, which counts `kept`, sees only the first request of a connection that has to leave the sockhash.
      if (!keepAlive || keepsHeaders(language)) expect(counters.http).toMatchObject({ kept: trees.length });
      expect(counters.http).not.toHaveProperty('injected');
    });
  }
}

testUnless(lacking(['python']))('a traceparent of the incoming trace hangs its client span under the request', async () => {
  const leaf = await startService(sandbox, 'node', { name: 'leaf' });
  const sender = await startService(sandbox, 'python', { name: 'sender', downstream: [leaf], env: { SEND_TRACEPARENT: 'child' } });
  const { trees, spans, counters } = await traced(sandbox, [sender, leaf], { traceparent: `00-${TRACE}-${CALLER}-01` });
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([TRACE]));
  for (const { downstream } of trees) {
    const [entry] = downstream;
    expect(entry).toMatchObject({ traceparent: entry?.sent, traceparents: 1 });
    const [client] = spanOf(spans, CLIENT, ({ spanId }) => spanId === parseTraceparent(entry?.sent)?.spanId);
    expect(spanOf(spans, SERVER, ({ spanId }) => spanId === client?.parentSpanId)).toMatchObject([
      { parentSpanId: CALLER, resource: { 'service.name': 'sender' } },
    ]);
  }
  expect(counters.http).toEqual({ kept: trees.length, parent_application: trees.length, parent_thread: trees.length });
});

testUnless(lacking(['python']))('a proxy that forwards the field unchanged: its own span id is written over that of its caller', async () => {
  const leaf = await startService(sandbox, 'node', { name: 'leaf' });
  const proxy = await startService(sandbox, 'python', { name: 'proxy', downstream: [leaf], env: { SEND_TRACEPARENT: 'forward' } });
  const { trees, spans } = await traced(sandbox, [proxy, leaf], { traceparent: `00-${TRACE}-${CALLER}-01` });
  expect(spans).toHaveLength(3 * trees.length);
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
  const clients = spanOf(spans, CLIENT, () => true);
  const received = trees.flatMap(({ downstream }) => downstream.map(({ traceparent, traceparents }) => ({ traceparent, traceparents })));
  expect(received).toHaveLength(clients.length);
  expect(received).toEqual(expect.arrayContaining(clients.map(({ spanId }) => ({ traceparent: `00-${TRACE}-${spanId}-01`, traceparents: 1 }))));
  for (const client of clients) {
    expect(spanOf(spans, SERVER, ({ spanId }) => spanId === client.parentSpanId)).toMatchObject([
      { parentSpanId: CALLER, resource: { 'service.name': 'proxy' } },
    ]);
  }
  const callers = new Set(clients.map(({ spanId }) => spanId));
  expect(spanOf(spans, SERVER, (span) => serviceOf(span) === 'leaf').filter(({ parentSpanId }) => !callers.has(parentSpanId ?? ''))).toEqual([]);
});
