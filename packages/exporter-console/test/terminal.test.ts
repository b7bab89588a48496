// SPDX-License-Identifier: Apache-2.0
import { formatDuration } from '../src/format/duration.js';
import { detectTerminal } from '../src/terminal/terminal.js';
import { displayWidth, fit, printable } from '../src/terminal/text.js';

describe('detectTerminal', () => {
  const tty = { isTTY: true, columns: 132 };
  test.each([
    [tty, {}, true],
    [{}, {}, false],
    [tty, { NO_COLOR: '1' }, false],
    [tty, { NO_COLOR: '' }, true],
    [tty, { TERM: 'dumb' }, false],
    [{}, { FORCE_COLOR: '1' }, true],
    [tty, { FORCE_COLOR: '0' }, false],
    [tty, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
  ])('%j with %j: colour %p', (stream, env, colour) => {
    expect(detectTerminal(stream, env).colour).toBe(colour);
  });

  test.each([
    [{}, true],
    [{ LANG: 'C' }, false],
    [{ LANG: 'C.UTF-8' }, true],
    [{ LANG: 'de_DE.UTF-8', LC_ALL: 'POSIX' }, false],
    [{ TERM: 'linux' }, false],
  ])('%j: unicode %p', (env, unicode) => {
    expect(detectTerminal(tty, env).unicode).toBe(unicode);
  });

  test('width', () => {
    expect(detectTerminal(tty, {}).width).toBe(132);
    expect(detectTerminal({}, { COLUMNS: '90' }).width).toBe(90);
    expect(detectTerminal({}, {}).width).toBe(100);
  });
});

describe('text', () => {
  test.each([
    ['abc', 3],
    ['é', 1],
    ['e\u0301', 1],
    ['日本', 4],
    ['🛒', 2],
    ['👩‍👩‍👧', 2],
    ['✖', 1],
    ['━', 1],
  ])('%s takes %i cells', (text, cells) => {
    expect(displayWidth(text)).toBe(cells);
  });

  test('fit cuts and fills to the cell', () => {
    expect(fit('abc', 5, '…')).toBe('abc  ');
    expect(fit('abcdef', 4, '…')).toBe('abc…');
    expect(fit('日本語', 4, '…')).toBe('日… ');
    expect(fit('abc', 0, '…')).toBe('');
  });

  test('printable leaves text alone and shows what would steer', () => {
    expect(printable('Größe 🛒 {id}')).toBe('Größe 🛒 {id}');
    expect(printable('a\tb\u202ec')).toBe('a\\u0009b\\u202ec');
  });
});

test.each<[bigint, string]>([
  [0n, '0 ns'],
  [999n, '999 ns'],
  [1_000n, '1.00 µs'],
  [12_345n, '12.3 µs'],
  [870_000n, '870 µs'],
  [999_400n, '999 µs'],
  [999_999n, '1.00 ms'],
  [42_100_000n, '42.1 ms'],
  [1_234_000_000n, '1.23 s'],
  [123_400_000_000n, '123 s'],
])('formatDuration(%s) is %s', (nanos, text) => {
  expect(formatDuration(nanos)).toBe(text);
  expect(formatDuration(nanos, false)).toBe(text.replace('µ', 'u'));
});
