// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileGlob } from '../process/glob.js';
import { loadConfig } from './load.js';
import { renderConfigReference } from './reference.js';
import { configSchema, DEFAULT_EXCLUDES } from './schema.js';
import { SETTINGS } from './settings.js';
import { getPath, isTree } from './tree.js';
import { UPSTREAM_IGNORED, UPSTREAM_REFUSED } from './upstream.js';
import { formatDuration, parseDuration, propagationMethods } from './values.js';

function leaves(tree: unknown, prefix = ''): string[] {
  if (!isTree(tree) || Object.keys(tree).length === 0) return [prefix];
  return Object.entries(tree).flatMap(([key, value]) => leaves(value, prefix === '' ? key : `${prefix}.${key}`));
}

test('the table has every key of the schema, and no other', () => {
  const optional = ['log_config', 'auto_target_exe', 'open_port', 'target_pids'];
  expect(SETTINGS.map((s) => s.key).sort()).toEqual([...leaves(configSchema.parse({})), ...optional].sort());
});

test('every variable stands in one row, with a parser', () => {
  const names = SETTINGS.flatMap((s) => s.env ?? []);
  expect(new Set(names).size).toBe(names.length);
  for (const { env, parse } of SETTINGS) expect(env === undefined).toBe(parse === undefined);
});

test('no key or variable is both implemented and ignored', () => {
  const keys = SETTINGS.map((s) => s.key);
  const others = [...UPSTREAM_IGNORED.map((u) => u.key).filter((k) => k !== ''), ...Object.keys(UPSTREAM_REFUSED)];
  expect(others.filter((other) => keys.some((key) => key === other || key.startsWith(`${other}.`)))).toEqual([]);
  expect(new Set(others).size).toBe(others.length);
  const names = UPSTREAM_IGNORED.flatMap((u) => u.env ?? []);
  expect(new Set(names).size).toBe(names.length);
});

test('docs/reference/config.md is what the table renders', () => {
  expect(readFileSync(join(__dirname, '../../../../docs/reference/config.md'), 'utf8')).toBe(renderConfigReference());
});

test('obi itself and collectors are excluded by default', () => {
  const [first] = DEFAULT_EXCLUDES;
  const matches = compileGlob(first?.exe_path ?? '');
  const excluded = (path: string) => matches(path);
  expect(['/usr/bin/obi', 'obi', '/opt/otelcol', '/usr/bin/otelcol-contrib', '/x/otelcol-contrib_linux'].map(excluded)).toEqual([true, true, true, true, true]);
  expect(['/usr/bin/node', '/usr/bin/obituary', '/opt/otelcol-contrib/app'].map(excluded)).toEqual([false, false, false]);
  expect(getPath(loadConfig({ env: {} }).config, 'discovery.default_exclude_instrument')).toEqual(DEFAULT_EXCLUDES);
});

test.each([
  ['5m', 300_000],
  ['1m30s', 90_000],
  ['250ms', 250],
  ['1.5s', 1500],
  ['0', 0],
  ['2h', 7_200_000],
])('duration %s', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
  expect(parseDuration(formatDuration(ms))).toBe(ms);
});
test.each(['', '5', '5 m', 'm', '-1s', '1d'])('%j is no duration', (text) => expect(parseDuration(text)).toBeUndefined());

test('propagation methods', () => {
  expect(propagationMethods('disabled')).toEqual({ headers: false, tcp: false });
  expect(propagationMethods('all')).toEqual({ headers: true, tcp: true });
  expect(propagationMethods('headers')).toEqual({ headers: true, tcp: false });
  expect(propagationMethods('headers,tcp')).toEqual({ headers: true, tcp: true });
});
