// SPDX-License-Identifier: Apache-2.0
/** Commands of authors: what they write, and what they say when something is missing. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { written } from './support/fakes.js';

let mockAbsent = false;
jest.mock('@obi/native', () => ({ createKernel: () => ({ features: () => jest.requireActual('./support/fakes.js').FEATURES }) }));
jest.mock('@obi/bpf', () => ({ coreObjects: () => ({}) }));
jest.mock('@obi/probe-kit', () => {
  if (mockAbsent) throw Object.assign(new Error('Cannot find module'), { code: 'MODULE_NOT_FOUND' });
  return jest.requireActual('@obi/probe-kit');
});

async function ran(...args: string[]) {
  const { main } = await import('../src/index.js');
  process.exitCode = undefined;
  const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
  const stderr = await written('stderr', () => main(['node', 'obi', ...args]));
  const stdout = log.mock.calls.flat().join('\n');
  log.mockRestore();
  const code = process.exitCode ?? 0;
  process.exitCode = undefined;
  return { code, stdout, stderr };
}

let folder: string;
beforeEach(() => {
  jest.resetModules();
  mockAbsent = false;
  folder = mkdtempSync(join(tmpdir(), 'obi-authors-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('new-probe writes a package and says how to go on', async () => {
  const { code, stdout } = await ran('new-probe', 'echo', '--dir', join(folder, 'echo'));
  expect(code).toBe(0);
  expect(existsSync(join(folder, 'echo/bpf/echo.bpf.c'))).toBe(true);
  for (const step of ['npm install', 'npm run build', 'npm test', 'obi probes --plugins .', 'bpf/protocol.bpf.h']) expect(stdout).toContain(step);
});

test('a name that cannot be is a wrong command line', async () => {
  const { code, stderr } = await ran('new-probe', 'No', '--dir', join(folder, 'no'));
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/^error: "No" cannot be the name of a probe/) });
});

test.each([
  ['new-probe', ['echo']],
  ['record', ['--out', 'records.json']],
])('%s without the kit says what to install', async (command, args) => {
  mockAbsent = true;
  const { code, stderr } = await ran(command, ...args);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(`obi ${command} needs @obi/probe-kit`) });
  expect(stderr).toContain('npm install --save-dev @obi/probe-kit');
});

test.each([
  [['record'], /required option '-o, --out <file>'/],
  [['record', '--out', 'x', '--seconds', '0'], /--seconds.*from 1 to 2147483/],
  [['record', '--out', 'x', '--max', 'many'], /--max.*from 1 to 1000000/],
])('%j is a wrong command line', async (args, message) => {
  expect(await ran(...args)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) });
});

test('record says at once that its file cannot be written', async () => {
  const { code, stderr } = await ran('record', '--out', join(folder, 'nosuch', 'x.json'));
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/cannot write into .*nosuch \(ENOENT\)/) });
});

test('record of a probe that is not there names those that are', async () => {
  const { code, stderr } = await ran('record', '--out', join(folder, 'x.json'), '--probe', 'htpp');
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: 'error: --probe: there is no probe "htpp" (did you mean "http"?) in this run; it has: go, http, node, python\n',
  });
});
