// SPDX-License-Identifier: Apache-2.0
/** Builds the generated half of a probe's manifest from its objects. */
import { createHash } from 'node:crypto';
import { dirname, relative, sep } from 'node:path';
import type { Architecture, ProbeManifest, ProgramEntry } from '@obi/core';
import { type Exports, entryOf } from '../events/event-exports.js';
import type { BpfObject } from '../object/bpf-object.js';

export interface BuiltObject {
  readonly architecture: Architecture;
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly object: BpfObject;
  readonly exports: Exports;
}

/**
 * @param manifestPath where the manifest will lie; object paths are relative to it.
 * @throws Error naming the objects and the difference when the architectures do not agree on ABI, programs, maps or events.
 */
export function buildManifest(objects: readonly BuiltObject[], manifestPath: string): ProbeManifest {
  const [first, ...others] = objects;
  if (first === undefined) throw new Error('no object given');
  if (first.object.abi === undefined) throw new Error(`${first.object.label}: no global obi_abi; include the C SDK's <obi/abi.bpf.h>`);
  for (const other of others) for (const [what, of] of COMPARED) requireSame(what, of(first), of(other), first, other);
  return {
    schema: 1,
    abi: first.object.abi,
    objects: Object.fromEntries(
      objects.map(({ architecture, path, bytes }) => [
        architecture,
        { file: relative(dirname(manifestPath), path).split(sep).join('/'), sha256: sha256(bytes) },
      ]),
    ),
    programs: first.object.programs.map(({ name, section, type }): ProgramEntry => ({ name, section, type, helpers: helpersOf(objects, name) })),
    maps: first.object.maps,
    events: first.exports.events.map(entryOf),
    counters: first.exports.counters,
  };
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const COMPARED: readonly (readonly [string, (built: BuiltObject) => unknown])[] = [
  ['ABI', ({ object }) => object.abi],
  ['programs', ({ object }) => object.programs.map(({ name, section }) => ({ name, section }))],
  ['maps', ({ object }) => object.maps],
  ['events', ({ exports }) => exports.events],
  ['counters', ({ exports }) => exports.counters],
];

function requireSame(what: string, left: unknown, right: unknown, one: BuiltObject, two: BuiltObject): void {
  if (JSON.stringify(left) === JSON.stringify(right)) return;
  throw new Error(
    `${one.object.label} and ${two.object.label} differ in ${what}; build both from the same sources.\n  ${JSON.stringify(left)}\n  ${JSON.stringify(right)}`,
  );
}

/** Architectures may call different helpers (CO-RE fall-backs); the manifest names all of them. */
function helpersOf(objects: readonly BuiltObject[], program: string): string[] {
  return [...new Set(objects.flatMap(({ object }) => object.programs.find(({ name }) => name === program)?.helpers ?? []))].sort();
}
