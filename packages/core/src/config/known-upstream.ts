// SPDX-License-Identifier: Apache-2.0
/** Takes upstream's unimplemented keys out of a configuration, see upstream.ts. */
import { join } from './problems.js';
import { deletePath, getPath, isTree, type Tree } from './tree.js';
import { ENTRY_IGNORED, ENTRY_LISTS, ENTRY_REFUSED, isHarmless, matchesName, UPSTREAM_IGNORED, UPSTREAM_REFUSED } from './upstream.js';
import type { KeyPath } from './yaml-file.js';

export interface Found {
  readonly warnings: string[];
  readonly problems: string[];
}

const IGNORED = 'known upstream key, not implemented, ignored';

/** Removes the keys from `content` and says so. */
export function takeUpstreamKeys(content: Tree, where: (path: KeyPath) => string, found: Found): void {
  // Before those that are ignored: one of them may be the section around one of these.
  for (const [key, refused] of Object.entries(UPSTREAM_REFUSED)) {
    const value = getPath(content, key);
    if (deletePath(content, key) && !isHarmless(refused, value))
      found.problems.push(
        `${where(key.split('.'))}: ${key}: known upstream key, not implemented, and ignoring it would trace other things than asked for; use ${refused.instead}`,
      );
  }
  for (const { key } of UPSTREAM_IGNORED) {
    const at = key.split('.');
    if (key !== '' && deletePath(content, key)) found.warnings.push(`${where(at)}: ${key}: ${IGNORED}`);
  }
  for (const list of ENTRY_LISTS) {
    const entries = getPath(content, list);
    if (Array.isArray(entries)) entries.forEach((entry, index) => isTree(entry) && takeFromEntry(entry, [...list.split('.'), index], where, found));
  }
}

function takeFromEntry(entry: Tree, path: KeyPath, where: (path: KeyPath) => string, found: Found): void {
  for (const key of Object.keys(entry)) {
    const at = [...path, key];
    if (ENTRY_IGNORED.includes(key)) found.warnings.push(`${where(at)}: ${join(at)}: ${IGNORED}`);
    else if (ENTRY_REFUSED.some((pattern) => matchesName(pattern, key)))
      found.problems.push(
        `${where(at)}: ${join(at)}: known upstream criterion, not implemented, and ignoring it would trace other processes than asked for; use open_ports, exe_path, cmd_args or target_pids`,
      );
    else continue;
    delete entry[key];
  }
}
