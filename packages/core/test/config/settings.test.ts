// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.js';
import { renderConfigReference } from '../../src/config/reference.js';
import { configSchema, DEFAULT_EXCLUDES } from '../../src/config/schema.js';
import { SETTINGS } from '../../src/config/settings.js';
import { getPath, isTree } from '../../src/config/tree.js';
import { UPSTREAM_IGNORED, UPSTREAM_REFUSED } from '../../src/config/upstream.js';
import { formatDuration, parseDuration, propagationMethods } from '../../src/config/values.js';
import { SelectionRules } from '../../src/process/selection-rules.js';

function leaves(tree: unknown, prefix = ''): string[] {
  if (!isTree(tree) || Object.keys(tree).length === 0) return [prefix];
  return Object.entries(tree).flatMap(([key, value]) => leaves(value, prefix === '' ? key : `${prefix}.${key}`));
}

test('the table has every key of the schema, and no other', () => {
  const optional = ['log_config', 'auto_target_exe', 'open_port', 'target_pids', 'nodejs.enabled'];
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
  const rules = new SelectionRules({ instrument: [], exclude: DEFAULT_EXCLUDES, cgroup: '/' });
  const excluded = (commandLine: string) => {
    const cmdline = commandLine.split(' ');
    return rules.decide({ pid: 1, exe: cmdline[0] as string, cmdline, cgroup: () => '/', ports: () => new Set() }).kind === 'excluded';
  };
  const others = [
    ...['/usr/bin/obi', '/opt/otelcol', '/usr/bin/otelcol-contrib', '/x/otelcol-contrib_linux', '/otelcol-k8s', '/usr/local/bin/otelcorecol'],
    ...['/opt/aws-otel-collector/bin/aws-otel-collector', '/opentelemetry-collector', '/x/otel_collector', '/usr/bin/otelcollector', '/x/my-otel-collector'],
    ...['/usr/bin/alloy', '/bin/grafana-agent', '/go/bin/jaeger', '/jaeger-all-in-one --x', '/usr/bin/jaeger-collector'],
    ...[
      '/usr/bin/node /usr/local/bin/obi',
      '/usr/bin/node /app/node_modules/.bin/obi --plugins http',
      '/n/bin/node packages/cli/bin/obi.mjs --plugins http',
      '/usr/bin/node bin/obi.mjs',
    ],
  ];
  expect(others.filter((commandLine) => !excluded(commandLine))).toEqual([]);
  const applications = [
    ...[
      '/usr/bin/node server.js',
      '/usr/bin/obituary',
      '/opt/otelcol-contrib/app',
      '/srv/hotel-collector/app',
      '/srv/collector',
      '/opt/jaeger-clone/app',
      '/opt/alloy/app',
    ],
    ...['/usr/bin/node /srv/bin/obituary', '/usr/bin/node /srv/obi/server.js', '/usr/bin/python3 /usr/bin/obi'],
  ];
  expect(applications.filter(excluded)).toEqual([]);
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
