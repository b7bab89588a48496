// SPDX-License-Identifier: Apache-2.0
// Installs the packed packages as a user would: into an empty folder, with nothing in PATH but Node, npm and a shell.
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { npmScript, packAll } from './pack.mjs';

/** All that installing and running needs from the machine. */
const TOOLS = ['sh', 'env'];

/**
 * @param {string} folder an empty folder
 * @returns {{ app: string, env: Record<string, string>, npx(...args: string[]): string }} app: the user's project; env: an environment without any compiler;
 *   npx: runs an installed command and returns its standard output
 */
export function installPacked(folder) {
  const [tarballs, bin, app] = ['tarballs', 'bin', 'app'].map((name) => path.join(folder, name));
  for (const directory of [bin, app]) mkdirSync(/** @type {string} */ (directory));
  symlinkSync(process.execPath, path.join(/** @type {string} */ (bin), 'node'));
  for (const tool of TOOLS) symlinkSync(execFileSync('sh', ['-c', `command -v ${tool}`], { encoding: 'utf8' }).trim(), path.join(bin, tool));

  const dependencies = Object.fromEntries(packAll(tarballs).map(({ name, file }) => [name, `file:${file}`]));
  writeFileSync(path.join(app, 'package.json'), JSON.stringify({ name: 'app', private: true, dependencies }));
  // npm's own settings (registry, cache) stay; those that this run's npm handed down do not: they name this repository.
  const env = { ...withoutNpmRun(process.env), PATH: bin };
  const run = (/** @type {string} */ name, /** @type {string[]} */ args) =>
    execFileSync(process.execPath, [npmScript(name), ...args], { cwd: app, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline']);
  return { app, env, npx: (...args) => run('npx', ['--no', '--', ...args]) };
}

/** @param {NodeJS.ProcessEnv} env @returns {Record<string, string>} */
function withoutNpmRun(env) {
  return Object.fromEntries(
    Object.entries(env).filter(
      /** @returns {entry is [string, string]} */ (entry) =>
        entry[1] !== undefined && !/^(npm_(package|lifecycle|command|config_local)|NODE_OPTIONS|NODE_PATH)/.test(entry[0]),
    ),
  );
}
