// SPDX-License-Identifier: Apache-2.0
import { parseId } from '../../src/explain/span-id.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

test.each([
  [SPAN, 'span', SPAN],
  [` ${SPAN.toUpperCase()}\n`, 'span', SPAN],
  [TRACE, 'trace', TRACE],
  ['4bf92f35-77b3-4da6-a3ce-929d0e0e4736', 'trace', TRACE],
  [`00-${TRACE}-${SPAN}-01`, 'span', SPAN],
])('%j', (text, kind, hex) => expect(parseId(text)).toEqual({ kind, hex }));

test.each([
  ['', 'is no id'],
  ['xyz', 'is no id'],
  [SPAN.slice(1), 'is no id'],
  [`${TRACE}00`, 'is no id'],
  [`${SPAN.slice(1)}g`, 'is no id'],
  [`0x${SPAN}`, 'is no id'],
  ['0'.repeat(16), 'stands for no span'],
  ['0'.repeat(32), 'stands for no span'],
])('%j is refused, and the message says what an id looks like', (text, why) => {
  expect(() => parseId(text)).toThrow(expect.objectContaining({ code: 'OBI_ERR_EXPLAIN_ID' }));
  expect(() => parseId(text)).toThrow(why);
  expect(() => parseId(text)).toThrow('trace id (32 hexadecimal digits), a span id (16), or a whole traceparent');
});

test('a long text is not repeated in full', () => {
  expect(() => parseId('z'.repeat(10_000))).toThrow(/^.{0,300}$/);
});
