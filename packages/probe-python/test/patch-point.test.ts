// SPDX-License-Identifier: Apache-2.0
import { cheapEntry } from '../src/interpreter/patch-point.js';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');

test('a function that begins with push is hooked there', () => {
  expect(cheapEntry(bytes('41 54 48 8b 2d 00 00 00 00'))).toBe(0);
});

test('endbr64 before push is skipped, for low and high registers', () => {
  expect(cheapEntry(bytes('f3 0f 1e fa 53 48 89 fb'))).toBe(4);
  expect(cheapEntry(bytes('f3 0f 1e fa 41 57 41 56'))).toBe(4);
});

test('endbr64 before anything else is not: the stack or the arguments might be different behind it', () => {
  expect(cheapEntry(bytes('f3 0f 1e fa 48 83 ec 08'))).toBe(0);
  expect(cheapEntry(bytes('f3 0f 1e fa'))).toBe(0);
  expect(cheapEntry(Buffer.alloc(0))).toBe(0);
});
