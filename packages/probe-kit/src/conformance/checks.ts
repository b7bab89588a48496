// SPDX-License-Identifier: Apache-2.0
/** What every probe package must hold to. Each check returns its findings, one sentence each; none = conforms. */
import { KERNEL_ABI_VERSION, PROBE_API_VERSION, PROBE_KEYWORD, SLOTS, tapProblems } from '@obi/core';
import { type ExportedEvent, entryOf } from '../events/event-exports.js';
import { sha256 } from '../generate/manifest.js';
import type { ProbeCore } from '../replay/replay.js';
import type { ProbePackage } from './probe-package.js';

/** Second-level headings of a probe's README, in any order and case. */
export const README_SECTIONS = [
  'What it sees',
  'What it does not see',
  'Spans and attributes',
  'Configuration',
  'Kernels and hooks',
  'Overhead',
  'Known gaps',
] as const;
/** The kernel cuts longer names of programs and maps. */
export const NAME_LIMIT = 15;

export function checkPackageEntry({ json, entry, manifest }: ProbePackage, definition: ProbeCore): string[] {
  const { programs } = manifest;
  return [
    ...(json.keywords?.includes(PROBE_KEYWORD) ? [] : [`package.json: keyword "${PROBE_KEYWORD}" is missing; core discovers probes by it`]),
    ...(/^[a-z][a-z0-9-]{0,14}$/.test(entry.id) ? [] : [`package.json: obi.id "${entry.id}" is not [a-z][a-z0-9-]{0,14}`]),
    ...(['protocol', 'carrier', 'runtime'].includes(entry.kind) ? [] : [`package.json: obi.kind "${entry.kind}" is not protocol, carrier or runtime`]),
    ...different('package.json: obi.id', entry.id, 'the definition has id', definition.id),
    ...different('package.json: obi.api', entry.api, 'the definition has api', definition.api),
    ...different('package.json: obi.api', entry.api, 'this core implements', PROBE_API_VERSION),
    ...Object.entries(entry.slots ?? {}).flatMap(([slot, program]) => {
      const known = (SLOTS as Record<string, { programType: string }>)[slot];
      const found = programs.find(({ name }) => name === program);
      if (known === undefined) return [`package.json: slot ${slot} does not exist; there are ${Object.keys(SLOTS).join(', ')}`];
      if (found === undefined) return [`package.json: slot ${slot}: the object has no program ${program}`];
      return different(`package.json: slot ${slot}: program ${program} has type`, found.type, 'the slot takes', known.programType);
    }),
    ...tapProblems(entry, manifest).map((problem) => `package.json: ${problem}`),
    ...(definition.attach ?? []).flatMap(({ program }) =>
      programs.some(({ name }) => name === program) ? [] : [`attach: the object has no program ${program}`],
    ),
  ];
}

/** The manifest says what the objects say. */
export function checkManifest({ manifest, objects }: ProbePackage): string[] {
  if (objects.length === 0) return ['manifest: no object'];
  return [
    ...different('manifest: abi', manifest.abi, 'this core implements', KERNEL_ABI_VERSION),
    ...objects.flatMap(({ architecture, bytes, object, exports }) => [
      ...different(`${architecture}: sha256 in the manifest`, manifest.objects[architecture]?.sha256, 'the object has', sha256(bytes)),
      ...different(`${architecture}: abi in the manifest`, manifest.abi, 'the object has', object.abi),
      ...different(
        `${architecture}: programs in the manifest`,
        manifest.programs.map(({ name, section, type }) => ({ name, section, type })),
        'the object has',
        object.programs.map(({ name, section, type }) => ({ name, section, type })),
      ),
      ...different(`${architecture}: maps in the manifest`, manifest.maps, 'the object has', object.maps),
      ...different(`${architecture}: events in the manifest`, manifest.events, 'the object has', exports.events.map(entryOf)),
      ...different(`${architecture}: counters in the manifest`, manifest.counters, 'the object has', exports.counters),
      ...(/GPL/.test(object.licence ?? '')
        ? []
        : [`${architecture}: licence "${object.licence ?? ''}" is not GPL-compatible; the kernel refuses most helpers`]),
    ]),
  ];
}

export function checkNames({ manifest }: ProbePackage): string[] {
  const tooLong = (what: string, name: string) =>
    name.length <= NAME_LIMIT ? [] : [`${what} ${name} has ${name.length} characters; the kernel keeps ${NAME_LIMIT}`];
  return [...manifest.programs.flatMap(({ name }) => tooLong('program', name)), ...manifest.maps.flatMap(({ name }) => tooLong('map', name))];
}

/** Every event of the object has a decoder that was compiled against its layout, and the other way round. */
export function checkBindings(definition: ProbeCore, events: readonly ExportedEvent[]): string[] {
  return [
    ...events.flatMap(({ struct, digest, minSize }) => {
      const binding = definition.events[struct];
      if (binding === undefined) return [`event ${struct} has no decoder in the definition`];
      return [
        ...different(`event ${struct}: digest of the decoder's reader`, binding.digest, 'the object has', digest),
        ...different(`event ${struct}: minSize of the decoder's reader`, binding.minSize, 'the object has', minSize),
      ];
    }),
    ...Object.keys(definition.events).flatMap((struct) =>
      events.some((event) => event.struct === struct) ? [] : [`the definition has a decoder for ${struct}, which the object does not export with OBI_EVENT`],
    ),
  ];
}

export function checkReadme({ readme }: ProbePackage): string[] {
  const headings = new Set([...readme.matchAll(/^##\s+(.+?)\s*$/gm)].map(([, heading]) => heading?.toLowerCase()));
  return README_SECTIONS.filter((section) => !headings.has(section.toLowerCase())).map((section) => `README.md: section "## ${section}" is missing`);
}

function different(what: string, found: unknown, reference: string, expected: unknown): string[] {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  return left === right ? [] : [`${what} ${left}, but ${reference} ${right}`];
}
