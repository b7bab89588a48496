// SPDX-License-Identifier: Apache-2.0
import { parsePorts } from '../../src/process/port-set';

test.each([
  ['80,443, 8000-8999', [80, 443, 8000, 8999], [79, 444, 7999, 9000]],
  [8080, [8080], [80]],
  [
    ['80', 90, '100-101'],
    [80, 90, 100, 101],
    [91, 102],
  ],
] as const)('%j', (value, inside, outside) => {
  const ports = parsePorts(value);
  for (const port of inside) expect(ports.has(port)).toBe(true);
  for (const port of outside) expect(ports.has(port)).toBe(false);
});

test('the normal form can be read again', () => {
  expect(parsePorts([80, '8000 - 8999,443']).toString()).toBe('80,8000-8999,443');
  expect(parsePorts(parsePorts('1,2-5').toString()).has(4)).toBe(true);
});

test.each(['0', '70000', '90-80', 'http', '80;443', '', ' , ', '-1', '80-', '80,,443', '80,'])('%j is refused', (text) => {
  expect(() => parsePorts(text)).toThrow(RangeError);
});

test('the refusal names the wrong part', () => {
  expect(() => parsePorts('80,htpp')).toThrow('"htpp"');
});
