// SPDX-License-Identifier: Apache-2.0
/** Records of every valid length that no kernel would send: no throw, and spans that keep to the writer's contract. */
import { httpExchangeEvent as event, HttpRole } from '../src/generated/http.events.js';
import { spansOf } from './support/spans.js';

function congruential(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) / 2 ** 24;
  };
}

/** What request lines and hosts are made of, so that the branches behind a good beginning are reached too. */
const PIECES = [
  'GET ',
  'CONNECT ',
  'X ',
  'http://',
  'https://',
  '/',
  '?',
  '*',
  'sig=',
  '&',
  '%73ig=',
  '%',
  '@',
  ':',
  '[',
  ']',
  '::1',
  ':80',
  ' HTTP/1.1',
  'é',
  '\xff',
  '\0',
];

test.each([1, 2, 3])('random records, seed %d', (seed) => {
  const random = congruential(seed);
  const int = (below: number) => Math.floor(random() * below);
  const records = Array.from({ length: 1_500 }, (_, i) => {
    const record = Buffer.alloc(event.minSize + int(event.size - event.minSize + 1));
    for (let at = 0; at < record.length; at++) record[at] = int(256);
    if (i % 2 === 0) {
      const text = () => Buffer.from(Array.from({ length: int(12) }, () => PIECES[int(PIECES.length)]).join(''), 'latin1');
      text().copy(record, event.offset.line);
      text().copy(record, event.offset.host, 0, event.length.host);
      record.writeUInt8(int(2) ? int(256) : int(20), event.offset.hostLen);
      record.writeUInt16LE(int(2) ? int(65_536) : int(60), event.offset.lineLen);
      record.writeUInt8(int(2) ? HttpRole.SERVER : HttpRole.CLIENT, event.offset.role);
    }
    return record;
  });
  const spans = spansOf(records, { 'routes.unmatched': 'heuristic' });
  expect(spans).toHaveLength(records.length);
  for (const { name, kind, attributes } of spans) {
    expect(name?.length).toBeGreaterThan(0);
    expect(attributes['http.request.method']).toBeDefined();
    expect(attributes[kind === 2 ? 'url.path' : 'url.full']).toBeDefined();
    expect(String(attributes['url.query'] ?? '')).not.toMatch(/(^|&)sig=(?!REDACTED(&|$))/);
  }
});
