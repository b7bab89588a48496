// SPDX-License-Identifier: Apache-2.0
/** Reads the variables of the settings table and judges the other OTEL_EBPF_* ones. */
import { nearest } from '../nearest.js';
import type { Found } from './known-upstream.js';
import { OTHER_ENV, SETTINGS } from './settings.js';
import { isHarmless, matchesName, UPSTREAM_IGNORED, UPSTREAM_REFUSED } from './upstream.js';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface EnvValue {
  readonly key: string;
  readonly variable: string;
  readonly value: unknown;
}

/** An empty variable counts as not set, as the OpenTelemetry specification has it, but for settings that say otherwise. */
export function readEnvironment(env: Environment, found: Found): EnvValue[] {
  const values: EnvValue[] = [];
  for (const { key, env: names = [], parse, emptyCounts } of SETTINGS) {
    const variable = names.find((name) => env[name] !== undefined && (emptyCounts === true || env[name].trim() !== ''));
    if (variable === undefined || parse === undefined) continue;
    try {
      values.push({ key, variable, value: parse((env[variable] as string).trim()) });
    } catch (error) {
      found.problems.push(`${variable}: ${(error as Error).message}`);
    }
  }
  return values;
}

/** Warns of OTEL_EBPF_* variables that do nothing: not implemented ones, and misspelt ones with the nearest name. */
export function judgeEnvironment(env: Environment, found: Found): void {
  const known = [...SETTINGS.flatMap((s) => s.env ?? []), ...OTHER_ENV.map((o) => o.name)];
  const ignored = UPSTREAM_IGNORED.flatMap((u) => u.env ?? []);
  for (const name of Object.keys(env).sort()) {
    if (!name.startsWith('OTEL_EBPF_') || (env[name] ?? '') === '' || known.includes(name)) continue;
    const refused = Object.values(UPSTREAM_REFUSED).find((r) => r.env === name);
    if (refused) {
      if (!isHarmless(refused, env[name]))
        found.problems.push(
          `${name}: known upstream variable, not implemented, and ignoring it would trace other things than asked for; use ${refused.instead}`,
        );
    } else if (ignored.some((pattern) => matchesName(pattern, name))) found.warnings.push(`${name}: known upstream variable, not implemented, ignored`);
    else {
      const near = nearest(name, known);
      found.warnings.push(`${name}: unknown variable, ignored${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
  }
}
