// SPDX-License-Identifier: Apache-2.0
import { DEFAULT_EXCLUDES } from '../../src/config/schema';
import { type Candidate, SelectionRules } from '../../src/process/selection-rules';

const candidate = (over: Partial<Candidate> = {}): Candidate => ({
  pid: 7,
  exe: '/usr/bin/python3.11',
  cmdline: ['python3', 'gateway.py'],
  cgroup: () => '/shop/web',
  ports: () => new Set([8080]),
  ...over,
});
const kind = (config: Partial<ConstructorParameters<typeof SelectionRules>[0]>, over: Partial<Candidate> = {}) =>
  new SelectionRules({ instrument: [], exclude: [], ...config }).decide(candidate(over)).kind;

test.each([
  ['port', { open_ports: '8000-8999' }, 'selected'],
  ['other port', { open_ports: '80,443' }, 'unmatched'],
  ['executable', { exe_path: '*/python3*' }, 'selected'],
  ['arguments', { cmd_args: '*gateway.py' }, 'selected'],
  ['pid', { target_pids: [6, 7] }, 'selected'],
  ['other pid', { target_pids: [6] }, 'unmatched'],
  ['all of one entry', { exe_path: '*/python3*', cmd_args: '*gateway*', open_ports: '8080', target_pids: [7] }, 'selected'],
  ['all but one', { exe_path: '*/python3*', cmd_args: '*worker*', open_ports: '8080' }, 'unmatched'],
  ['no criterion', { name: 'x' }, 'unmatched'],
])('by %s', (_name, entry, expected) => {
  expect(kind({ instrument: [entry] })).toBe(expected);
});

test('entries are alternatives, and the first that matches names the service', () => {
  const rules = new SelectionRules({
    instrument: [
      { exe_path: '*/java', name: 'j' },
      { open_ports: '8080', name: 'p', namespace: 'n' },
      { exe_path: '*', name: 'all' },
    ],
    exclude: [],
  });
  expect(rules.decide(candidate())).toEqual({ kind: 'selected', rule: 1, identity: { name: 'p', namespace: 'n' } });
});

test('an exclusion wins', () => {
  expect(kind({ instrument: [{ exe_path: '*' }], exclude: [{ cmd_args: '*gateway*', open_ports: '8080' }] })).toBe('excluded');
  expect(kind({ instrument: [{ exe_path: '*' }], exclude: [{ cmd_args: '*gateway*', open_ports: '80' }] })).toBe('selected');
});

test('the defaults exclude obi and collectors', () => {
  const config = { instrument: [{ exe_path: '*' }], exclude: DEFAULT_EXCLUDES };
  for (const exe of ['/usr/bin/obi', '/otelcol', '/opt/otelcol-contrib', '/opt/otelcol-contrib-2'])
    expect([exe, kind(config, { exe })]).toEqual([exe, 'excluded']);
  expect(kind(config, { exe: '/usr/bin/mobius' })).toBe('selected');
});

test('only members of the cgroup', () => {
  const instrument = [{ exe_path: '*' }];
  expect(kind({ instrument, cgroup: '/shop' })).toBe('selected');
  expect(kind({ instrument, cgroup: '/shop/web' })).toBe('selected');
  expect(kind({ instrument, cgroup: '/' })).toBe('selected');
  expect(kind({ instrument, cgroup: '/sho' })).toBe('excluded');
  expect(kind({ instrument, cgroup: '/shop' }, { cgroup: () => undefined })).toBe('excluded');
});

test('without entries a cgroup selects its members; without both nothing is, and the advice says what to set', () => {
  expect(kind({ cgroup: '/shop' })).toBe('selected');
  expect(kind({})).toBe('unmatched');
  expect(new SelectionRules({ instrument: [], exclude: [], cgroup: '/shop' }).advice).toBeUndefined();
  expect(new SelectionRules({ instrument: [{ exe_path: '*' }], exclude: [] }).advice).toBeUndefined();
  expect(new SelectionRules({ instrument: [], exclude: [] }).advice).toMatch(/discovery\.instrument.*ebpf\.cgroup_path/);
});

test('ports are read only when all else in an entry holds', () => {
  const ports = jest.fn(() => new Set([8080]));
  const rules = new SelectionRules({ instrument: [{ exe_path: '*/java', open_ports: '8080' }], exclude: [] });
  expect(rules.decide(candidate({ ports })).kind).toBe('unmatched');
  expect(ports).not.toHaveBeenCalled();
  expect(rules.decide(candidate({ ports, exe: '/usr/bin/java' })).kind).toBe('selected');
  expect(ports).toHaveBeenCalledTimes(1);
});

test('a program given on the command line, with line breaks, is matched as one line', () => {
  expect(kind({ instrument: [{ cmd_args: '*gateway*' }] }, { cmdline: ['python3', '-c', 'import x\nx.gateway()\n'] })).toBe('selected');
});
