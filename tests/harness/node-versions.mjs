// SPDX-License-Identifier: Apache-2.0
// Node.js in the versions that probe-node supports, installed once from the npm package `node`, outside the tree.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

/** Newest of each line that the registry had when this was written. @type {readonly string[]} */
export const NODE_VERSIONS = ['18.20', '20.20', '22.23', '24.21', '26.10'];

const folder = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'obi', 'node-versions');
/** @param {string} version */
const binaryOf = (version) => path.join(folder, version, 'node_modules', 'node', 'bin', 'node');

/** @typedef {{ version: string, binary: string }} NodeVersion */

/** Those of {@link NODE_VERSIONS} that are installed. @returns {NodeVersion[]} */
export function installedNodeVersions() {
  return NODE_VERSIONS.map((version) => ({ version, binary: binaryOf(version) })).filter(({ binary }) => existsSync(binary));
}

/**
 * Installs what is missing (some 100 MB each). @param {readonly string[]} [versions]
 * @returns {Promise<string[]>} why versions could not be installed; empty when all are there
 */
export async function installNodeVersions(versions = NODE_VERSIONS) {
  /** @type {string[]} */ const failures = [];
  for (const version of versions) {
    if (existsSync(binaryOf(version))) continue;
    // Beside its place first: a run that was cut off must not look like an installed version.
    const fresh = path.join(folder, `${version}.${process.pid}`);
    try {
      mkdirSync(fresh, { recursive: true });
      writeFileSync(path.join(fresh, 'package.json'), '{"private":true}');
      await promisify(execFile)('npm', ['install', '--prefix', fresh, '--no-audit', '--no-fund', '--no-package-lock', `node@${version}`], { timeout: 600_000 });
      if (!existsSync(path.join(fresh, 'node_modules', 'node', 'bin', 'node'))) throw new Error('the package brought no binary for this machine');
      if (!existsSync(binaryOf(version))) renameSync(fresh, path.join(folder, version));
    } catch (error) {
      failures.push(`node ${version}: ${error instanceof Error ? error.message.split('\n')[0] : error}`);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  return failures;
}

/**
 * In a test file: a `describe` for each version that is installed, a skipped test for each that is not. Installs nothing.
 * @param {string} title @param {(node: NodeVersion) => void} body @param {readonly string[]} [versions]
 */
export function describeNodeVersions(title, body, versions = NODE_VERSIONS) {
  const installed = installedNodeVersions();
  for (const version of versions) {
    const node = installed.find((one) => one.version === version);
    if (node) describe(`node ${version}${title}`, () => body(node));
    else test.skip(`node ${version}${title}: not installed, node tests/harness/node-versions.mjs says why`, () => {});
  }
}

if (process.argv[1] && path.basename(process.argv[1]) === 'node-versions.mjs') {
  installNodeVersions().then((failures) => {
    for (const failure of failures) console.error(failure);
    for (const { version, binary } of installedNodeVersions()) console.log(version, binary);
    process.exitCode = failures.length === 0 ? 0 : 1;
  });
}
