// SPDX-License-Identifier: Apache-2.0
// Trace context that comes in: continued when it is valid, with its sampling decision; else a trace begins.
import { flatten, type Tree, verifyTree } from '../harness/load.mjs';
import { Obi } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import type { Service } from '../harness/services.mjs';
import { serviceOf, verifyAll } from '../harness/traces.mjs';
import { lacking, portsOf, startChain, testUnless } from './support/chain.js';
import { CALLER, SERVER, spanOf, TRACE, traced } from './support/traced.js';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-incoming' });
});
afterEach(() => sandbox.dispose());

testUnless(lacking(['python', 'ruby']))('an incoming traceparent is continued through the chain', async () => {
  const services = await startChain(sandbox, ['python', 'ruby', 'node']);
  const { trees, spans } = await traced(sandbox, services, { requests: 1, traceparent: `00-${TRACE}-${CALLER}-01` });
  expect(verifyAll(trees, spans, verifyTree)).toMatchObject([{ traceId: TRACE, wrong: [] }]);
  expect(spanOf(spans, SERVER, ({ parentSpanId }) => parentSpanId === CALLER)).toMatchObject([{ resource: { 'service.name': 'python-0' } }]);
});

testUnless(lacking(['python', 'ruby']))('a trace that is not sampled stays so through the chain, and has no spans', async () => {
  const services = await startChain(sandbox, ['python', 'ruby', 'node']);
  const { trees, spans, counters } = await traced(sandbox, services, { traceparent: `00-${TRACE}-${CALLER}-00` });
  for (const tree of trees) {
    expect(verifyTree(tree)).toEqual([]);
    for (const { traceparent } of flatten(tree)) expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
  }
  expect(spans).toEqual([]);
  expect(counters.http).toMatchObject({ unsampled: 5 * trees.length, injected: 2 * trees.length });
});

const VALUES: [string, string, boolean][] = [
  ['of a later version', `01-${TRACE}-${CALLER}-01`, true],
  ['of a later version with more fields', `cc-${TRACE}-${CALLER}-01-what-the-future-brings`, true],
  ['with flags that version 00 does not know', `00-${TRACE}-${CALLER}-ff`, true],
  ['of the forbidden version', `ff-${TRACE}-${CALLER}-01`, false],
  ['with a trace id of zeroes', `00-${'0'.repeat(32)}-${CALLER}-01`, false],
  ['with a parent id of zeroes', `00-${TRACE}-${'0'.repeat(16)}-01`, false],
  ['in upper case', `00-${TRACE.toUpperCase()}-${CALLER}-01`, false],
  ['that is cut', `00-${TRACE}-${CALLER}-0`, false],
  ['of version 00 with more', `00-${TRACE}-${CALLER}-01-more`, false],
  ['that is something else', 'yes', false],
  ['that is empty', '', false],
];

testUnless(lacking(['python']))('of each kind of traceparent, the valid ones are continued and the others begin a trace', async () => {
  const services = await startChain(sandbox, ['python', 'node']);
  const obi = await Obi.start(sandbox, { ports: portsOf(services) });
  const { url } = services[0] as Service;
  const cases = [
    ...VALUES.map(([what, value, valid]) => ({ what, headers: [value], valid })),
    { what: 'that comes twice', headers: [0, 1].map(() => `00-${TRACE}-${CALLER}-01`), valid: false },
  ];
  for (const [n, { what, headers, valid }] of cases.entries()) {
    // curl can send a field twice, and an empty one by ending its name with a semicolon.
    const fields = headers.flatMap((value) => ['-H', value === '' ? 'traceparent;' : `traceparent: ${value}`]);
    const tree: Tree = JSON.parse(await sandbox.run('curl', ['curl', '-sf', ...fields, `${url}/case-${n}`]));
    const spans = await obi.waitForSpans(3, 15, ({ attributes }) => String(attributes['url.full'] ?? attributes['url.path']).endsWith(`/case-${n}`));
    expect({
      what,
      count: spans.length,
      wrong: verifyTree({ ...tree, traceparent: valid ? tree.traceparent : null }).filter((text) => !text.includes('trace ids')),
    }).toEqual({ what, count: 3, wrong: [] });
    const [root] = spanOf(spans, SERVER, (span) => serviceOf(span) === 'python-0');
    expect({ what, parent: root?.parentSpanId, same: root?.traceId === TRACE }).toEqual({ what, parent: valid ? CALLER : undefined, same: valid });
    expect({ what, traces: new Set(spans.map(({ traceId }) => traceId)).size }).toEqual({ what, traces: 1 });
    expect({ what, downstream: tree.downstream[0]?.traceparent }).toEqual({
      what,
      downstream: expect.stringMatching(new RegExp(`^00-${root?.traceId}-[0-9a-f]{16}-01$`)),
    });
  }
});
