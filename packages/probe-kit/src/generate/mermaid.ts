// SPDX-License-Identifier: Apache-2.0
/** The program → map → event diagram of DEV.md, from what the instructions refer to. */
import type { Exports } from '../events/event-exports.js';
import type { BpfObject } from '../object/bpf-object.js';
import { RINGBUF } from '../object/maps.js';

export const DIAGRAM_START = '<!-- obi-gen:diagram -->';
export const DIAGRAM_END = '<!-- /obi-gen:diagram -->';

export function renderDiagram(object: BpfObject, exports: Exports): string {
  const used = new Set(object.programs.flatMap(({ maps }) => maps));
  const lines = [
    ...object.programs.map(({ name, section }) => `  p_${name}["${name}<br/>${section}"]`),
    ...object.maps.filter(({ name }) => used.has(name)).map(({ name }) => `  m_${name}[("${name}")]`),
    ...exports.events.map(({ struct }) => `  e_${struct}{{"${struct}"}}`),
    ...object.programs.flatMap(({ name, maps }) => maps.map((map) => `  p_${name} --> m_${map}`)),
    ...object.maps
      .filter(({ name, type }) => type === RINGBUF && used.has(name))
      .flatMap(({ name }) => exports.events.map(({ struct }) => `  m_${name} ==> e_${struct}`)),
  ];
  return ['```mermaid', 'flowchart LR', ...lines, '```'].join('\n');
}

/** Puts `diagram` between the two marks of `document`. @throws Error when the marks are missing. */
export function withDiagram(document: string, diagram: string): string {
  const start = document.indexOf(DIAGRAM_START);
  const end = document.indexOf(DIAGRAM_END);
  if (start < 0 || end < start) throw new Error(`no place for the diagram; add the lines ${DIAGRAM_START} and ${DIAGRAM_END}`);
  return `${document.slice(0, start + DIAGRAM_START.length)}\n${diagram}\n${document.slice(end)}`;
}
