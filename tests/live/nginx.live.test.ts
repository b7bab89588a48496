// SPDX-License-Identifier: Apache-2.0
// nginx between a client and its upstreams, in every way that its configuration knows, 50 requests in flight: whose request caused which call? Judged by what the
// leaves received and by the application's ids. A wrong parent is a failure everywhere. OBI_NGINX_N: requests for each test, default 500.
import { Sandbox } from '../harness/sandbox.mjs';
import { ALONE, CASES, measureNginx, TOO_EARLY } from '../workloads/nginx/measure.mjs';
import { lacking, testUnless } from './support/chain.js';
import { features, inVm } from './support/features.js';

const REQUESTS = Number(process.env.OBI_NGINX_N ?? (inVm ? 200 : 500));
jest.setTimeout(120_000 + REQUESTS * (inVm ? 1000 : 100));

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-nginx' });
});
afterEach(() => sandbox.dispose());

/** Where FIONREAD is at fault, sockets of nginx leave the sockhash after their first request: later ones of a kept connection carry what nginx sends (adr 0004). */
const keepsHeaders = () => features().fionreadFault === false;
const NOTHING_WRONG = { wrong: 0, missing: 0, doubled: 0 };

const VARIANTS = [
  { name: 'the caller’s field is handed on', traceparent: true, drop: false },
  { name: 'the caller’s field is dropped', traceparent: true, drop: true },
  { name: 'the caller sends none', traceparent: false, drop: false },
];

describe.each(VARIANTS)('$name', ({ traceparent, drop }) => {
  for (const workers of [1, 4]) {
    testUnless(lacking(['nginx']))(
      `every location, ${workers === 1 ? 'one worker' : `${workers} workers`}: each call has its own request as parent`,
      async () => {
        const { code, sent, errors, servers, calls, own, wire, examples, counters } = await measureNginx(sandbox, {
          requests: REQUESTS,
          traceparent,
          drop,
          workers,
        });
        expect({ code, errors, examples }).toEqual({ code: 0, errors: [], examples: [] });
        expect(servers).toBe(sent);
        expect(calls).toBeGreaterThan(sent);
        expect(own).toEqual({ right: calls, wrong: 0, unknown: 0 });
        expect(wire).toMatchObject({ ...NOTHING_WRONG, unknown: 0 });
        expect(wire.right).toBeGreaterThan(calls / 4);
        expect(wire.right + wire.copied + wire.bare).toBe(calls);
        const handsOn = traceparent && !drop;
        expect(wire[handsOn ? 'bare' : 'copied']).toBe(0);
        expect(counters.http?.[handsOn ? 'rewritten' : 'injected']).toBe(wire.right);
        if (keepsHeaders()) expect(wire).toMatchObject({ right: calls });
      },
    );
  }

  testUnless(lacking(['nginx']))('new upstream connections, HTTP/1.0 and 1.1: every call carries the id', async () => {
    const cases = ['old', 'new'];
    const { errors, calls, own, wire, examples } = await measureNginx(sandbox, { cases, requests: REQUESTS, traceparent, drop });
    expect({ errors, examples }).toEqual({ errors: [], examples: [] });
    expect(own).toEqual({ right: REQUESTS, wrong: 0, unknown: 0 });
    expect(wire).toMatchObject({ ...NOTHING_WRONG, right: calls, unknown: 0, copied: 0, bare: 0 });
  });

  testUnless(lacking(['nginx']))('requests that follow too early on their connection are unknown, never wrong', async () => {
    const ways = [...ALONE, ...TOO_EARLY, ...TOO_EARLY];
    const { errors, own, wire, examples, byOrder, calls } = await measureNginx(sandbox, { requests: REQUESTS, ways, traceparent, drop, workers: 2 });
    expect({ errors, examples }).toEqual({ errors: [], examples: [] });
    expect(own).toMatchObject({ wrong: 0, right: calls - own.unknown });
    expect(own.unknown).toBeGreaterThan(0);
    expect(wire).toMatchObject({ wrong: 0, doubled: 0, missing: 0 });
    const unknown = Object.entries(byOrder).filter(([, verdicts]) => verdicts.unknown > 0);
    expect(unknown.map(([order]) => order.split(' ')[1]).filter((way) => !TOO_EARLY.includes(way ?? ''))).toEqual([]);
    // The first of them is certain.
    expect(Object.entries(byOrder).filter(([order, { right }]) => /ahead|pipelined/.test(order) && right > 0).length).toBeGreaterThan(CASES.length / 2);
  });
});
