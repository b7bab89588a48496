// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { loadConfig } from '../../src/config/load.js';
import { checkProbeSection, strayProbeSections } from '../../src/config/probe-section.js';

const schema = z.strictObject({ maxPath: z.int().default(128) });
const withSection = (section: Record<string, unknown>) => loadConfig({ env: {}, overrides: { 'probes.http': section } }).config;

test('defaults come from the schema of the probe', async () => {
  expect(await checkProbeSection('http', schema, loadConfig({ env: {} }).config)).toEqual({ maxPath: 128 });
  expect(await checkProbeSection('http', schema, withSection({ maxPath: 64 }))).toEqual({ maxPath: 64 });
});

test('all problems of the section are named', async () => {
  await expect(checkProbeSection('http', schema, withSection({ maxPath: 'long', other: 1 }))).rejects.toMatchObject({
    code: 'OBI_ERR_CONFIG_PROBE',
    message: expect.stringMatching(/^probe http: probes\.http: maxPath: .*, Unrecognized key: "other"; /),
  });
});

test('a probe without settings refuses a section, and is content without one', async () => {
  await expect(checkProbeSection('http', undefined, withSection({ a: 1 }))).rejects.toMatchObject({ code: 'OBI_ERR_CONFIG_PROBE' });
  expect(await checkProbeSection('http', undefined, loadConfig({ env: {} }).config)).toBeUndefined();
});

test('sections of probes that do not run are named', () => {
  expect(strayProbeSections(withSection({}), ['http'])).toEqual([]);
  expect(strayProbeSections(withSection({}), ['go'])).toEqual(['probes.http: no probe with this id runs; running: go']);
});
