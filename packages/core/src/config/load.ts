// SPDX-License-Identifier: Apache-2.0
/** Makes the configuration of one run: defaults < YAML file < environment < command line. */
import { configInvalid, shorten } from '../errors.js';
import { type Environment, judgeEnvironment, readEnvironment } from './environment.js';
import { type Found, takeUpstreamKeys } from './known-upstream.js';
import { explain } from './problems.js';
import { type Config, configSchema, foldShortcuts } from './schema.js';
import { setPath, type Tree, withoutNulls } from './tree.js';
import { readYamlFile, type YamlFile } from './yaml-file.js';

export interface LoadOptions {
  /** From `--config`; without it OTEL_EBPF_CONFIG_PATH, without that no file. */
  readonly file?: string;
  /** Default: the environment of this process. */
  readonly env?: Environment;
  /** From the command line, by dotted key path, e.g. `{ plugins: ['http'] }`; wins over everything. */
  readonly overrides?: Readonly<Record<string, unknown>>;
}

export interface LoadedConfig {
  readonly config: Config;
  /** One line each, at most some twenty; to be logged once. */
  readonly warnings: readonly string[];
  readonly file?: string;
}

/** @throws ObiError OBI_ERR_CONFIG_READ, or OBI_ERR_CONFIG_INVALID with all problems at once. */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const env = options.env ?? process.env;
  const name = options.file ?? (env['OTEL_EBPF_CONFIG_PATH'] || undefined);
  const file = name === undefined ? undefined : readYamlFile(name);
  const found: Found = { warnings: [], problems: [...(file?.problems ?? [])] };

  const raw = withoutNulls(file?.content ?? {}) as Tree;
  if (file) takeUpstreamKeys(raw, file.locate, found);
  const sources = new Map<string, string>();
  for (const { key, variable, value } of readEnvironment(env, found)) {
    setPath(raw, key, value);
    sources.set(key, variable);
  }
  judgeEnvironment(env, found);
  for (const [key, value] of Object.entries(options.overrides ?? {})) {
    if (value === undefined) continue;
    setPath(raw, key, value);
    sources.set(key, 'command line');
  }

  const result = configSchema.safeParse(raw);
  if (!result.success) found.problems.push(...explain(result.error.issues, raw, locator(sources, file)));
  if (found.problems.length > 0 || !result.success) throw configInvalid(found.problems);
  return { config: foldShortcuts(result.data), warnings: shorten(found.warnings), ...(name === undefined ? {} : { file: name }) };
}

function locator(sources: ReadonlyMap<string, string>, file: YamlFile | undefined): (path: readonly (string | number)[]) => string {
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const source = sources.get(path.slice(0, length).join('.'));
      if (source !== undefined) return source;
    }
    return file?.locate(path) ?? 'configuration';
  };
}
