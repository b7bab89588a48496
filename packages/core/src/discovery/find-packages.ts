// SPDX-License-Identifier: Apache-2.0
/** Finds packages the way Node does, by reading package.json files only: nothing is resolved through `exports` and nothing is run. */
import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PROBE_KEYWORD } from '../probe/manifest.js';
import type { InstalledPackage } from './types.js';

/** @returns the package that `name` means to code in `from`, undefined when it is not installed. */
export function findPackage(name: string, from: string): InstalledPackage | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    try {
      return readPackage(join(folder, 'node_modules', name));
    } catch {
      if (folder === dirname(folder)) return undefined;
    }
  }
}

/** @throws the error of reading or parsing its package.json. */
export function readPackage(path: string): InstalledPackage {
  const directory = realpathSync(path);
  const json = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Record<string, unknown>;
  const packageName = typeof json['name'] === 'string' ? json['name'] : directory;
  const entry = json['obi'] as { id?: unknown } | null | undefined;
  return {
    id: typeof entry?.id === 'string' ? entry.id : packageName,
    packageName,
    packageVersion: typeof json['version'] === 'string' ? json['version'] : '0.0.0',
    directory,
    json,
  };
}

/** The probe packages among the dependencies of `hosts`, in the order of their package.json; each directory once. A host without a readable package.json has none. */
export function findInstalled(hosts: readonly string[]): InstalledPackage[] {
  const found = new Map<string, InstalledPackage>();
  for (const host of hosts) {
    for (const name of dependenciesOf(host)) {
      const candidate = findPackage(name, host);
      if (candidate && isProbePackage(candidate) && !found.has(candidate.directory)) found.set(candidate.directory, candidate);
    }
  }
  return [...found.values()];
}

function dependenciesOf(host: string): string[] {
  const json = jsonOf(host);
  const names = ['dependencies', 'optionalDependencies', 'peerDependencies'].flatMap((field) => Object.keys((json[field] as object | undefined) ?? {}));
  return [...new Set(names)];
}

function jsonOf(host: string): InstalledPackage['json'] {
  try {
    return readPackage(host).json;
  } catch {
    return {};
  }
}

function isProbePackage({ json }: InstalledPackage): boolean {
  const keywords = json['keywords'];
  return Array.isArray(keywords) && keywords.includes(PROBE_KEYWORD);
}
