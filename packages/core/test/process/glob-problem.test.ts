// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_EXCLUDES } from '../../src/config/schema';
import { compileGlob } from '../../src/process/glob';
import { globProblem } from '../../src/process/glob-problem';

test.each([
  ['', /empty/],
  ['  ', /empty/],
  ['*/[java', /"\[" without "\]"/],
  ['[!a', /"\[" without "\]"/],
  ['[]', /"\[" without "\]"/],
  ['a]', /"\]" without "\["/],
  ['{a,b', /"\{" without "\}"/],
  ['{a,{b,c}', /"\{" without "\}"/],
  ['a,b}', /"\}" without "\{"/],
  ['{a}', /without alternatives/],
  ['{}', /without alternatives/],
  ['[z-a]', /cannot be read: Range out of order/],
  ['a\\', /backslash/],
])('%j is refused', (pattern, reason) => {
  expect(globProblem(pattern)).toMatch(reason);
});

test.each([
  ['[]a]', ']'],
  ['[!]]x', 'ax'],
  ['[[:digit:]]', '7'],
  ['\\[a', '[a'],
  ['a\\}', 'a}'],
  ['{a,{b,c}}', 'c'],
  ['{1..3}', '2'],
  ['*(x)*', 'a(x)b'],
])('%j is a glob, and matches %j', (pattern, text) => {
  expect(globProblem(pattern)).toBeUndefined();
  expect(compileGlob(pattern)(text)).toBe(true);
});

test('the default exclusions are globs', () => {
  const patterns = DEFAULT_EXCLUDES.flatMap(({ exe_path, cmd_args }) => [exe_path, cmd_args]).filter((pattern) => pattern !== undefined);
  expect(patterns.length).toBeGreaterThan(0);
  expect(patterns.map(globProblem).filter(Boolean)).toEqual([]);
});
