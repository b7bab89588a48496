// SPDX-License-Identifier: Apache-2.0
// Packs what is published, as it is published. usage: node tools/release/pack.mjs FOLDER   (everything must be built)
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const NATIVE = 'packages/native';

/** npm of this machine, to be run by this Node. @returns {string} path of a script */
export function npmScript(name = 'npm') {
  for (const folder of (process.env.PATH ?? '').split(':')) {
    const file = path.join(folder, name);
    if (!existsSync(file)) continue;
    const script = path.join(path.dirname(execFileSync('readlink', ['-f', file], { encoding: 'utf8' }).trim()), `${name}-cli.js`);
    if (existsSync(script)) return script;
  }
  throw new Error(`pack: ${name} is not in PATH`);
}

/**
 * One tarball per package of this repository, and one per platform whose addon is built.
 * @param {string} destination a folder; made if it is not there @returns {{ name: string, file: string }[]} name: of the package; file: path of its tarball
 */
export function packAll(destination) {
  mkdirSync(destination, { recursive: true });
  const stage = mkdtempSync(path.join(os.tmpdir(), 'obi-pack-'));
  try {
    const folders = ['bpf', ...readdirSync(path.join(root, 'packages')).map((name) => `packages/${name}`)]
      .filter((folder) => folder !== NATIVE && existsSync(path.join(root, folder, 'package.json')))
      .map((folder) => path.join(root, folder));
    const native = stageNative(path.join(stage, 'native'));
    const published = [...folders, ...native].filter((folder) => !readManifest(folder).private);
    const names = published.map((folder) => readManifest(folder).name);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Error(`pack: two packages are called ${twice}`);
    return published.map((folder) => pack(folder, destination));
  } finally {
    rmSync(stage, { recursive: true });
  }
}

/** A copy: a release changes its package.json. @param {string} copy @returns {string[]} folders to pack */
function stageNative(copy) {
  const from = path.join(root, NATIVE);
  const left = ['target', 'node_modules', 'test'].map((name) => path.join(from, name));
  cpSync(from, copy, { recursive: true, filter: (file) => !left.includes(file) });
  const platforms = execFileSync(process.execPath, ['tools/platforms.mjs', '--release'], { cwd: copy, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return [
    copy,
    ...platforms
      .trim()
      .split('\n')
      .map((folder) => path.join(copy, folder)),
  ];
}

/** @param {string} folder @param {string} destination */
function pack(folder, destination) {
  const options = ['pack', folder, '--json', '--pack-destination', destination];
  // From outside of the workspace: npm looks at nothing but this folder then.
  const output = execFileSync(process.execPath, [npmScript(), ...options], { cwd: destination, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  // What prepack writes comes first; npm 11 gives a list, npm 12 an object by name.
  const json = JSON.parse(output.slice(output.search(/^[[{]/m)));
  const [{ filename }] = /** @type {{ filename: string }[]} */ (Array.isArray(json) ? json : Object.values(json));
  return { name: /** @type {string} */ (readManifest(folder).name), file: path.join(destination, filename) };
}

/** @param {string} folder */
const readManifest = (folder) => JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , destination] = process.argv;
  if (!destination) {
    console.error('usage: node tools/release/pack.mjs FOLDER');
    process.exit(2);
  }
  for (const { name, file } of packAll(path.resolve(destination))) console.log(`${name}  ${file}`);
}
