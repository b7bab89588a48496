// SPDX-License-Identifier: Apache-2.0
/** What every package of this repository says of itself, and ships. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = join(__dirname, '../../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Manifest {
  readonly name: string;
  readonly license: string;
  readonly version: string;
  readonly keywords?: readonly string[];
  readonly engines?: { readonly node?: string };
  readonly files: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}
const folders = ['bpf', ...['packages', 'packages/native/npm'].flatMap((parent) => readdirSync(join(root, parent)).map((name) => `${parent}/${name}`))];
const packages = folders
  .filter((folder) => existsSync(join(root, folder, 'package.json')))
  .map((folder): [string, Manifest] => [folder, JSON.parse(read(`${folder}/package.json`))]);

test('there are packages to look at', () => {
  expect(packages.length).toBeGreaterThan(8);
});

test.each(packages)('%s: the same Node, its licences, and no build state', (folder, { license, engines, files }) => {
  expect(engines?.node).toBe('>=22.15');
  expect(license.includes('Apache-2.0') || license.includes('BSD-2-Clause')).toBe(true);
  if (license.includes('Apache-2.0')) expect(read(`${folder}/LICENSE`)).toBe(read('LICENSE'));
  if (license.includes('BSD-2-Clause')) expect(read(`${folder}/LICENSE.BSD-2-Clause`)).toBe(read('bpf/LICENSE.BSD-2-Clause'));
  if (files.includes('dist') && existsSync(join(root, folder, 'tsconfig.json'))) expect(files).toContain('!dist/**/*.tsbuildinfo');
});

test.each(packages)('%s: packages of this repository are asked for by range; only the command line tool brings core along', (_folder, manifest) => {
  const { name, dependencies = {}, peerDependencies = {}, devDependencies = {} } = manifest;
  for (const [wanted, range] of Object.entries({ ...dependencies, ...peerDependencies, ...devDependencies })) {
    if (wanted.startsWith('@obi/')) expect([wanted, range]).toEqual([wanted, '>=0.1.0 <1']);
  }
  expect('@obi/core' in dependencies).toBe(name === '@obi/cli');
});

const probes = packages.filter(([, { keywords }]) => keywords?.includes('obi-probe'));
test.each(probes)('%s: loads the small entry of core when it runs, not all of it, and else only what it asks for', (folder, { dependencies = {} }) => {
  const sources = readdirSync(join(root, folder, 'src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const imports = sources.flatMap((name) =>
    [...read(`${folder}/src/${name}`).matchAll(/^(import|export) (?!type\b)[^;]*? from '(@obi\/[^']+)'/gm)].map(([, , from]) => from),
  );
  expect(imports).toContain('@obi/core/probe');
  expect(imports.filter((from) => from !== undefined && from !== '@obi/core/probe' && !(from in dependencies))).toEqual([]);
});

test('the small entry of core brings no package along', () => {
  const seen = new Set<string>(['probe-entry.ts']);
  const foreign: string[] = [];
  for (const file of seen) {
    for (const [, from = ''] of read(`packages/core/src/${file}`).matchAll(/^(?:import|export) (?!type\b)[^;]*? from '([^']+)'/gm)) {
      if (from.startsWith('.')) seen.add(join(dirname(file), from).replace(/\.js$/, '.ts'));
      else if (!/^node:(buffer|fs|path|url)$/.test(from)) foreign.push(`${file}: ${from}`);
    }
  }
  expect(seen.size).toBeGreaterThan(10);
  expect(foreign).toEqual([]);
});

const run = (script: string) => spawnSync(process.execPath, [join(root, 'packages/native', script), '--check'], { encoding: 'utf8' });

test('the platform packages of the addon are as its package.json says', () => {
  expect(run('tools/platforms.mjs')).toMatchObject({ stderr: '', status: 0 });
});

test('the notices name the crates of Cargo.lock, in its versions', () => {
  const lock = new Set([...read('packages/native/Cargo.lock').matchAll(/name = "(.*)"\nversion = "(.*)"/g)].map(([, name, version]) => `${name} ${version}`));
  const named = [...read('packages/native/THIRD-PARTY-NOTICES.txt').matchAll(/^([\w-]+ \d\S*) \(.*\)$/gm)].map(([, crate = '']) => crate);
  expect(named.filter((crate) => !lock.has(crate))).toEqual([]);
  expect(named.map((crate) => crate.split(' ')[0])).toEqual(expect.arrayContaining(['libbpf-rs', 'libbpf-sys', 'libc', 'napi', 'napi-sys']));
});

// Which crates are linked, and their texts, only cargo knows.
const withCargo = spawnSync('cargo', ['--version']).status === 0 ? test : test.skip;
withCargo('the notices are what the sources of the crates say', () => {
  expect(run('tools/notices.mjs')).toMatchObject({ stderr: '', status: 0 });
});
