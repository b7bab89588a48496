// SPDX-License-Identifier: Apache-2.0
import { nextJump, RCX, RSI } from '../src/binary/next-jump.js';

const CODE_AT = 0x1000;
/** @param code instructions, as hexadecimal numbers */
function jump(code: string, kept?: number): number | undefined {
  const bytes = Buffer.from(code.replaceAll(/\s/g, ''), 'hex');
  const image = { read: (address: number, length: number) => bytes.subarray(address - CODE_AT, address - CODE_AT + length) };
  const found = nextJump(image, { address: CODE_AT, end: CODE_AT + bytes.length }, CODE_AT, kept);
  return found === undefined ? undefined : found - CODE_AT;
}

test.each([
  ['Go 1.22: ServeMux', '833d92fa2d0000 7507', 7],
  ['Go 1.23: ServeMux', '488b542468 4889baf0000000 833dd6ab2c0000 7435', 19],
  ['Go 1.27: ServeMux, with a nop', '488b542468 4889baf0000000 833d71303a0000 90 7434', 20],
  ['chi', '4885c9 0f85c3000000', 3],
  ['gin, Go 1.26', '4c898c2478010000 488d9424a0000000 450f1031 440f1132 450f107110 488b9424b8000000 4885d2 743c', 40],
  ['a nop of nine bytes', '660f1f840000000000 4885c0 7401', 12],
])('%s', (_, code, expected) => expect(jump(code)).toBe(expected));

test('a register that has to be kept is written', () => {
  const intoRsi = '488b742468 4885c0 7401';
  expect([jump(intoRsi), jump(intoRsi, RCX), jump(intoRsi, RSI)]).toEqual([8, 8, undefined]);
  const rsiFromRax = '4889c6 4885c0 7401';
  expect([jump(rsiFromRax, RSI), jump('4989c6 4885c0 7401', RSI)]).toEqual([undefined, 6]);
});

test.each([
  ['a call', 'e800000000 7401'],
  ['arithmetic', '4883c408 7401'],
  ['a jump without condition', 'eb05 7401'],
  ['the end of the function', '4885c0'],
  ['more than is looked at', `${'90'.repeat(200)} 7401`],
])('there is none: %s', (_, code) => expect(jump(code)).toBeUndefined());
