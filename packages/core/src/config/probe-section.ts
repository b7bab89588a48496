// SPDX-License-Identifier: Apache-2.0
/** Checks `probes.<id>` with the schema that the probe brings, of whatever library. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { configProbe } from '../errors.js';
import type { Config } from './schema.js';

/** @throws ObiError OBI_ERR_CONFIG_PROBE with all problems. @returns undefined for a probe without schema. */
export async function checkProbeSection<T>(id: string, schema: StandardSchemaV1<unknown, T> | undefined, config: Config): Promise<T | undefined> {
  const section = config.probes[id];
  if (schema === undefined) {
    if (section !== undefined && Object.keys(section).length > 0) throw configProbe(id, ['this probe has no settings']);
    return undefined;
  }
  const result = await schema['~standard'].validate(section ?? {});
  if (result.issues === undefined) return result.value;
  throw configProbe(
    id,
    result.issues.map(({ path = [], message }) => {
      const at = path.map((segment) => String(typeof segment === 'object' ? segment.key : segment)).join('.');
      return at === '' ? message : `${at}: ${message}`;
    }),
  );
}

/** Sections of probes that are not there: most likely a misspelt id. @returns one warning each. */
export function strayProbeSections(config: Config, ids: readonly string[]): string[] {
  return Object.keys(config.probes)
    .filter((id) => !ids.includes(id))
    .map((id) => `probes.${id}: no probe with this id runs; running: ${ids.join(', ') || 'none'}`);
}
