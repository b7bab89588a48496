// SPDX-License-Identifier: Apache-2.0
import { routePatternProblem } from '../../src/span/route-pattern-problem.js';

test.each([
  ['', /empty/],
  [' ', /empty/],
  ['/users/{id', /"\{" without "\}"/],
  ['/users/id}', /"\}" without "\{"/],
  ['/users/}id{', /"\{" without "\}"/],
  ['/files/{name}.json', /inside a segment/],
  ['/x/{}', /without a name/],
  ['/x/:', /without a name/],
  ['/users/[id]', /"\[" or "\]"/],
  ['/a/v*/c', /before its end/],
  ['/**/c', /before its end/],
  ['/a/*b', /inside a segment/],
  ['/a?x=1', /query/],
  ['/a#b', /fragment/],
  ['http://shop/a', /path only/],
  ['/a b', /space/],
  ['^/users/\\d+$', /regular expression/],
  ['/files/.*', /regular expression/],
])('%j is refused, with what there is instead', (pattern, reason) => {
  expect(routePatternProblem(pattern)).toMatch(reason);
});

test.each([
  '/',
  '/users/:id',
  '/shops/{shop}/items/{item}',
  '/files/*',
  '/files/**',
  '/api/v*',
  '/a/*/c',
  '*',
  'ping',
  '/odata/$metadata',
  '/p(1)',
  '/.well-known/x',
  '/a:b',
])('%j is a pattern', (pattern) => {
  expect(routePatternProblem(pattern)).toBeUndefined();
});
