// SPDX-License-Identifier: Apache-2.0
import { ruleName, wordsOf } from '../../src/explain/rules.js';
import { ObiCounter } from '../../src/generated/core.events.js';

/** The application's own traceparent is counted beside the rule, and is none itself. */
const rules = Object.entries(ObiCounter).filter(([name]) => /^(PARENT|ORPHAN)_/.test(name) && name !== 'PARENT_APPLICATION');

test.each(rules)('%s has its words', (name, rule) => {
  expect(ruleName(rule)).toBe(name.toLowerCase());
  const { short, why, needed } = wordsOf(rule);
  expect(short.length).toBeLessThan(60);
  expect(why).toMatch(/^[A-Z].*\.$/);
  expect(needed !== undefined).toBe(name.startsWith('ORPHAN_'));
  expect(needed?.({ service: 'shop' }) ?? '').not.toContain('undefined');
});

test('a rule of a newer kernel side is named by its number', () => expect(wordsOf(200).why).toContain('rule_200'));

test('a proxy is not told to install a runtime probe', () => {
  const { needed } = wordsOf(ObiCounter.ORPHAN_NO_REQUEST);
  expect(needed?.({ service: 'nginx', model: 'proxy' })).not.toContain('probe');
  expect(needed?.({ service: 'shop', model: 'threads', runtimeName: 'cpython' })).toContain('install @obi/probe-python');
});
