// SPDX-License-Identifier: Apache-2.0
import { fileURLToPath } from 'node:url';

/**
 * GETs URLs at once from inside the sandbox's namespace, outside its cgroup. @param {import('../../harness/sandbox.mjs').Sandbox} sandbox @param {number} seconds for each @param {string[]} urls
 * @returns {Promise<([status: number, bytes: number, md5: string] | string)[]>} a string says what went wrong: `hangs`, or the error
 */
export async function fetchAll(sandbox, seconds, urls) {
  return JSON.parse(await sandbox.run('fetch', [process.execPath, fileURLToPath(new URL('fetch-all.mjs', import.meta.url)), String(seconds), ...urls]));
}
