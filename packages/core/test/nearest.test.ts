// SPDX-License-Identifier: Apache-2.0
import { nearest } from '../src/nearest.js';

test.each([
  ['htpp', ['go', 'grpc', 'http'], 'http'],
  ['contxt_propagation', ['cgroup_path', 'context_propagation'], 'context_propagation'],
  ['redis', ['go', 'http'], undefined],
  ['tcp', ['go'], undefined],
  ['HTTP', ['http'], 'http'],
])('%s among %j is %s', (name, candidates, expected) => {
  expect(nearest(name, candidates)).toBe(expected);
});
