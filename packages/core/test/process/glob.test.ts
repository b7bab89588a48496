// SPDX-License-Identifier: Apache-2.0
import { compileGlob, compilePathGlobs } from '../../src/process/glob';

test.each([
  ['*/obi', '/usr/local/bin/obi', true],
  ['*/obi', '/usr/bin/obiwan', false],
  ['*otelcol*', '/opt/x/otelcol-contrib', true],
  ['*app.py', 'python3 ../app.py', true],
  ['*server.js*', 'node /srv/a/server.js --port 80', true],
  ['*{java,ruby}', '/opt/jdk/bin/java', true],
  ['*-contrib[!/]*', '/bin/otelcol-contrib-2', true],
  ['*-contrib[!/]*', '/bin/otelcol-contrib/', false],
  ['*--port=[0-9]*', 'java --port=8080 -x', true],
  ['!*x', '!ax', true],
  ['node', '/usr/bin/node', false],
])('%s on %s: %s', (pattern, text, expected) => {
  expect(compileGlob(pattern)(text)).toBe(expected);
});

test('patterns without a slash look at the last segment', () => {
  const matches = compilePathGlobs(['node', 'python3*', '/opt/*/run']);
  expect(['/usr/bin/node', '/usr/bin/python3.11', '/opt/a/b/run'].map(matches)).toEqual([true, true, true]);
  expect(['/node/x', '/usr/bin/python2', '/srv/opt/a/run'].map(matches)).toEqual([false, false, false]);
});
