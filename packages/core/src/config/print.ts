// SPDX-License-Identifier: Apache-2.0
/** Writes the merged configuration in a form that can be read back as a file. */
import { stringify } from 'yaml';
import type { Config } from './schema.js';
import { SETTINGS } from './settings.js';
import { getPath, setPath, type Tree } from './tree.js';
import { formatDuration } from './values.js';

export function printConfig(config: Config, format: 'yaml' | 'json'): string {
  const copy = structuredClone(config) as Tree;
  for (const { key, type } of SETTINGS) {
    const value = type === 'duration' ? getPath(copy, key) : undefined;
    if (typeof value === 'number') setPath(copy, key, formatDuration(value));
  }
  return format === 'json' ? `${JSON.stringify(copy, undefined, 2)}\n` : stringify(copy);
}
