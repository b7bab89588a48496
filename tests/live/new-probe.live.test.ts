// SPDX-License-Identifier: Apache-2.0
// `obi new-probe`: what it writes builds, passes its own tests, and traces its placeholder protocol, with nothing changed.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { obiMain } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { missing, which } from '../harness/services.mjs';
import { testUnless } from './support/chain.js';
import { root } from './support/features.js';

const lacking = missing('python') ?? (which('clang') && which('llvm-strip') ? undefined : 'clang and llvm-strip are not installed');

let sandbox: Sandbox;
let folder: string;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-new' });
  folder = mkdtempSync(path.join(tmpdir(), 'obi-new-probe-'));
});
afterEach(async () => {
  await sandbox.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** What `npm install` makes of the package's devDependencies, without a registry. */
function install(directory: string): void {
  const modules = path.join(directory, 'node_modules');
  mkdirSync(path.join(modules, '@obi'), { recursive: true });
  mkdirSync(path.join(modules, '.bin'));
  for (const name of ['@obi/core', '@obi/probe-kit', 'typescript']) symlinkSync(path.join(root, 'node_modules', name), path.join(modules, name));
  symlinkSync(path.join(root, 'bpf'), path.join(modules, '@obi/bpf'));
  symlinkSync(path.join(root, 'bpf/build.mjs'), path.join(modules, '.bin/obi-bpf-build'));
  symlinkSync(path.join(root, 'packages/probe-kit/bin/obi-gen.mjs'), path.join(modules, '.bin/obi-gen'));
  symlinkSync(path.join(root, 'node_modules/typescript/bin/tsc'), path.join(modules, '.bin/tsc'));
}

testUnless(lacking)('a new probe builds, passes its tests, can run here, and traces', async () => {
  const directory = path.join(folder, 'obi-probe-echo');
  const run = (name: string, command: string[], env: Record<string, string> = {}) => sandbox.run(name, command, { cwd: directory, env });
  await sandbox.run('new-probe', [process.execPath, obiMain, 'new-probe', 'echo', '--dir', directory]);
  install(directory);
  await run('build', ['npm', 'run', 'build']);
  expect(await run('test', ['npm', 'test'])).toMatch(/^ℹ fail 0$/m);
  const listed = await run('probes', [process.execPath, obiMain, 'probes', '--plugins', '.']);
  expect(listed).toMatch(/^echo {2}obi-probe-echo 0\.1\.0 {2}\(protocol\)$/m);
  expect(listed).toContain('can run here');

  for (const propagation of ['disabled', 'all']) {
    const output = await run('try', ['bash', 'test/try.sh', propagation], { OBI: `${process.execPath} ${obiMain}`, OTEL_EBPF_TRACE_PRINTER: 'json' });
    const spans = output
      .split('\n')
      .filter((line) => line.startsWith('{"traceId"'))
      .map((line) => JSON.parse(line));
    const seen = spans.map(({ kind, attributes }) => [kind, attributes['echo.request.size'], attributes['echo.answer.size'], attributes['server.port']]).sort();
    const three = (kind: unknown) => [4, 4, 5].map((size) => [kind, size, size, 7777]);
    expect({ propagation, seen }).toEqual({ propagation, seen: [...three('CLIENT'), ...three('SERVER')] });
  }
});
