// SPDX-License-Identifier: Apache-2.0
/** Everything that is checked about a probe package before any of its code runs, in the order of the steps. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  probeAbiMismatch,
  probeApiMismatch,
  probeArchitecture,
  probeEntryInvalid,
  probeManifestInvalid,
  probeManifestMissing,
  probeObjectDigest,
  probeObjectMissing,
} from '../errors.js';
import type { KernelFeatures } from '../kernel/kernel.js';
import { type Architecture, KERNEL_ABI_VERSION, type PackageEntry, PROBE_API_VERSION, type ProbeManifest } from '../probe/manifest.js';
import { judgePrograms } from './obstacles.js';
import { describeIssues, manifestSchema, packageEntrySchema } from './schemas.js';
import type { InstalledPackage, UnavailableProgram } from './types.js';

export interface StaticPart {
  readonly entry: PackageEntry;
  readonly manifest: ProbeManifest;
  readonly object: Uint8Array;
  readonly unavailable: readonly UnavailableProgram[];
}

/** @throws ObiError at the first step that fails. */
export function checkStatic(candidate: InstalledPackage, features: KernelFeatures, architecture: Architecture): StaticPart {
  const entry = checkEntry(candidate);
  const manifestPath = join(candidate.directory, entry.manifest);
  const manifest = checkManifest(entry.id, manifestPath);
  if (manifest.abi !== KERNEL_ABI_VERSION) throw probeAbiMismatch(entry.id, manifest.abi, KERNEL_ABI_VERSION);
  const object = checkObject(entry.id, manifestPath, manifest, architecture);
  return { entry, manifest, object, unavailable: judgePrograms(entry, manifest, features) };
}

/** Schema, then API version; an entry for another API may well have another shape, so its number is looked at first where there is one. */
export function checkEntry({ id, json }: InstalledPackage): PackageEntry {
  const raw = json['obi'];
  if (raw === undefined) throw probeEntryInvalid(id, 'its package.json has no "obi" entry');
  const api = (raw as { api?: unknown } | null)?.api;
  if (typeof api === 'number' && api !== PROBE_API_VERSION) throw probeApiMismatch(id, api, PROBE_API_VERSION);
  const parsed = packageEntrySchema.safeParse(raw);
  if (!parsed.success) throw probeEntryInvalid(id, `the "obi" entry of its package.json is malformed: ${describeIssues(parsed.error)}`);
  return parsed.data;
}

export function checkManifest(id: string, path: string): ProbeManifest {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw probeManifestMissing(id, `cannot read its manifest ${path}: ${(cause as Error).message}`, { cause });
  }
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch (cause) {
    throw probeManifestInvalid(id, `its manifest ${path} is no JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = manifestSchema.safeParse(raw);
  if (!parsed.success) throw probeManifestInvalid(id, `its manifest ${path} is malformed: ${describeIssues(parsed.error)}`);
  return parsed.data;
}

function checkObject(id: string, manifestPath: string, manifest: ProbeManifest, architecture: Architecture): Uint8Array {
  const described = manifest.objects[architecture];
  if (described === undefined) throw probeArchitecture(id, architecture, Object.keys(manifest.objects));
  const path = join(dirname(manifestPath), described.file);
  let image: Buffer;
  try {
    image = readFileSync(path);
  } catch (cause) {
    throw probeObjectMissing(id, `cannot read its object ${path}: ${(cause as Error).message}`, { cause });
  }
  const digest = createHash('sha256').update(image).digest('hex');
  if (digest !== described.sha256) throw probeObjectDigest(id, path, described.sha256, digest);
  return image;
}
