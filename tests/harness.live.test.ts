// SPDX-License-Identifier: Apache-2.0
// The harness itself, without obi: sandboxes leave nothing behind, services answer what they received, the Collector gives spans back.
import { existsSync } from 'node:fs';
import { Collector, collectorBinary } from './harness/collector.mjs';
import { flatten, loadIn, verifyTree } from './harness/load.mjs';
import { Sandbox } from './harness/sandbox.mjs';
import { missing, startService } from './harness/services.mjs';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.create({ netns: true });
});
afterAll(async () => {
  await sandbox.dispose();
  expect(existsSync(sandbox.cgroup)).toBe(false);
});

const languages = (['python', 'ruby', 'java', 'node', 'go', 'nginx'] as const).filter((language) => !missing(language));

test.each(languages)('%s answers with what it and its downstream received, and counts', async (language) => {
  const leaf = await startService(sandbox, 'node', { name: 'leaf', env: { PAD_BYTES: '9000' } });
  const service = await startService(sandbox, language, { downstream: [leaf], env: { KEEPALIVE: '1' } });
  const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
  const { trees, errors } = await loadIn(sandbox, { url: service.url, requests: 20, concurrency: 5, headers: { traceparent } });
  expect(errors).toEqual([]);
  expect(trees).toHaveLength(20);
  for (const tree of trees) {
    const entries = flatten(tree);
    // nginx adds no entry of its own, and passes the header on as a proxy does.
    expect(entries.map((entry) => entry.service)).toEqual(language === 'nginx' ? ['leaf'] : [language, 'leaf']);
    expect(entries[0]?.traceparent).toBe(traceparent);
    expect(entries.at(-1)?.pad).toHaveLength(9000);
    if (language !== 'nginx') expect(verifyTree(tree)).toEqual(['leaf received 0 traceparent headers']);
  }
  expect(await service.served()).toBe(20);
  expect(await leaf.served()).toBe(20);
  await service.proc.stop();
  await leaf.proc.stop();
});

test('a whole tree is whole, and a second header, a foreign trace and a shared parent are not', () => {
  const header = (trace: string, span: string) => `00-${trace.repeat(32)}-${span.repeat(16)}-01`;
  const leaf = (traceparent: string, traceparents = 1) => ({ service: 'leaf', traceparent, traceparents, request: 'r', downstream: [] });
  const tree = (...downstream: ReturnType<typeof leaf>[]) => ({ service: 'root', traceparent: null, traceparents: 0, request: 'r', downstream });
  expect(verifyTree(tree(leaf(header('a', 'b')), leaf(header('a', 'c'))))).toEqual([]);
  expect(verifyTree(tree(leaf(header('a', 'b'), 2)))).toEqual(['leaf received 2 traceparent headers']);
  expect(verifyTree(tree(leaf(header('a', 'b')), leaf(header('d', 'c'))))).toEqual(['2 trace ids in one request']);
  expect(verifyTree(tree(leaf(header('a', 'b')), leaf(header('a', 'b'))))).toEqual(['leaf received a parent id that another service received too']);
});

const collector = collectorBinary();
const withCollector = 'binary' in collector ? test : test.skip;
withCollector('the Collector gives back what it was sent', async () => {
  const running = await Collector.start({ binary: (collector as { binary: string }).binary, sandbox });
  const span = {
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    name: 'GET',
    kind: 2,
    startTimeUnixNano: '1',
    endTimeUnixNano: '5',
    attributes: [{ key: 'n', value: { intValue: '7' } }],
  };
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'me' } }] };
  const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 's' }, spans: [span] }] }] });
  const post =
    "require('http').request(process.argv[1], { method: 'POST', headers: { 'content-type': 'application/json' } }, (r) => process.exit(r.statusCode === 200 ? 0 : 1)).end(process.argv[2])";
  await sandbox.run('post', [process.execPath, '-e', post, `${running.endpoint}/v1/traces`, body]);
  expect(await running.waitForSpans(1)).toMatchObject([
    {
      traceId: 'a'.repeat(32),
      spanId: 'b'.repeat(16),
      parentSpanId: '',
      name: 'GET',
      kind: 2,
      endTime: 5n,
      attributes: { n: 7 },
      resource: { 'service.name': 'me' },
      scope: 's',
    },
  ]);
  expect(await running.stop()).toHaveLength(1);
});
