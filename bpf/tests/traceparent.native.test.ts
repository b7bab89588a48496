// SPDX-License-Identifier: Apache-2.0
// obi/traceparent.bpf.h against the W3C specification's rules for version 00 and for versions to come.
import { loadTestProgram, type TestProgram } from './test-program.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const VALID = `00-${TRACE}-${SPAN}-01`;

/** struct t_output, and struct obi_traceparent at its beginning */
const OUTPUT_BYTES = 144;
const READ_BYTES = 32;

let program: TestProgram;
beforeAll(() => {
  program = loadTestProgram('bpf', 'traceparent');
});
afterAll(() => program?.[Symbol.dispose]());

/** What the kernel half read, or undefined when it refused: byte by byte, and at once, which must be the same. */
function parse(text: string) {
  const verdict = program.run('t_parse', Buffer.from(text, 'latin1'));
  expect([0, 1]).toContain(verdict);
  const fed = program.value('t_output').subarray(0, READ_BYTES);
  program.map('t_output').update(Buffer.alloc(4), Buffer.alloc(OUTPUT_BYTES));
  const taken = program.call('t_take');
  if (verdict === 1) expect({ taken, read: program.value('t_output').subarray(0, READ_BYTES) }).toEqual({ taken: 1, read: fed });
  else expect(taken).not.toBe(1);
  if (verdict === 0) return undefined;
  return { trace: fed.toString('hex', 0, 16), span: fed.toString('hex', 16, 24), flags: fed.readUInt8(24) };
}

const read = (flags: number) => ({ trace: TRACE, span: SPAN, flags });

test.each([
  ['sampled', VALID, 1],
  ['not sampled', `00-${TRACE}-${SPAN}-00`, 0],
  ['flags that are not defined yet', `00-${TRACE}-${SPAN}-ff`, 0xff],
  ['random flag', `00-${TRACE}-${SPAN}-03`, 3],
  ['a later version of the same length', `01-${TRACE}-${SPAN}-01`, 1],
  ['a later version with more', `cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, 1],
  ['a later version with nothing after its dash', `cc-${TRACE}-${SPAN}-01-`, 1],
  ['version fe', `fe-${TRACE}-${SPAN}-01`, 1],
])('%s: read', (_name, text, flags) => {
  expect(parse(text)).toEqual(read(flags));
});

test.each([
  ['empty', ''],
  ['one byte short', VALID.slice(0, -1)],
  ['no flags', `00-${TRACE}-${SPAN}`],
  ['one byte long', `${VALID}0`],
  ['version 00 with more', `${VALID}-00`],
  ['version 00 with a dash', `${VALID}-`],
  ['a later version with more, but no dash', `cc-${TRACE}-${SPAN}-01.what`],
  ['version ff', `ff-${TRACE}-${SPAN}-01`],
  ['upper case trace id', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['upper case span id', `00-${TRACE}-${SPAN.toUpperCase()}-01`],
  ['upper case flags', `00-${TRACE}-${SPAN}-0A`],
  ['upper case version', `CC-${TRACE}-${SPAN}-01`],
  ['zero trace id', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['zero span id', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['letters that are no hex digits', `00-${TRACE.slice(0, -1)}g-${SPAN}-01`],
  ['space inside', `00-${TRACE} ${SPAN}-01`],
  ['other separators', VALID.replaceAll('-', '_')],
  ['one dash missing', `00-${TRACE}${SPAN}-011`],
  ['NUL bytes', '\0'.repeat(55)],
  ['bytes over 127', `00-${TRACE.slice(0, -1)}\xe9-${SPAN}-01`],
  ['very long', `${VALID}${'0'.repeat(4000)}`],
])('%s: refused', (_name, text) => {
  expect(parse(text)).toBeUndefined();
});

test('every byte of every position: only what the grammar allows is accepted', () => {
  const grammar = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
  const wrong: string[] = [];
  for (let position = 0; position < VALID.length; position++)
    for (const code of [0, 9, 10, 32, 44, 45, 46, 47, 48, 49, 57, 58, 64, 65, 70, 71, 96, 97, 102, 103, 122, 127, 128, 255]) {
      const text = VALID.slice(0, position) + String.fromCharCode(code) + VALID.slice(position + 1);
      if (grammar.test(text) !== (parse(text) !== undefined)) wrong.push(JSON.stringify(text));
    }
  expect(wrong).toEqual([]);
});

test('a value read before does not shine through', () => {
  expect(parse(VALID.replace(SPAN, 'f'.repeat(16)))).toEqual({ trace: TRACE, span: 'f'.repeat(16), flags: 1 });
  expect(parse(VALID)).toEqual(read(1));
});

test.each([
  [TRACE, SPAN, 1, VALID],
  ['00000000000000000000000000000001', '0000000000000001', 0, '00-00000000000000000000000000000001-0000000000000001-00'],
  ['ffffffffffffffffffffffffffffffff', 'ffffffffffffffff', 0xff, `00-${'f'.repeat(32)}-${'f'.repeat(16)}-ff`],
])('formats %s %s %i', (trace, span, flags, text) => {
  // struct t_output: obi_traceparent (32), obi_trace { trace_id 16, span_id 8, parent_id 8, flags, pad 7 } (40), text (64), state, pad 7
  const output = Buffer.alloc(OUTPUT_BYTES);
  output.write(trace, 32, 'hex');
  output.write(span, 48, 'hex');
  output.writeUInt8(flags, 64);
  program.map('t_output').update(Buffer.alloc(4), output);
  expect(program.call('t_format')).toBe(55);
  expect(program.value('t_output').toString('latin1', 72, 72 + 55)).toBe(text);
  expect(parse(text)).toEqual({ trace, span, flags });
});
