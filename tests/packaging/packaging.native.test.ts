// SPDX-License-Identifier: Apache-2.0
// What users get: the packed packages, installed in an empty folder where no compiler can be found, trace a real server.
// In the tier of root, because the run at its end loads programs; dependencies that are not ours come from npm's cache or registry.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { installPacked } from '../../tools/release/install.mjs';
import { Obi } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';

jest.setTimeout(120_000);

const getScript = path.resolve(__dirname, '../harness/get.mjs');

let folder: string;
let installed: ReturnType<typeof installPacked>;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'obi-packaging-'));
  installed = installPacked(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const files = (name: string) => readdirSync(path.join(installed.app, 'node_modules', name), { recursive: true, encoding: 'utf8' });

test('no compiler, no build tool and no interpreter was there to be used', () => {
  for (const tool of ['cc', 'gcc', 'clang', 'cargo', 'rustc', 'make', 'python3', 'bpftool']) {
    expect([tool, spawnSync('sh', ['-c', `command -v ${tool}`], { env: installed.env }).status]).not.toEqual([tool, 0]);
  }
  expect(spawnSync('sh', ['-c', 'command -v node'], { env: installed.env }).status).toBe(0);
});

test('what is built before is in the tarballs: objects of both architectures, the addon, the command as one file', () => {
  expect(files('@obi/bpf')).toEqual(expect.arrayContaining(['dist/x86_64/tasks.bpf.o', 'dist/arm64/tasks.bpf.o', 'include/obi/abi.bpf.h']));
  expect(files('@obi/probe-http')).toEqual(expect.arrayContaining(['bpf/dist/x86_64/http.bpf.o', 'bpf/dist/arm64/http.bpf.o', 'dist/manifest.json']));
  expect(files('@obi/cli')).toEqual(expect.arrayContaining(['bin/obi.mjs', 'bundle/obi.cjs', 'bundle/THIRD-PARTY-NOTICES.txt']));
  const platform = `@obi/native-linux-${process.arch}-gnu`;
  expect(files(platform)).toEqual(expect.arrayContaining([`obi-native.linux-${process.arch}-gnu.node`, 'THIRD-PARTY-NOTICES.txt']));
  const { optionalDependencies } = JSON.parse(readFileSync(path.join(installed.app, 'node_modules/@obi/native/package.json'), 'utf8'));
  expect(Object.keys(optionalDependencies)).toContain(platform);
});

test('nothing of the packages is linked to this checkout, and none is there twice', () => {
  const found = readdirSync(installed.app, { recursive: true, encoding: 'utf8', withFileTypes: true }).filter(({ parentPath }) =>
    /node_modules\/@obi$/.test(parentPath),
  );
  expect(found.filter((entry) => !entry.isDirectory())).toEqual([]);
  const packages = found.map(({ parentPath, name }) => path.relative(installed.app, path.join(parentPath, name)));
  expect(packages.length).toBeGreaterThan(7);
  expect(packages.filter((name) => name.split('node_modules').length > 2)).toEqual([]);
});

test('npx obi probes lists the http probe, which can run here', () => {
  expect(installed.npx('obi', 'probes')).toMatch(/^http {2}@obi\/probe-http \S+ .*\n(?: .*\n)*? {2}can run here/m);
});

test('obi traces a request', async () => {
  const sandbox = await Sandbox.create({ netns: true, name: 'obi-packaging' });
  try {
    const server = await sandbox.start('server', ['python3', '-u', '-m', 'http.server', '8000', '--bind', '127.0.0.1', '--directory', installed.app]);
    await server.line(/Serving HTTP/);
    // Only obi gets the bare PATH: what enters the namespace needs the machine's.
    const command = ['env', `PATH=${installed.env['PATH']}`, path.join(installed.app, 'node_modules/.bin/obi'), '--plugins', 'http'];
    const settings = { OTEL_EBPF_OPEN_PORT: '8000', OTEL_EBPF_TRACE_PRINTER: 'json', OTEL_EBPF_BPF_CGROUP_PATH: sandbox.cgroup };
    const obi = new Obi(await sandbox.startOutside('obi', command, { cwd: installed.app, env: settings }));
    await obi.proc.line(/\bready\b/);
    await obi.proc.line(new RegExp(`tracing .*pid\\W+${server.pid}\\b`));
    await sandbox.run('client', [process.execPath, getScript, 'http://127.0.0.1:8000/package.json']);
    const spans = await obi.waitForSpans(1);
    expect(await obi.stop()).toMatchObject({ code: 0 });
    expect(spans).toMatchObject([{ name: 'GET /package.json', kind: 2, attributes: { 'url.path': '/package.json', 'http.response.status_code': 200 } }]);
  } finally {
    await sandbox.dispose();
  }
});
