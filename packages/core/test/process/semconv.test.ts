// SPDX-License-Identifier: Apache-2.0
import * as incubating from '@opentelemetry/semantic-conventions/incubating';
import * as copied from '../../src/process/semconv';

test.each(Object.entries(copied))('%s is the name of the semantic conventions', (constant, name) => {
  expect((incubating as Record<string, unknown>)[constant]).toBe(name);
});
