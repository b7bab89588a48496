// SPDX-License-Identifier: Apache-2.0
/** The command line as a whole, with a kernel that is none: messages, exit codes, and the order of starting and stopping. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FEATURES, HTTP, REFUSED, STATUS, written } from './support/fakes.js';

const mockFeatures = jest.fn();
const mockDescribe = jest.fn();
const mockOpen = jest.fn();
const mockStart = jest.fn();
const mockClaim = jest.fn();
const mockReleased = jest.fn();
jest.mock('@obi/native', () => ({ createKernel: () => ({ features: mockFeatures, open: mockOpen }) }));
jest.mock('@obi/bpf', () => ({ coreObjects: () => ({}) }));
jest.mock('@obi/core', () => ({
  ...jest.requireActual('@obi/core'),
  Agent: { start: (...args: unknown[]) => mockStart(...args) },
  describeProbes: (...args: unknown[]) => mockDescribe(...args),
}));

// A claim would be seen by every obi that is started on this machine meanwhile.
jest.mock('../src/watch-claim.js', () => ({ claimWatch: (...args: unknown[]) => mockClaim(...args) }));

import { errors } from '@obi/core';
import { VERSION } from '../src/host.js';
import { main } from '../src/index.js';

const obi = (...args: string[]) => main(['node', 'obi', ...args]);

/** Exit code and what was written. `process.exit` is only noted. */
async function ran(...args: string[]) {
  process.exitCode = undefined;
  const logged: string[] = [];
  let printed = '';
  const stderr = await written('stderr', async () => {
    const log = jest.spyOn(console, 'log').mockImplementation((line) => void logged.push(`${line}\n`));
    const error = jest.spyOn(console, 'error').mockImplementation((...line) => void process.stderr.write(`${line.join(' ')}\n`));
    printed = await written('stdout', () => obi(...args));
    log.mockRestore();
    error.mockRestore();
  });
  const code = process.exitCode;
  process.exitCode = undefined;
  return { code, stdout: printed + logged.join(''), stderr };
}

let folder: string;
const keptEnvironment = { ...process.env };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'obi-cli-'));
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  process.env['OTEL_EBPF_LOG_LEVEL'] = 'ERROR';
  process.env['OTEL_EBPF_EXPLAIN_DIRECTORY'] = join(folder, 'explain');
  mockFeatures.mockReset().mockReturnValue(FEATURES);
  mockOpen.mockReset();
  mockDescribe.mockReset().mockImplementation(jest.requireActual('@obi/core').describeProbes);
  mockStart.mockReset();
  mockReleased.mockReset();
  others([]);
});

function others(pids: number[]): void {
  mockClaim.mockReset().mockResolvedValue({ others: () => pids.map((pid) => ({ pid })), [Symbol.dispose]: mockReleased });
}

afterEach(() => {
  rmSync(folder, { recursive: true });
  process.env = { ...keptEnvironment };
});

function configFile(text: string): string {
  const file = join(folder, 'obi.yaml');
  writeFileSync(file, text);
  return file;
}

describe('the command line', () => {
  test('--version', async () => {
    expect(await ran('--version')).toEqual({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
  });

  test('--help names the commands', async () => {
    const { code, stdout } = await ran('--help');
    expect(code).toBe(0);
    for (const word of ['run', 'probes', 'doctor', 'explain', '--plugins', '--config']) expect(stdout).toContain(word);
  });

  test.each([['--nosuch'], ['nosuch'], ['--plugins'], ['probes', '--nosuch']])('%s %s is wrong: exit code 2, a message, no run', async (...args) => {
    const { code, stderr } = await ran(...args.filter((arg) => arg !== undefined));
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: /);
    expect(mockStart).not.toHaveBeenCalled();
  });
});

describe('a first word that is no command', () => {
  test.each([
    [['recrod', '--out', 'x'], 'recrod', ' (did you mean "record"?)'],
    [['dcotor'], 'dcotor', ' (did you mean "doctor"?)'],
    [['--plugins', 'http', 'foo'], 'foo', ''],
  ])('%j is called that', async (args, name, hint) => {
    const { code, stderr } = await ran(...args);
    expect(code).toBe(2);
    expect(stderr).toBe(`error: unknown command "${name}"${hint}; there are: run, probes, doctor, explain, record, new-probe, help\n`);
  });
});

describe('probes', () => {
  test.each([
    ['none installed', [], 1],
    ['none that can run', [REFUSED], 1],
    ['one that can', [REFUSED, HTTP], 0],
  ])('%s: exit code', async (_what, probes, expected) => {
    mockDescribe.mockReturnValue(probes);
    const { code, stdout } = await ran('probes');
    expect(code ?? 0).toBe(expected);
    for (const { id } of probes) expect(stdout).toContain(`${id}  `);
  });
});

describe('numbers', () => {
  test.each([
    ['record', '--max', '2.5', 1_000_000],
    ['record', '--max', '0', 1_000_000],
    ['record', '--max', '-3', 1_000_000],
    ['record', '--max', '1e3', 1_000_000],
    ['record', '--max', '1000001', 1_000_000],
    ['record', '--seconds', '0.5', 2_147_483],
    ['record', '--seconds', '3000000', 2_147_483],
    ['record', '--seconds', 'ten', 2_147_483],
    ['explain', '--pid', '1.5', 4_194_304],
    ['explain', '--pid', '4194305', 4_194_304],
  ])('%s %s %s is refused with what it can be', async (command, option, value, most) => {
    const { code, stderr } = await ran(command, command === 'explain' ? 'ab' : '--out=x.json', `${option}=${value}`);
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(`^error: option '${option} <n>' argument '${value}' is invalid\\. It must be a whole number from 1 to ${most}\\.\n$`));
  });

  test('the largest are taken', async () => {
    const none = join(folder, 'none', 'x.json'); // ends the command before anything runs
    const { stderr } = await ran('record', '--out', none, '--seconds', '2147483', '--max', '1000000');
    expect(stderr).toMatch(/^error: --out .*ENOENT/);
  });
});

/** One message with its code, no stack. */
function expectMessage(stderr: string, code: string): void {
  expect(stderr).toContain(`[${code}]`);
  expect(stderr).not.toMatch(/^\s+at /m);
}

describe('errors', () => {
  test('a configuration file that is not there', async () => {
    const { code, stderr } = await ran('-c', join(folder, 'nosuch.yaml'));
    expect(code).toBe(2);
    expectMessage(stderr, 'OBI_ERR_CONFIG_READ');
  });

  test('a key that does not exist', async () => {
    const { code, stderr } = await ran('-c', configFile('routs: {}\n'));
    expect(code).toBe(2);
    expectMessage(stderr, 'OBI_ERR_CONFIG_INVALID');
    expect(stderr).toContain('routes');
  });

  test.each(['probes', 'doctor'])('%s of a probe that is not installed', async (command) => {
    const { code, stderr } = await ran('--plugins', 'nosuch', command);
    expect(code).toBe(2);
    expectMessage(stderr, 'OBI_ERR_PLUGIN_UNKNOWN');
  });

  test('--plugins without a name is not all of them', async () => {
    const { code, stderr } = await ran('--plugins', '', 'run');
    expect(code).toBe(2);
    expectMessage(stderr, 'OBI_ERR_CONFIG_INVALID');
    expect(stderr).toContain('command line: plugins: names no plugin; leave the option out for all');
    expect(mockStart).not.toHaveBeenCalled();
  });

  test('missing rights are named before anything is started', async () => {
    mockFeatures.mockReturnValue({ ...FEATURES, capabilities: ['NET_ADMIN'] });
    const { code, stderr } = await ran();
    expect(code).toBe(1);
    expectMessage(stderr, 'OBI_ERR_RIGHTS');
    expect(stderr).toContain('CAP_BPF, CAP_PERFMON');
    expect(mockStart).not.toHaveBeenCalled();
  });

  test('no probe installed: where obi looked, and what to install', async () => {
    mockStart.mockRejectedValue(errors.noProbes([]));
    const { code, stderr } = await ran();
    expect(code).toBe(1);
    expectMessage(stderr, 'OBI_ERR_NO_PROBES');
    expect(stderr).toContain('npm install @obi/probe-http');
  });

  test('probes that cannot run: their own reasons', async () => {
    mockStart.mockRejectedValue(errors.noProbes(['http: no BTF']));
    const { stderr } = await ran();
    expect(stderr).toContain('http: no BTF');
    expect(stderr).not.toContain('npm install');
  });

  test('no addon for this platform: its message, no stack', async () => {
    mockFeatures.mockImplementation(() => {
      throw new Error('@obi/native: no addon for linux-s390x-gnu');
    });
    const { code, stderr } = await ran('doctor');
    expect(code).toBe(1);
    expect(stderr).toBe('obi: @obi/native: no addon for linux-s390x-gnu\n');
  });

  test('what nobody foresaw asks for a report', async () => {
    mockStart.mockRejectedValue(new TypeError('x is not a function'));
    const { code, stderr } = await ran();
    expect(code).toBe(1);
    expect(stderr).toContain('internal error, please report it');
  });
});

describe('another obi', () => {
  test('over the same processes ends the run before anything is in the kernel, and is named', async () => {
    others([4711]);
    const { code, stderr } = await ran();
    expect(code).toBe(1);
    expectMessage(stderr, 'OBI_ERR_OVERLAP');
    expect(stderr).toContain('pid 4711');
    expect(mockStart).not.toHaveBeenCalled();
    expect(mockReleased).toHaveBeenCalled();
  });

  test('is put up with when that is asked for, and said', async () => {
    process.env['OTEL_EBPF_BPF_ALLOW_OVERLAP'] = 'true';
    process.env['OTEL_EBPF_LOG_LEVEL'] = 'WARN';
    others([4711]);
    mockStart.mockRejectedValue(errors.noProbes(['x: y']));
    const { stderr } = await ran();
    expect(mockStart).toHaveBeenCalledTimes(1);
    expect(stderr).not.toContain('OBI_ERR_OVERLAP');
    expect(mockReleased).toHaveBeenCalled();
  });

  test('cannot be looked for: the run goes on', async () => {
    mockClaim.mockReset().mockRejectedValue(new Error('no sockets here'));
    mockStart.mockRejectedValue(errors.noProbes(['x: y']));
    await ran();
    expect(mockStart).toHaveBeenCalledTimes(1);
  });

  test('a cgroup that there is not is named before', async () => {
    process.env['OTEL_EBPF_BPF_CGROUP_PATH'] = '/nowhere';
    expectMessage((await ran()).stderr, 'OBI_ERR_CGROUP');
    expect(mockClaim).not.toHaveBeenCalled();
  });
});

describe('a run', () => {
  test('a health port that is taken ends it before anything is in the kernel', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    process.env['OTEL_EBPF_HEALTH_CHECK_PORT'] = String((other.address() as AddressInfo).port);
    const { code, stderr } = await ran();
    other.close();
    expect(code).toBe(1);
    expectMessage(stderr, 'OBI_ERR_HEALTH_PORT');
    expect(mockStart).not.toHaveBeenCalled();
    expect(mockOpen).not.toHaveBeenCalled();
  });

  test('health answers from the first moment to the last: starting, running, stopping, gone', async () => {
    const port = await freePort();
    process.env['OTEL_EBPF_HEALTH_CHECK_PORT'] = String(port);
    const seen: Record<string, unknown> = {};
    const exit = jest.spyOn(process, 'exit').mockImplementation((code) => {
      seen['exit'] = code ?? 0;
      return undefined as never;
    });
    mockStart.mockImplementation(async (container) => {
      seen['starting'] = await health(port);
      container.registerValue(Symbol.for('obi.ProcessDirectory'), { resource: () => undefined });
      setTimeout(async () => {
        seen['running'] = await health(port);
        seen['sockets'] = readdirSync(join(folder, 'explain'));
        process.emit('SIGTERM');
      }, 10);
      return {
        status: STATUS,
        [Symbol.asyncDispose]: async () => {
          seen['stopping'] = await health(port);
          seen['sockets left'] = readdirSync(join(folder, 'explain'));
        },
      };
    });
    const { stderr, stdout } = await ran();
    seen['gone'] = await health(port).catch(() => 'refused');
    exit.mockRestore();
    expect(seen).toEqual({
      starting: [503, 'failing', 'obi is starting'],
      running: [200, 'running', undefined],
      sockets: [`${process.pid}.sock`],
      stopping: [503, 'stopping', undefined],
      'sockets left': [],
      gone: 'refused',
      exit: 0,
    });
    expect(stderr).not.toContain('internal error');
    expect(stdout).toBe('');
    expect(stderr).toContain('0 traces');
  });

  test('an agent that cannot start frees the port', async () => {
    const port = await freePort();
    process.env['OTEL_EBPF_HEALTH_CHECK_PORT'] = String(port);
    mockStart.mockRejectedValue(errors.noProbes(['x: y']));
    expect((await ran()).code).toBe(1);
    await expect(health(port)).rejects.toThrow();
  });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function health(port: number) {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`);
  const { state, reason } = (await response.json()) as { state: string; reason?: string };
  return [response.status, state, reason];
}
