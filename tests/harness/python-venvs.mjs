// SPDX-License-Identifier: Apache-2.0
// CPython in the versions that probe-python supports, as this machine has them, each with the packages that its live tests use: virtual environments outside the tree.
import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** Newest that the registry had for each interpreter when this was written: pip takes the last one that supports it. */
const PACKAGES = ['aiohttp', 'fastapi', 'gunicorn', 'httptools', 'httpx', 'requests', 'uvicorn', 'uvloop'];
const MINORS = [9, 10, 11, 12, 13];

const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'obi');
const folder = path.join(cache, `python-workloads-${createHash('sha256').update(PACKAGES.join()).digest('hex').slice(0, 12)}`);

/** @typedef {{ name: string, minor: number, base: string, python: string }} Venv name: e.g. `3.11-system`; base: the interpreter that it is made of; python: the one in it */

/** Interpreters of this machine: the system's, and pyenv's. @returns {Venv[]} */
export function interpreters() {
  const root = process.env.PYENV_ROOT ?? path.join(os.homedir(), '.pyenv');
  const installed = existsSync(path.join(root, 'versions')) ? readdirSync(path.join(root, 'versions')) : [];
  const found = [];
  for (const minor of MINORS) {
    const own = installed.find((version) => version.startsWith(`3.${minor}.`));
    const places = { system: `/usr/bin/python3.${minor}`, pyenv: own && path.join(root, 'versions', own, 'bin', `python3.${minor}`) };
    for (const [kind, base] of Object.entries(places)) {
      if (!base || !existsSync(base)) continue;
      const name = `3.${minor}-${kind}`;
      found.push({ name, minor, base, python: path.join(folder, name, 'bin', 'python') });
    }
  }
  return found;
}

/** The one that tests use which need no particular version: the system's first. @param {readonly Venv[]} [all] @returns {Venv | undefined} */
export function anyVenv(all = interpreters()) {
  return all.find(({ name }) => name.endsWith('-system')) ?? all.at(-1);
}

/**
 * Makes what is missing (some 60 MB each). @param {readonly Venv[]} venvs
 * @returns {Promise<Map<string, string>>} name → why it could not be made; empty when all are there
 */
export async function makeVenvs(venvs) {
  /** @type {Map<string, string>} */ const failures = new Map();
  for (const { name, base, python } of venvs) {
    if (existsSync(python)) continue;
    const place = path.join(folder, name);
    // Beside its place first: a run that was cut off must not look like a finished one. Its scripts name the folder, and are not used.
    const fresh = `${place}.${process.pid}`;
    try {
      mkdirSync(folder, { recursive: true });
      const run = promisify(execFile);
      await run(base, ['-m', 'venv', '--without-pip', fresh], { timeout: 60_000 });
      const site = execFileSync(path.join(fresh, 'bin', 'python'), ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], {
        encoding: 'utf8',
      }).trim();
      await run(base, ['-m', 'pip', '--disable-pip-version-check', 'install', '--quiet', '--target', site, '--only-binary', ':all:', ...PACKAGES], {
        timeout: 600_000,
      });
      if (!existsSync(python)) renameSync(fresh, place);
    } catch (error) {
      failures.set(name, `python ${name}: ${error instanceof Error ? error.message.split('\n').slice(0, 3).join(' ') : error}`);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  return failures;
}

if (process.argv[1] && path.basename(process.argv[1]) === 'python-venvs.mjs') {
  makeVenvs(interpreters()).then((failures) => {
    for (const failure of failures.values()) console.error(failure);
    for (const { name, python } of interpreters()) if (existsSync(python)) console.log(name, python);
    process.exitCode = failures.size === 0 ? 0 : 1;
  });
}
