// SPDX-License-Identifier: Apache-2.0
/** Which of the installed probes run: all of them, or those that `--plugins` names. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pluginPath, pluginUnknown } from '../errors.js';
import { nearest } from '../nearest.js';
import { readPackage } from './find-packages.js';
import type { InstalledPackage } from './types.js';

/**
 * @returns the selected packages in the order asked for, each once.
 * @throws ObiError OBI_ERR_PLUGIN_UNKNOWN or OBI_ERR_PLUGIN_PATH: a name that cannot be met is the user's mistake, not a probe's.
 */
export function selectPackages(installed: readonly InstalledPackage[], plugins: readonly string[], workingDirectory: string): InstalledPackage[] {
  if (plugins.length === 0) return [...installed];
  const selected = plugins.flatMap((name) => select(name, installed, workingDirectory));
  return [...new Map(selected.map((p) => [p.directory, p])).values()];
}

function select(name: string, installed: readonly InstalledPackage[], workingDirectory: string): InstalledPackage[] {
  const byName = installed.filter((p) => p.packageName === name);
  if (byName.length > 0) return byName;
  const byId = installed.filter((p) => p.id === name);
  if (byId.length > 0) return byId;
  const path = resolve(workingDirectory, name);
  if (/^\.{0,2}\//.test(name) || name === '.' || name === '..' || (name.includes('/') && existsSync(path))) {
    try {
      return [readPackage(path)];
    } catch (cause) {
      throw pluginPath(path, cause);
    }
  }
  const ids = installed.map((p) => p.id);
  throw pluginUnknown(name, [...new Set(ids)].sort(), nearest(name, [...ids, ...installed.map((p) => p.packageName)]));
}
