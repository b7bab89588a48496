// SPDX-License-Identifier: Apache-2.0
/** A probe package on disk, as the conformance checks need it. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Architecture, PackageEntry, ProbeManifest } from '@obi/core';
import { type Exports, readExports } from '../events/event-exports.js';
import { type BpfObject, readBpfObject } from '../object/bpf-object.js';

export interface PackageObject {
  readonly architecture: Architecture;
  readonly bytes: Uint8Array;
  readonly object: BpfObject;
  readonly exports: Exports;
}
export interface ProbePackage {
  readonly directory: string;
  readonly json: { readonly name?: string; readonly keywords?: readonly string[]; readonly obi?: PackageEntry; readonly files?: readonly string[] };
  readonly entry: PackageEntry;
  readonly manifest: ProbeManifest;
  readonly objects: readonly PackageObject[];
  readonly readme: string;
}

/** @throws Error saying which file is missing or malformed, and what makes it. */
export function readProbePackage(directory: string): ProbePackage {
  const json = JSON.parse(read(join(directory, 'package.json'), 'a probe is an npm package')) as ProbePackage['json'];
  if (json.obi === undefined)
    throw new Error(`${join(directory, 'package.json')}: no "obi" entry; a probe declares {"obi": {"id", "kind", "api", "manifest"}}`);
  const manifestPath = resolve(directory, json.obi.manifest);
  const manifest = JSON.parse(read(manifestPath, 'obi-gen --manifest writes it (npx nx gen)')) as ProbeManifest;
  const objects = Object.entries(manifest.objects).map(([architecture, { file }]): PackageObject => {
    const path = resolve(dirname(manifestPath), file);
    const bytes = existsSync(path) ? readFileSync(path) : undefined;
    if (bytes === undefined) throw new Error(`${path} is missing; build it (npx nx build:bpf)`);
    const object = readBpfObject(bytes, path);
    return { architecture: architecture as Architecture, bytes, object, exports: readExports(object.btf) };
  });
  const readme = join(directory, 'README.md');
  return { directory, json, entry: json.obi, manifest, objects, readme: existsSync(readme) ? readFileSync(readme, 'utf8') : '' };
}

function read(path: string, hint: string): string {
  if (!existsSync(path)) throw new Error(`${path} is missing; ${hint}`);
  return readFileSync(path, 'utf8');
}
