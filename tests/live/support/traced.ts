// SPDX-License-Identifier: Apache-2.0
// One load through a chain with obi on, and everything that came of it.
import { loadIn, type Tree } from '../../harness/load.mjs';
import { Obi, type PrintedSpan } from '../../harness/obi.mjs';
import type { Sandbox } from '../../harness/sandbox.mjs';
import type { Service } from '../../harness/services.mjs';
import { spansOf } from '../../harness/traces.mjs';
import { portsOf } from './chain.js';
import { ACCOUNTING, type Account, finish } from './counters.js';

export const SERVER = 2;
export const CLIENT = 3;

/** A trace that exists before a request comes in, and the span of its caller. */
export const TRACE = 'c0ffee'.padEnd(32, '1');
export const CALLER = 'ab'.padEnd(16, '2');

/** Sends requests through the chain with obi on, and waits for that many spans of each. */
export async function traced(
  sandbox: Sandbox,
  services: Service[],
  { requests = 20, traceparent }: { requests?: number; traceparent?: string },
): Promise<Account & { trees: Tree[] }> {
  const obi = await Obi.start(sandbox, { ports: portsOf(services), env: ACCOUNTING });
  const headers = traceparent === undefined ? {} : { traceparent };
  const { trees, errors } = await loadIn(sandbox, { url: (services[0] as Service).url, requests, concurrency: 4, headers });
  expect(errors).toEqual([]);
  expect(trees).toHaveLength(requests);
  const sampled = traceparent === undefined || traceparent.endsWith('1');
  await obi.waitForSpans(sampled ? trees.reduce((sum, tree) => sum + spansOf(tree), 0) : 0);
  return { ...(await finish(obi)), trees };
}

export const spanOf = (spans: PrintedSpan[], kind: number, test: (span: PrintedSpan) => boolean) => spans.filter((span) => span.kind === kind && test(span));
