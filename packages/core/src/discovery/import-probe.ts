// SPDX-License-Identifier: Apache-2.0
/** The first moment at which code of a probe package runs, and the checks that need it. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { legacy, resolve } from 'resolve.exports';
import { probeBrand, probeEventUnbound, probeIdMismatch, probeImport, probeLayoutDrift, probeManifestInvalid } from '../errors.js';
import { PROBE_BRAND, type Probe } from '../probe/probe.js';
import type { StaticPart } from './check-static.js';
import { refuseFor } from './obstacles.js';
import type { InstalledPackage } from './types.js';

/** @throws ObiError at the first check that fails. */
export async function importProbe(candidate: InstalledPackage, checked: StaticPart, importModule: (url: string) => Promise<unknown>): Promise<Probe> {
  const { entry } = checked;
  let module: unknown;
  try {
    module = await importModule(pathToFileURL(join(candidate.directory, mainOf(candidate))).href);
  } catch (cause) {
    throw probeImport(entry.id, cause);
  }
  const definition = defaultExport(module);
  if (definition?.$$type !== PROBE_BRAND) {
    throw probeBrand(entry.id, `the default export of ${candidate.packageName} has the brand ${JSON.stringify(definition?.$$type)}, not "${PROBE_BRAND}"`);
  }
  const probe = definition as Probe;
  if (probe.id !== entry.id) throw probeIdMismatch(entry.id, `its code calls itself "${probe.id}"`);
  if (probe.api !== entry.api) throw probeIdMismatch(entry.id, `its code says API ${probe.api}, its package.json API ${entry.api}`);
  checkEvents(probe, checked);
  checkAttachments(probe, checked);
  return probe;
}

function mainOf({ json }: InstalledPackage): string {
  const viaExports = json['exports'] === undefined ? undefined : resolve(json, '.')?.[0];
  if (viaExports !== undefined) return viaExports;
  const main = legacy(json, { browser: false, fields: ['module', 'main'] });
  return typeof main === 'string' ? main : 'index.js';
}

/** CommonJS compiled from TypeScript arrives with its default one level deeper. */
function defaultExport(module: unknown): Partial<Probe> | undefined {
  const value = (module as { default?: unknown } | null | undefined)?.default as (Partial<Probe> & { default?: unknown }) | null | undefined;
  return value?.$$type === undefined && value?.default != null ? value.default : (value ?? undefined);
}

function checkEvents({ id, events = {} }: Probe, { manifest }: StaticPart): void {
  for (const { struct, digest } of manifest.events) {
    const binding = events[struct];
    if (binding === undefined) throw probeEventUnbound(id, struct);
    if (binding.digest !== digest)
      throw probeLayoutDrift(id, `the reader of ${struct} was generated from layout ${binding.digest}, its object has layout ${digest}`);
  }
  const unknown = Object.keys(events).find((struct) => !manifest.events.some((event) => event.struct === struct));
  if (unknown !== undefined) throw probeLayoutDrift(id, `its code binds a decoder to ${unknown}, which its object does not emit`);
}

function checkAttachments({ id, attach = [] }: Probe, { manifest, unavailable }: StaticPart): void {
  for (const { program } of attach) {
    if (!manifest.programs.some(({ name }) => name === program))
      throw probeManifestInvalid(id, `its code attaches program ${program}, which its object does not have`);
  }
  const lost = unavailable.filter(({ program }) => attach.some((a) => a.program === program && a.optional !== true));
  // A program may be attached at several places of which one is mandatory; that one decides.
  if (lost.length > 0) throw refuseFor(id, lost);
}
