// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { exporterEnvironment } from '../../src/config/exporter-environment.js';
import { type LoadOptions, loadConfig } from '../../src/config/load.js';
import { printConfig } from '../../src/config/print.js';
import { ObiError } from '../../src/errors.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'obi-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function yaml(content: string): string {
  const file = join(folder, 'obi.yaml');
  writeFileSync(file, content);
  return file;
}
const load = (options: LoadOptions) => loadConfig({ env: {}, ...options });
function problems(options: LoadOptions): string[] {
  try {
    load(options);
  } catch (error) {
    expect(error).toBeInstanceOf(ObiError);
    expect((error as ObiError).code).toBe('OBI_ERR_CONFIG_INVALID');
    return ((error as ObiError).details['problems'] as string[]).map((line) => line.replace(`${folder}/`, ''));
  }
  throw new Error('the configuration was accepted');
}

describe('precedence', () => {
  test('defaults', () => {
    const { config, warnings, file } = load({});
    expect(warnings).toEqual([]);
    expect(file).toBeUndefined();
    expect(config.ebpf).toEqual({
      context_propagation: 'disabled',
      cgroup_path: '',
      max_transaction_time: 300_000,
      tap: 'auto',
      allow_overlap: false,
      fionread_safe_executables: [],
      blocking_sockets: true,
      maps_config: { global_scale_factor: 0 },
    });
    expect(config.otel_traces_export.sampler).toEqual({ name: 'parentbased_always_on', arg: 1 });
    expect(config.plugins).toEqual([]);
  });

  test('file over defaults, environment over file, command line over environment', () => {
    const file = yaml('log_level: warn\nshutdown_timeout: 3s\nebpf:\n  tap: tcp\n  max_transaction_time: 1m30s\nplugins: [a]\n');
    const env = { OTEL_EBPF_BPF_TAP: 'syscalls', OTEL_EBPF_PLUGINS: 'http, go', OTEL_EBPF_LOG_LEVEL: '' };
    const { config } = load({ file, env });
    expect(config).toMatchObject({
      log_level: 'WARN',
      shutdown_timeout: 3000,
      plugins: ['http', 'go'],
      ebpf: { tap: 'syscalls', max_transaction_time: 90_000 },
    });
    expect(load({ file, env, overrides: { plugins: ['grpc'], log_level: undefined } }).config.plugins).toEqual(['grpc']);
  });

  test('OTEL_EBPF_CONFIG_PATH names the file, --config wins', () => {
    const file = yaml('log_level: ERROR\n');
    expect(load({ env: { OTEL_EBPF_CONFIG_PATH: file } })).toMatchObject({ file, config: { log_level: 'ERROR' } });
    const other = join(folder, 'other.yaml');
    writeFileSync(other, 'log_level: DEBUG\n');
    expect(load({ file: other, env: { OTEL_EBPF_CONFIG_PATH: file } }).config.log_level).toBe('DEBUG');
  });

  test('empty file and empty sections count as not written', () => {
    expect(load({ file: yaml('') }).config).toEqual(load({}).config);
    expect(load({ file: yaml('ebpf:\ndiscovery:\n  instrument:\n') }).config).toEqual(load({}).config);
  });
});

describe('values', () => {
  test('globs in one text are separated by commas, but not by those in braces', () => {
    const env = { OTEL_EBPF_DISCOVERY_MULTIPLEXED_EXECUTABLES: '{a,b}*, */my-proxy', OTEL_EBPF_DISCOVERY_THREADED_EXECUTABLES: 'nginx' };
    expect(load({ env }).config.discovery).toMatchObject({ multiplexed_executables: ['{a,b}*', '*/my-proxy'], threaded_executables: ['nginx'] });
  });

  test.each([
    ['disabled', 'disabled'],
    ['all', 'all'],
    ['headers', 'headers'],
    ['tcp', 'tcp'],
    ['headers,tcp', 'headers,tcp'],
    [' tcp , headers ', 'headers,tcp'],
  ])('context propagation %j', (text, expected) => {
    expect(load({ env: { OTEL_EBPF_BPF_CONTEXT_PROPAGATION: text } }).config.ebpf.context_propagation).toBe(expected);
  });

  test('the short cuts of the environment are one more entry, both criteria in it', () => {
    const file = yaml("discovery:\n  instrument:\n    - open_ports: [80, '8000-8999']\n      name: shop\n    - exe_path: '*/java'\n      open_ports: 8080\n");
    const { config } = load({ file, env: { OTEL_EBPF_OPEN_PORT: '443,9000-9010', OTEL_EBPF_AUTO_TARGET_EXE: '*/nginx', OTEL_EBPF_TARGET_PID: '12, 13' } });
    expect(config.discovery.instrument).toEqual([
      { open_ports: '80,8000-8999', name: 'shop' },
      { exe_path: '*/java', open_ports: '8080' },
      { exe_path: '*/nginx', open_ports: '443,9000-9010', target_pids: [12, 13] },
    ]);
    expect(config).not.toHaveProperty('open_port');
  });

  test('OTEL_RESOURCE_ATTRIBUTES is decoded', () => {
    const { config } = load({ env: { OTEL_RESOURCE_ATTRIBUTES: 'a=1,deployment.environment.name=a%2Cb,c=x=y', OTEL_SERVICE_NAME: 'shop' } });
    expect(config.resource_attributes).toEqual({ a: '1', 'deployment.environment.name': 'a,b', c: 'x=y' });
    expect(config.service_name).toBe('shop');
  });

  test('sampler', () => {
    const env = { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' };
    expect(load({ env }).config.otel_traces_export.sampler).toEqual({ name: 'parentbased_traceidratio', arg: 0.25 });
    expect(problems({ env: { OTEL_TRACES_SAMPLER: 'traceidratios', OTEL_TRACES_SAMPLER_ARG: '2' } })).toEqual([
      'OTEL_TRACES_SAMPLER: otel_traces_export.sampler.name: "traceidratios" is not one of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio; did you mean "traceidratio"?',
      'OTEL_TRACES_SAMPLER_ARG: otel_traces_export.sampler.arg: a ratio lies between 0 and 1',
    ]);
  });

  test("sections of probes are kept for the probe's own schema", () => {
    expect(load({ file: yaml('probes:\n  http:\n    maxPath: 64\n') }).config.probes).toEqual({ http: { maxPath: 64 } });
  });
});

describe('problems', () => {
  test('all of a file and the environment at once, with line, key path and nearest name', () => {
    const file = yaml(
      [
        'log_level: LOUD',
        'context_propagation: all',
        'ebpf:',
        '  contxt_propagation: all',
        '  max_transaction_time: 5 minutes',
        '  maps_config: {global_scale_factor: 9}',
        'discovery:',
        '  instrument:',
        '    - open_port: 80',
        '      exe_path: x',
        '    - name: nothing',
        '    - open_ports: 90-80',
        'shutdown_timeout: 10',
      ].join('\n'),
    );
    expect(problems({ file, env: { OTEL_EBPF_BPF_TAP: 'sycalls' } })).toEqual([
      'obi.yaml:1: log_level: "LOUD" is not one of DEBUG, INFO, WARN, ERROR',
      'obi.yaml:13: shutdown_timeout: "10" is no duration; write it with a unit, such as 5m, 10s or 250ms',
      'obi.yaml:5: ebpf.max_transaction_time: "5 minutes" is no duration; write it with a unit, such as 5m, 10s or 250ms',
      'OTEL_EBPF_BPF_TAP: ebpf.tap: "sycalls" is not one of auto, syscalls, tcp; did you mean "syscalls"?',
      expect.stringMatching(/^obi\.yaml:6: ebpf\.maps_config\.global_scale_factor: Too big/),
      'obi.yaml:4: ebpf.contxt_propagation: unknown key; did you mean "ebpf.context_propagation"?',
      'obi.yaml:9: discovery.instrument[0].open_port: unknown key; did you mean "discovery.instrument[0].open_ports"?',
      'obi.yaml:11: discovery.instrument[1]: selects nothing; give at least one of open_ports, exe_path, cmd_args, target_pids',
      expect.stringMatching(/^obi\.yaml:12: discovery\.instrument\[2\]\.open_ports: .*"90-80"/),
      'obi.yaml:2: context_propagation: unknown key; did you mean "ebpf.context_propagation"?',
    ]);
  });

  test('syntax errors name file and line', () => {
    expect(problems({ file: yaml('ebpf:\n  tap: [auto\nlog_level: INFO\n') })[0]).toMatch(/^obi\.yaml:\d+: /);
    expect(problems({ file: yaml('a: 1\na: 2\n') })[0]).toMatch(/^obi\.yaml:2: the key "a" is there twice/);
    expect(problems({ file: yaml('- a list\n') })).toEqual(['obi.yaml:1: the file is no map of keys']);
  });

  test('a file that is not there', () => {
    expect(() => load({ file: join(folder, 'none.yaml') })).toThrow(
      expect.objectContaining({ code: 'OBI_ERR_CONFIG_READ', message: expect.stringContaining('none.yaml') }),
    );
  });
});

describe('files that are no configuration', () => {
  test.each([
    ['a directory', () => folder, /it is a directory/],
    ['a device', () => '/dev/zero', /it is a device/],
    ['a FIFO that nobody writes to', () => fifo(), /it is a FIFO/],
    ['a very large file', () => yaml('#'.repeat(300_000)), /larger than 256 KiB/],
  ])('%s', (_what, file, reason) => {
    expect(() => load({ file: file() })).toThrow(expect.objectContaining({ code: 'OBI_ERR_CONFIG_READ', message: expect.stringMatching(reason) }));
  });

  function fifo(): string {
    const path = join(folder, 'fifo');
    execFileSync('mkfifo', [path]);
    return path;
  }

  const laughs = [...'bcdefghi'].map((name, i) => `${name}: &${name} [${new Array(9).fill(`*${'abcdefgh'[i]}`).join()}]\n`).join('');
  test.each([
    ['aliases that multiply', `a: &a [x]\n${laughs}`, /^obi\.yaml: its aliases stand for more than 100 nodes/],
    ['an alias of itself', 'x: &a [*a]\n', /^obi\.yaml: is nested deeper/],
    ['an alias without anchor', 'x: *a\n', /^obi\.yaml: Unresolved alias.*: a$/],
    ['deep nesting', `x: ${'['.repeat(100)}${']'.repeat(100)}\n`, /^obi\.yaml: is nested deeper than 64 levels$/],
    ['nesting beyond the stack', `x: ${'['.repeat(20_000)}\n`, /^obi\.yaml: is nested deeper than 64 levels$/],
    ['an unknown tag', 'log_level: !loud INFO\n', /^obi\.yaml:1: Unresolved tag/],
    ['two documents', 'log_level: INFO\n---\nlog_level: WARN\n', /^obi\.yaml:2: a second document begins$/],
  ])('%s', (_what, content, problem) => {
    expect(problems({ file: yaml(content) })).toEqual([expect.stringMatching(problem)]);
  });

  test('of thousands of problems the message shows twenty, the details all', () => {
    const file = yaml(Array.from({ length: 5_000 }, (_, i) => `k${i}: 1\n`).join(''));
    expect(problems({ file })).toHaveLength(5_000);
    expect(() => load({ file })).toThrow(/^configuration: 5000 problems\n(.*unknown key.*\n){20} {2}… and 4980 more\n/);
  });

  test('the same with warnings', () => {
    const { warnings } = load({ env: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`OTEL_EBPF_NO_SUCH_THING_${i}`, '1'])) });
    expect(warnings).toHaveLength(21);
    expect(warnings.at(-1)).toBe('… and 80 more');
  });
});

describe('values that would do nothing', () => {
  test('globs, ports and routes', () => {
    const file = yaml(
      "discovery: {instrument: [{exe_path: '*/[java'}, {open_ports: '80,,443'}]}\nroutes:\n  patterns: ['/users/{id']\n  ignored_patterns: ['/a?b']\n",
    );
    expect(problems({ file, env: { OTEL_EBPF_AUTO_TARGET_EXE: '{a,b', OTEL_EBPF_DISCOVERY_THREADED_EXECUTABLES: '{a,{b,c}},[d' } })).toEqual([
      expect.stringMatching(/^OTEL_EBPF_AUTO_TARGET_EXE: auto_target_exe: "\{a,b" has "\{" without/),
      expect.stringMatching(/^obi\.yaml:1: discovery\.instrument\[0\]\.exe_path: "\*\/\[java" has "\[" without/),
      expect.stringMatching(/^obi\.yaml:1: discovery\.instrument\[1\]\.open_ports: "80,,443" has a comma without a port/),
      expect.stringMatching(/^OTEL_EBPF_DISCOVERY_THREADED_EXECUTABLES: discovery\.threaded_executables\[1\]: "\[d"/),
      expect.stringMatching(/^obi\.yaml:3: routes\.patterns\[0\]: "\/users\/\{id"/),
      expect.stringMatching(/^obi\.yaml:4: routes\.ignored_patterns\[0\]: .*query/),
    ]);
  });

  test.each([
    ['a=1,b', /^OTEL_RESOURCE_ATTRIBUTES: entry 2, "b", has no "="/],
    ['=1', /^OTEL_RESOURCE_ATTRIBUTES: entry 1, "=1", has no name/],
    ['a=%zz', /^OTEL_RESOURCE_ATTRIBUTES: "a=%zz" is not percent-encoded right/],
  ])('OTEL_RESOURCE_ATTRIBUTES=%s', (value, problem) => {
    expect(problems({ env: { OTEL_RESOURCE_ATTRIBUTES: value } })).toEqual([expect.stringMatching(problem)]);
  });

  test('plugins without a name are not all plugins', () => {
    const nothing = 'plugins: names no plugin; leave the option out for all that are installed';
    expect(problems({ overrides: { plugins: '' } })).toEqual([`command line: ${nothing}`]);
    expect(problems({ overrides: { plugins: ' , ' } })).toEqual([`command line: ${nothing}`]);
    expect(problems({ env: { OTEL_EBPF_PLUGINS: '' } })).toEqual([`OTEL_EBPF_PLUGINS: ${nothing}`]);
    expect(problems({ file: yaml("plugins: ''\n") })).toEqual([`obi.yaml:1: ${nothing}`]);
    expect(load({ file: yaml('plugins: []\n') }).config.plugins).toEqual([]);
    expect(load({ env: { OTEL_EBPF_PLUGINS: '' }, overrides: { plugins: 'http' } }).config.plugins).toEqual(['http']);
  });

  test('HTTP methods', () => {
    expect(load({}).config.attributes.http_known_methods).toContain('GET');
    expect(load({ env: { OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS: 'GET, propfind' } }).config.attributes.http_known_methods).toEqual(['GET', 'propfind']);
    expect(problems({ env: { OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS: 'GET,a b' } })).toEqual([
      'OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS: attributes.http_known_methods[1]: no HTTP method',
    ]);
  });
});

describe('upstream keys that obi does not implement', () => {
  test('those that only tune are ignored with one warning each', () => {
    const file = yaml(
      'ebpf:\n  wakeup_len: 100\n  http_request_timeout: 30s\n  buffer_sizes:\n    http: 8192\nprometheus_export:\n  port: 9090\ndiscovery:\n  instrument:\n    - open_ports: 80\n      exports: [traces]\n',
    );
    const { config, warnings } = load({ file, env: { OTEL_EBPF_KUBE_METADATA_ENABLE: 'true' } });
    expect(warnings.map((w) => w.replace(`${folder}/`, ''))).toEqual([
      'obi.yaml:6: prometheus_export: known upstream key, not implemented, ignored',
      'obi.yaml:3: ebpf.http_request_timeout: known upstream key, not implemented, ignored',
      'obi.yaml:2: ebpf.wakeup_len: known upstream key, not implemented, ignored',
      'obi.yaml:4: ebpf.buffer_sizes: known upstream key, not implemented, ignored',
      'obi.yaml:11: discovery.instrument[0].exports: known upstream key, not implemented, ignored',
      'OTEL_EBPF_KUBE_METADATA_ENABLE: known upstream variable, not implemented, ignored',
    ]);
    expect(config.discovery.instrument).toEqual([{ open_ports: '80' }]);
  });

  test('those that choose processes are refused', () => {
    const file = yaml('discovery:\n  services:\n    - exe_path: x\n  instrument:\n    - open_ports: 80\n      k8s_namespace: shop\n');
    expect(problems({ file, env: { OTEL_EBPF_AUTO_TARGET_LANGUAGE: 'java' } })).toEqual([
      expect.stringMatching(/^obi\.yaml:2: discovery\.services: .*use discovery\.instrument$/),
      expect.stringMatching(/^obi\.yaml:6: discovery\.instrument\[0\]\.k8s_namespace: .*not implemented/),
      expect.stringMatching(/^OTEL_EBPF_AUTO_TARGET_LANGUAGE: .*use auto_target_exe/),
    ]);
  });

  test.each([
    [
      'discovery: {exclude_otel_instrumented_services: true}',
      /^obi\.yaml:1: discovery\.exclude_otel_instrumented_services: .*use discovery\.exclude_instrument/,
    ],
    [
      'discovery: {excluded_linux_system_paths: [/sbin/]}',
      /^obi\.yaml:1: discovery\.excluded_linux_system_paths: .*use discovery\.exclude_instrument with exe_path/,
    ],
    ['filter: {application: {url.path: {not_match: /health}}, network: {}}', /^obi\.yaml:1: filter\.application: .*use routes\.ignored_patterns/],
  ])('%s narrows down: refused', (text, problem) => {
    expect(problems({ file: yaml(text) })).toEqual([expect.stringMatching(problem)]);
  });

  test('OTEL_EBPF_EXCLUDE_OTEL_INSTRUMENTED_SERVICES narrows down: refused; the variable for metrics does not', () => {
    const name = 'OTEL_EBPF_EXCLUDE_OTEL_INSTRUMENTED_SERVICES';
    expect(problems({ env: { [name]: 'true' } })).toEqual([expect.stringMatching(`^${name}: .*use discovery\\.exclude_instrument`)]);
    expect(load({ env: { [`${name}_SPAN_METRICS`]: 'true' } }).warnings).toEqual([expect.stringMatching(/not implemented, ignored$/)]);
  });

  test('values with which they narrow down nothing are what obi does anyway', () => {
    const file = yaml('discovery: {exclude_otel_instrumented_services: false, excluded_linux_system_paths: []}\n');
    const { config, warnings } = load({ file, env: { OTEL_EBPF_EXCLUDE_OTEL_INSTRUMENTED_SERVICES: 'False' } });
    expect(warnings).toEqual([]);
    expect(config).toEqual(load({}).config);
  });

  test('a misspelt OTEL_EBPF_ variable is a warning with the nearest name; others are none of our business', () => {
    const { warnings } = load({ env: { OTEL_EBPF_OPEN_PORTS: '80', OTEL_EBPF_WHATEVER_ELSE_THERE_IS: '1', OTEL_FOO: '1', PATH: '/bin' } });
    expect(warnings).toEqual([
      'OTEL_EBPF_OPEN_PORTS: unknown variable, ignored; did you mean OTEL_EBPF_OPEN_PORT?',
      'OTEL_EBPF_WHATEVER_ELSE_THERE_IS: unknown variable, ignored',
    ]);
  });
});

describe('nodejs.enabled is probes.node.enabled under its upstream name', () => {
  const node = (options: LoadOptions) => load(options).config.probes['node'];

  test.each([false, true])('%s', (enabled) => {
    const { config, warnings } = load({ file: yaml(`nodejs: {enabled: ${enabled}}\n`) });
    expect([config.probes, warnings]).toEqual([{ node: { enabled } }, []]);
    expect(config).not.toHaveProperty('nodejs');
    expect(node({ env: { OTEL_EBPF_NODEJS_ENABLED: String(enabled) } })).toEqual({ enabled });
  });

  test('the variable wins over both names in the file, the rest of the section stays', () => {
    const env = { OTEL_EBPF_NODEJS_ENABLED: 'false' };
    expect(node({ file: yaml('nodejs: {enabled: true}\n'), env })).toEqual({ enabled: false });
    expect(node({ file: yaml('probes: {node: {enabled: true, workers: false}}\n'), env })).toEqual({ enabled: false, workers: false });
    expect(node({ file: yaml('nodejs:\nprobes: {node: {enabled: false}}\n') })).toEqual({ enabled: false });
  });

  test('what is misspelt is a problem', () => {
    expect(problems({ file: yaml('nodejs: {enabld: false}\n') })).toEqual(['obi.yaml:1: nodejs.enabld: unknown key; did you mean "nodejs.enabled"?']);
    expect(problems({ file: yaml('nodejs: {enabled: maybe}\n') })).toEqual(['obi.yaml:1: nodejs.enabled: expected true or false']);
    expect(problems({ env: { OTEL_EBPF_NODEJS_ENABLED: '0' } })).toEqual(['OTEL_EBPF_NODEJS_ENABLED: nodejs.enabled: expected true or false']);
  });
});

test('shutdown_timeout is no longer than a timer can wait', () => {
  expect(load({ env: { OTEL_EBPF_SHUTDOWN_TIMEOUT: '596h' } }).config.shutdown_timeout).toBe(596 * 3_600_000);
  expect(problems({ env: { OTEL_EBPF_SHUTDOWN_TIMEOUT: '600h' } })).toEqual([
    expect.stringMatching(/^OTEL_EBPF_SHUTDOWN_TIMEOUT: shutdown_timeout: longer .* 596h$/),
  ]);
  expect(problems({ env: { OTEL_EBPF_SHUTDOWN_TIMEOUT: '5 minutes' } })).toEqual([expect.stringMatching(/is no duration/)]);
});

describe('printed configuration', () => {
  test.each(['yaml', 'json'] as const)('%s reads back to the same', (format) => {
    const file = yaml('ebpf: {context_propagation: all, max_transaction_time: 250ms}\ndiscovery: {instrument: [{open_ports: [80, 443]}]}\nlog_level: DEBUG\n');
    const { config } = load({ file, env: { OTEL_EBPF_TARGET_PID: '7' } });
    const text = printConfig(config, format);
    expect((parse(text) as { ebpf: unknown }).ebpf).toMatchObject({ max_transaction_time: '250ms' });
    expect(load({ file: yaml(text) })).toMatchObject({ config, warnings: [] });
  });
});

test('the exporter gets its variables; those of the environment win over the file', () => {
  const { config } = load({ file: yaml('otel_traces_export: {endpoint: "http://127.0.0.1:4318/v1/traces", protocol: http/protobuf}\n') });
  expect(exporterEnvironment(config, { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json', OTEL_EXPORTER_OTLP_HEADERS: 'a=b', HOME: '/' })).toEqual({
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces',
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_HEADERS: 'a=b',
  });
});
