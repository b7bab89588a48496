// SPDX-License-Identifier: Apache-2.0
import { attributeKey, SpanKind, type SpanWriter, StatusCode } from '../../src/span/span-writer.js';
import { teeSpanWriter } from '../../src/span/tee-span-writer.js';

/** Notes its calls; takes the spans of the pids in `pids`. */
function recorder(pids: readonly number[]): { calls: unknown[][]; writer: SpanWriter } {
  const calls: unknown[][] = [];
  const writer = new Proxy({} as SpanWriter, {
    get:
      (_, method) =>
      (...args: unknown[]) => {
        calls.push([method, ...args]);
        return method === 'begin' ? pids.includes(args[0] as number) : undefined;
      },
  });
  return { calls, writer };
}

const key = attributeKey('k');
const bytes = new Uint8Array(32);
const view = new DataView(bytes.buffer);

/** Every method of the contract once, in one order. */
const everything: [keyof SpanWriter, ...unknown[]][] = [
  ['kind', SpanKind.CLIENT],
  ['ids', bytes, 0, 16, 24, 1],
  ['times', view, 0, 8],
  ['unixTimes', 1n, 2n],
  ['name', 'n'],
  ['string', key, 'v'],
  ['text', key, bytes, 1, 2],
  ['int', key, 3],
  ['bool', key, false],
  ['double', key, 0.5],
  ['status', StatusCode.ERROR, 'm'],
  ['attribute', 'own', [1n, 2n]],
  ['event', { timeUnixNano: 1n, name: 'e', attributes: [], droppedAttributes: 0 }],
  ['link', { traceId: '0'.repeat(32), spanId: '0'.repeat(16), traceState: '', flags: 0, attributes: [], droppedAttributes: 0 }],
  ['dropped', { attributes: 1, events: 2, links: 3 }],
  ['end'],
];

function writeAll(writer: SpanWriter, pid: number, calls = everything): boolean {
  const begun = writer.begin(pid);
  for (const [method, ...args] of calls) (writer[method] as (...args: unknown[]) => void)(...args);
  return begun;
}

describe('teeSpanWriter', () => {
  test('repeats every call to every writer', () => {
    const [a, b] = [recorder([1]), recorder([1])];
    expect(writeAll(teeSpanWriter([a.writer, b.writer]), 1)).toBe(true);
    expect(a.calls).toEqual([['begin', 1], ...everything]);
    expect(b.calls).toEqual(a.calls);
  });

  test('leaves out writers that did not take the span, for that span only', () => {
    const [a, b] = [recorder([1]), recorder([1, 2])];
    const tee = teeSpanWriter([a.writer, b.writer]);
    writeAll(tee, 2);
    expect(a.calls).toEqual([['begin', 2]]);
    expect(b.calls).toHaveLength(1 + everything.length);
    writeAll(tee, 1);
    expect(a.calls).toHaveLength(2 + everything.length);
  });

  test('says no when nobody takes the span, and then passes nothing on', () => {
    const a = recorder([]);
    const b = recorder([]);
    expect(writeAll(teeSpanWriter([a.writer, b.writer]), 1)).toBe(false);
    expect([...a.calls, ...b.calls]).toEqual([
      ['begin', 1],
      ['begin', 1],
    ]);
    expect(teeSpanWriter([]).begin(1)).toBe(false);
  });

  test('discard ends the span as end does', () => {
    const [a, b] = [recorder([1]), recorder([1])];
    writeAll(teeSpanWriter([a.writer, b.writer]), 1, [['name', 'x'], ['discard'], ['end']]);
    expect(a.calls).toEqual([['begin', 1], ['name', 'x'], ['discard']]);
  });

  test('a single writer is used as it is', () => {
    const { writer } = recorder([1]);
    expect(teeSpanWriter([writer])).toBe(writer);
  });
});
