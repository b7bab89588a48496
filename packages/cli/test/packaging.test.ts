// SPDX-License-Identifier: Apache-2.0
/** What every package of this repository says of itself, and ships. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '../../..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');

interface Manifest {
  readonly name: string;
  readonly license: string;
  readonly version: string;
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
  if (existsSync(join(root, folder, 'tsconfig.json'))) expect(files).toContain('!dist/**/*.tsbuildinfo');
});

test.each(packages)('%s: packages of this repository are asked for by range; only the command line tool brings core along', (_folder, manifest) => {
  const { name, dependencies = {}, peerDependencies = {}, devDependencies = {} } = manifest;
  for (const [wanted, range] of Object.entries({ ...dependencies, ...peerDependencies, ...devDependencies })) {
    if (wanted.startsWith('@obi/')) expect([wanted, range]).toEqual([wanted, '>=0.1.0 <1']);
  }
  expect('@obi/core' in dependencies).toBe(name === '@obi/cli');
});
