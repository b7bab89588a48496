// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { discoverProbes } from '../../src/discovery/discover.js';
import type { DiscoverOptions, Discovery } from '../../src/discovery/types.js';
import type { Logger } from '../../src/logging/logger.js';
import { silentLogger } from '../../src/logging/silent-logger.js';
import { KERNEL_ABI_VERSION } from '../../src/probe/manifest.js';
import { ALL_FEATURES, codeOf, Host, requireModule } from './fixture.js';

let host: Host;
let lines: string[];
beforeEach(() => {
  host = new Host();
  lines = [];
});
afterEach(() => host.dispose());

const log: Logger = { ...silentLogger, warn: (message) => void lines.push(`WARN ${message}`), info: (message) => void lines.push(`INFO ${message}`) };

function discover(options: Partial<DiscoverOptions> = {}): Promise<Discovery> {
  return discoverProbes({ hostDirectory: host.directory, features: ALL_FEATURES, architecture: 'x86_64', importModule: requireModule, log, ...options });
}
const ids = ({ probes }: Discovery) => probes.map((p) => p.entry.id);

describe('what is found', () => {
  test('probe packages among the dependencies, and nothing else', async () => {
    host.addOrdinary();
    host.add('http');
    host.add('redis', { packageName: 'obi-probe-redis' });
    host.add('silent', { keywords: [] });
    const result = await discover();
    expect(ids(result)).toEqual(['http', 'redis']);
    expect(result.refusals).toEqual([]);
    expect(result.installed.map((p) => p.packageName)).toEqual(['@obi/probe-http', 'obi-probe-redis']);
    const [http] = result.probes;
    expect(http).toMatchObject({
      packageName: '@obi/probe-http',
      packageVersion: '1.2.3',
      directory: join(host.directory, 'node_modules/@obi/probe-http'),
      unavailable: [],
    });
    expect(Buffer.from(http?.object ?? []).toString()).toBe('the object');
    expect(http?.definition.events).toHaveProperty('http_event');
    expect(http?.manifest.abi).toBe(KERNEL_ABI_VERSION);
    expect(lines).toEqual([]);
  });

  test('a host with no probes', async () => {
    expect(await discover()).toEqual({ probes: [], refusals: [], installed: [], secondCores: [] });
  });

  test('dependencies of further hosts too, each package once', async () => {
    const other = new Host();
    try {
      host.add('http');
      other.add('go');
      expect(ids(await discover({ hostDirectory: [host.directory, other.directory, host.directory] }))).toEqual(['http', 'go']);
    } finally {
      other.dispose();
    }
  });

  test('a folder without a package.json, or with a broken one, is a host with nothing (obi is started anywhere)', async () => {
    host.add('http');
    host.write('elsewhere/package.json', '{ "name": ');
    const hosts = [join(host.directory, 'nowhere'), join(host.directory, 'elsewhere'), host.directory];
    expect(ids(await discover({ hostDirectory: hosts }))).toEqual(['http']);
  });

  test('the JavaScript of a package without code is found by its exports', async () => {
    const folder = host.add('http');
    host.write('node_modules/@obi/probe-http/lib/main.cjs', codeOf('http'));
    host.write('node_modules/@obi/probe-http/index.cjs', 'throw new Error("wrong file")');
    const json = require(join(folder, 'package.json'));
    host.write('node_modules/@obi/probe-http/package.json', JSON.stringify({ ...json, exports: { '.': { types: './x.d.ts', import: './lib/main.cjs' } } }));
    expect(ids(await discover())).toEqual(['http']);
  });
});

describe('--plugins', () => {
  beforeEach(() => {
    host.add('http');
    host.add('go');
  });

  test('by short name, package name or path, in the order given', async () => {
    host.add('mine', { at: 'elsewhere/mine', packageName: 'my-probe' });
    const result = await discover({ plugins: ['./elsewhere/mine', '@obi/probe-go'], workingDirectory: host.directory });
    expect(ids(result)).toEqual(['mine', 'go']);
    expect(result.installed).toHaveLength(2);
    expect(ids(await discover({ plugins: ['http'] }))).toEqual(['http']);
    expect(ids(await discover({ plugins: ['http', '@obi/probe-http'] }))).toEqual(['http']);
    expect(ids(await discover({ plugins: [join(host.directory, 'elsewhere/mine')] }))).toEqual(['mine']);
  });

  test('code of what was not selected does not run', async () => {
    host.add('loud', { code: () => 'throw new Error("ran")' });
    const result = await discover({ plugins: ['http'] });
    expect(result.refusals).toEqual([]);
  });

  test('a package is named before its code runs', async () => {
    const named: string[] = [];
    const before: string[][] = [];
    const importModule = (url: string) => {
      before.push([...named]);
      return requireModule(url);
    };
    await discover({ plugins: ['http', 'go'], importModule, log: { ...log, debug: (message) => void named.push(message) } });
    expect(before).toEqual([['importing @obi/probe-http'], ['importing @obi/probe-http', 'importing @obi/probe-go']]);
  });

  test('an unknown name stops the run, naming what is installed and the nearest', async () => {
    await expect(discover({ plugins: ['http', 'htpp'] })).rejects.toMatchObject({
      code: 'OBI_ERR_PLUGIN_UNKNOWN',
      message: expect.stringContaining('there is no probe "htpp" (did you mean "http"?); installed: go, http'),
    });
    await expect(discover({ plugins: ['nosuch'] })).rejects.toThrow('there is no probe "nosuch"; installed: go, http');
  });

  test('a package.json that cannot be understood is called that', async () => {
    for (const text of ['{name: x}', 'null']) {
      host.write('broken/package.json', text);
      const problem = await discover({ plugins: ['./broken'], workingDirectory: host.directory }).catch((error: unknown) => error);
      expect(problem).toMatchObject({
        code: 'OBI_ERR_PLUGIN_PATH',
        reason: expect.stringMatching(/^the package\.json in .*\/broken is broken: /),
        remedy: 'correct it',
      });
    }
  });

  test('a path with no package stops the run; one with a package that is no probe is refused', async () => {
    await expect(discover({ plugins: ['./nowhere'], workingDirectory: host.directory })).rejects.toMatchObject({ code: 'OBI_ERR_PLUGIN_PATH' });
    host.write('plain/package.json', '{"name":"plain","version":"1.0.0"}');
    const result = await discover({ plugins: ['http', './plain'], workingDirectory: host.directory });
    expect(ids(result)).toEqual(['http']);
    expect(result.refusals).toMatchObject([
      { probe: 'plain', package: 'plain', code: 'OBI_ERR_PROBE_ENTRY_INVALID', reason: 'its package.json has no "obi" entry' },
    ]);
  });
});

const broken: readonly [string, Parameters<Host['add']>[1], string, RegExp][] = [
  ['an entry that breaks the schema', { entry: (e) => ({ ...e, kind: 'magic' }) }, 'OBI_ERR_PROBE_ENTRY_INVALID', /malformed: kind: .*protocol/],
  ['an unknown slot', { entry: (e) => ({ ...e, slots: { 'carrier.xdp': 'x' } }) }, 'OBI_ERR_PROBE_ENTRY_INVALID', /slots: .*carrier\.xdp/],
  ['another API, in whatever shape', { entry: (e) => ({ ...e, api: 2, kind: 'new' }) }, 'OBI_ERR_PROBE_API_MISMATCH', /API 2, this obi has API 1/],
  ['no manifest', { manifest: () => undefined }, 'OBI_ERR_PROBE_MANIFEST_MISSING', /manifest\.json/],
  ['a manifest that is no JSON', { manifest: () => '{"schema":' }, 'OBI_ERR_PROBE_MANIFEST_INVALID', /is no JSON/],
  [
    'a manifest that breaks the schema',
    { manifest: (m) => ({ ...m, events: [{ struct: 'a' }], programs: [{ ...m.programs[0], type: 'xdp' }] }) },
    'OBI_ERR_PROBE_MANIFEST_INVALID',
    /programs\[0\]\.type: .*events\[0\]\.kind: /s,
  ],
  ['a manifest of another schema', { manifest: (m) => ({ ...m, schema: 2 }) }, 'OBI_ERR_PROBE_MANIFEST_INVALID', /schema: must be 1/],
  ['another ABI', { manifest: (m) => ({ ...m, abi: 7 }) }, 'OBI_ERR_PROBE_ABI_MISMATCH', new RegExp(`ABI 7, this obi has ABI ${KERNEL_ABI_VERSION}`)],
  [
    'no object for this architecture',
    { manifest: (m) => ({ ...m, objects: { arm64: m.objects.x86_64 } }) },
    'OBI_ERR_PROBE_ARCHITECTURE',
    /no object for x86_64, only for arm64/,
  ],
  ['a missing object', { object: undefined }, 'OBI_ERR_PROBE_OBJECT_MISSING', /bad\.bpf\.o: ENOENT/],
  [
    'an object with another digest',
    { object: Buffer.from('tampered') },
    'OBI_ERR_PROBE_OBJECT_DIGEST',
    /has sha256 [0-9a-f]{64}, the manifest says [0-9a-f]{64}/,
  ],
  [
    'a slot filled by no program',
    { entry: (e) => ({ ...e, slots: { 'protocol.tcp_sendmsg': 'ghost' } }) },
    'OBI_ERR_PROBE_MANIFEST_INVALID',
    /slot protocol\.tcp_sendmsg names program ghost, its object has bad_rtp, bad_send/,
  ],
  [
    'a slot filled by a program of another type',
    { entry: (e) => ({ ...e, slots: { 'protocol.tcp_sendmsg': 'bad_rtp' } }) },
    'OBI_ERR_PROBE_MANIFEST_INVALID',
    /slot protocol\.tcp_sendmsg takes programs of type tracing, bad_rtp is of type raw_tracepoint/,
  ],
  ['a tap that the contract does not know', { entry: (e) => ({ ...e, taps: ['cleartext'] }) }, 'OBI_ERR_PROBE_ENTRY_INVALID', /taps\[0\]: .*plaintext/],
  [
    'a tap that its object does not have',
    { entry: (e) => ({ ...e, taps: ['plaintext'] }) },
    'OBI_ERR_PROBE_MANIFEST_INVALID',
    /taps names plaintext, its object has no map obi_proto_plain/,
  ],
  [
    'a tap that it does not name',
    { manifest: (m) => ({ ...m, maps: [{ name: 'obi_proto_plain', type: 3, keySize: 4, valueSize: 4, maxEntries: 16 }] }) },
    'OBI_ERR_PROBE_MANIFEST_INVALID',
    /has the map obi_proto_plain: its package\.json must name "plaintext" in obi\.taps, or a program in the slot protocol\.plaintext/,
  ],
  ['a module that throws', { code: () => 'throw new Error("no luck")' }, 'OBI_ERR_PROBE_IMPORT', /cannot be imported: no luck/],
  ['a module that throws no error', { code: () => 'throw "a text"' }, 'OBI_ERR_PROBE_IMPORT', /cannot be imported: a text$/],
  [
    'a wrong brand',
    { code: () => "module.exports = { default: { $$type: 'other/Probe', id: 'bad' } }" },
    'OBI_ERR_PROBE_BRAND',
    /"other\/Probe", not "@obi\/Probe"/,
  ],
  ['no default export', { code: () => 'module.exports = { default: null }' }, 'OBI_ERR_PROBE_BRAND', /has the brand undefined/],
  ['another id in the code', { code: () => codeOf('bad').replace("id: 'bad'", "id: 'evil'") }, 'OBI_ERR_PROBE_ID_MISMATCH', /calls itself "evil"/],
  ['another API in the code', { code: () => codeOf('bad', 'api: 3') }, 'OBI_ERR_PROBE_ID_MISMATCH', /says API 3, its package\.json API 1/],
  ['an event without decoder', { code: () => codeOf('bad', 'events: {}') }, 'OBI_ERR_PROBE_EVENT_UNBOUND', /emits bad_event/],
  [
    'a drifted layout',
    { manifest: (m) => ({ ...m, events: [{ ...m.events[0], digest: 'd2' }] }) },
    'OBI_ERR_PROBE_LAYOUT_DRIFT',
    /generated from layout d1, its object has layout d2/,
  ],
  [
    'a decoder for an event that is not emitted',
    { manifest: (m) => ({ ...m, events: [] }) },
    'OBI_ERR_PROBE_LAYOUT_DRIFT',
    /bad_event, which its object does not emit/,
  ],
  [
    'an attachment of no program',
    { code: () => codeOf('bad', "attach: [{ program: 'ghost', to: { rawTracepoint: 'x' } }]") },
    'OBI_ERR_PROBE_MANIFEST_INVALID',
    /attaches program ghost/,
  ],
];

describe('one broken probe is refused with its reason, the others run', () => {
  test.each(broken)('%s', async (_what, options, code, reason) => {
    host.add('first');
    host.add('bad', options);
    host.add('last');
    const result = await discover();
    expect(ids(result)).toEqual(['first', 'last']);
    expect(result.refusals).toHaveLength(1);
    const [refusal] = result.refusals;
    expect(refusal).toMatchObject({ probe: 'bad', package: '@obi/probe-bad', code, reason: expect.stringMatching(reason) });
    expect(refusal?.remedy).not.toBe('');
    expect(lines).toEqual([`WARN probe bad: ${refusal?.reason}; ${refusal?.remedy}`]);
  });

  test('when none is left, the log is silent: the error that ends the run says why', async () => {
    host.add('bad', { manifest: (m) => ({ ...m, abi: 9 }) });
    const { refusals } = await discover();
    expect(refusals).toMatchObject([{ code: 'OBI_ERR_PROBE_ABI_MISMATCH' }]);
    expect(lines).toEqual([]);
  });

  test('checks come in order: nothing of the package runs before the last static one has passed', async () => {
    const trace = globalThis as { ran?: string[] };
    trace.ran = [];
    const code = (id: string) => `globalThis.ran.push('${id}'); ${codeOf(id)}`;
    host.add('abi', { code, manifest: (m) => ({ ...m, abi: 9 }), object: undefined });
    host.add('object', { code, object: Buffer.from('x') });
    host.add('good', { code });
    const result = await discover();
    expect(result.refusals.map((r) => r.code)).toEqual(['OBI_ERR_PROBE_ABI_MISMATCH', 'OBI_ERR_PROBE_OBJECT_DIGEST']);
    expect(trace.ran).toEqual(['good']);
    delete trace.ran;
  });

  test('a doubled id: the first runs, the second is named', async () => {
    host.add('http');
    host.add('http', { packageName: 'other-http' });
    const result = await discover();
    expect(result.probes.map((p) => p.packageName)).toEqual(['@obi/probe-http']);
    expect(result.refusals).toMatchObject([
      { probe: 'http', package: 'other-http', code: 'OBI_ERR_PROBE_DUPLICATE_ID', reason: 'other-http has the id of @obi/probe-http, which came first' },
    ]);
    expect((await discover({ plugins: ['other-http'] })).probes.map((p) => p.packageName)).toEqual(['other-http']);
  });
});

test('a second copy of core is reported, a shared one is not', async () => {
  host.write('node_modules/@obi/core/package.json', '{"name":"@obi/core","version":"0.1.0"}');
  host.add('http');
  host.add('old');
  host.write('node_modules/@obi/probe-old/node_modules/@obi/core/package.json', '{"name":"@obi/core","version":"0.0.9"}');
  const linked = join(host.directory, 'node_modules/@obi/probe-http/node_modules/@obi/core');
  mkdirSync(dirname(linked), { recursive: true });
  symlinkSync(join(host.directory, 'node_modules/@obi/core'), linked);
  const result = await discover();
  expect(ids(result)).toEqual(['http', 'old']);
  expect(result.secondCores).toMatchObject([{ package: '@obi/probe-old', version: '0.0.9' }]);
  expect(lines).toEqual([expect.stringMatching(/^WARN package @obi\/probe-old: brings a second copy of @obi\/core 0\.0\.9/)]);
});
