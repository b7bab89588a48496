// SPDX-License-Identifier: Apache-2.0
/** What `obi new-probe` writes. That it builds, passes its tests and traces: tests/live/new-probe.live.test.ts. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { README_SECTIONS } from '../src/conformance/checks.js';
import { createProbe } from '../src/new-probe/create-probe.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'obi-new-probe-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const everything = (directory: string) =>
  readdirSync(directory, { recursive: true })
    .map(String)
    .filter((name) => statSync(join(directory, name)).isFile())
    .sort();

test('a package under the new name: nothing is left of the template’s own', () => {
  const directory = join(folder, 'made');
  const files = createProbe({ name: 'memcached', directory });
  expect(everything(directory)).toEqual(files);
  expect(files).toEqual(expect.arrayContaining(['.gitignore', 'bpf/memcached.bpf.c', 'bpf/memcached.h', 'src/memcached-exchange-decoder.ts', 'test/try.sh']));
  for (const file of files) expect([file, /parrot/i.test(readFileSync(join(directory, file), 'utf8'))]).toEqual([file, false]);
  expect(readFileSync(join(directory, 'bpf/protocol.bpf.h'), 'utf8')).toContain('#define MEMCACHED_MAGIC "MEMCACHED"');
  expect(readFileSync(join(directory, 'src/index.ts'), 'utf8')).toContain('import { MemcachedExchangeDecoder }');
  expect(statSync(join(directory, 'test/try.sh')).mode & 0o111).not.toBe(0);
  const json = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  expect(json).toMatchObject({ name: 'obi-probe-memcached', keywords: ['obi-probe'], obi: { id: 'memcached', slots: { 'carrier.sk_msg': 'memcached_msg' } } });
  const readme = readFileSync(join(directory, 'README.md'), 'utf8');
  for (const section of README_SECTIONS) expect(readme).toContain(`## ${section}\n`);
});

test('from a checkout it takes the packages of that checkout', () => {
  createProbe({ name: 'x', directory: folder });
  const { devDependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const name of ['@obi/bpf', '@obi/core', '@obi/probe-kit']) {
    const path = join(folder, devDependencies[name].replace(/^file:/, ''));
    expect(JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')).name).toBe(name);
  }
});

test.each(['', 'Redis', 'my-probe', '9p', 'a_b', '../up', 'abcdefghij'])('the name %j is refused, and nothing is written', (name) => {
  const directory = join(folder, 'made');
  expect(() => createProbe({ name, directory })).toThrow(`"${name}" cannot be the name of a probe`);
  expect(existsSync(directory)).toBe(false);
});

test('the longest name fits into the kernel’s', () => {
  createProbe({ name: 'abcdefghi', directory: folder });
  const { slots } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).obi;
  const maps = readFileSync(join(folder, 'bpf/handle.bpf.h'), 'utf8').matchAll(/^\} (\w+) SEC\("\.maps"\);$/gm);
  const names = [...Object.values<string>(slots), ...[...maps].map(([, name]) => name ?? '')];
  expect(names.length).toBeGreaterThan(5);
  expect(names.filter((name) => name.length > 15)).toEqual([]);
});

test('a folder that holds something is left as it is; an empty one will do', () => {
  const directory = join(folder, 'made');
  mkdirSync(directory);
  createProbe({ name: 'x', directory });
  const before = everything(directory);
  writeFileSync(join(directory, 'mine'), '');
  expect(() => createProbe({ name: 'y', directory })).toThrow('made exists and is not an empty folder');
  expect(everything(directory)).toEqual([...before, 'mine'].sort());
});
