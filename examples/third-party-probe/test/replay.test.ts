// SPDX-License-Identifier: Apache-2.0
// Records of a real run (test/live/shop.py and redis-server, both traced), kept by `obi record`. How to renew them: DEV.md.
import { join } from 'node:path';
import { SpanKind } from '@obi/core';
import { type RecordedSpan, readRecordedEvents, replay } from '@obi/probe-kit';
import probe from '../src/index.js';

const spans = replay(probe, readRecordedEvents(join(__dirname, 'fixtures/shop.json')));
const byTime = (a: RecordedSpan, b: RecordedSpan) => Number((a.startNs ?? 0n) - (b.startNs ?? 0n));
const clients = spans.filter(({ kind }) => kind === SpanKind.CLIENT).sort(byTime);
const servers = spans.filter(({ kind }) => kind === SpanKind.SERVER);

test('every command of the shop is a client span, in its order', () => {
  expect(clients.map(({ name, attributes, status }) => [name, attributes['db.operation.batch.size'] ?? 1, status?.code ?? 0])).toEqual([
    ['PING', 1, 0],
    ['SET', 1, 0],
    ['get', 1, 0],
    ['PIPELINE ECHO', 5, 0],
    ['PIPELINE', 2, 0],
    ['MULTI SET', 2, 0],
    ['SET', 1, 0],
    ['LPUSH', 1, 2],
    ['SETEX', 1, 0],
    ['SET', 1, 0],
    ['PIPELINE', 2, 0],
    ['HSET', 1, 0],
    ['HGETALL', 1, 0],
    ['EVAL', 1, 0],
    ['GET', 1, 0],
  ]);
});

test('a client has a parent but for what it sent before the request came; a server, which is told nothing, has none', () => {
  expect(clients.filter(({ parentSpanId }) => parentSpanId === undefined).map(({ name }) => name)).toEqual(['PING']);
  expect(new Set(clients.map(({ parentSpanId }) => parentSpanId)).size).toBe(8); // seven requests, and none
  expect(servers.length).toBeGreaterThanOrEqual(clients.length);
  expect(servers.filter(({ parentSpanId }) => parentSpanId !== undefined)).toEqual([]);
});

test('times are in order', () => {
  for (const { startNs = 0n, endNs = 0n } of spans) expect(endNs).toBeGreaterThan(startNs);
});
