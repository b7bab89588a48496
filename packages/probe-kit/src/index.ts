// SPDX-License-Identifier: Apache-2.0
/** @obi/probe-kit: what authors of probes use; nothing of it runs in obi. */

// objects, events
export { Btf } from './btf/btf.js';
export type * from './btf/btf-types.js';
// tests of a probe
export { NAME_LIMIT, README_SECTIONS } from './conformance/checks.js';
export { type ConformanceOptions, testProbe } from './conformance/test-probe.js';
export { type RuntimeConformanceOptions, testRuntime } from './conformance/test-runtime.js';
export { digestOf, type ExportedEvent, type Exports, readExports } from './events/event-exports.js';
export type { Field, ScalarKind } from './events/layout.js';
// generation
export { type BuiltObject, buildManifest } from './generate/manifest.js';
export { DIAGRAM_END, DIAGRAM_START, renderDiagram, withDiagram } from './generate/mermaid.js';
export { renderReaders } from './generate/readers.js';
export { type BpfObject, readBpfObject } from './object/bpf-object.js';
export type { ObjectProgram } from './object/programs.js';
// authoring
export { createProbe, type NewProbe } from './new-probe/create-probe.js';
// recorded events
export { bytesOf, type RecordedEvent, readRecordedEvents, recordedEvent, writeRecordedEvents } from './replay/recorded-event.js';
export { type RecordedSpan, type RecordingOptions, RecordingSpanWriter } from './replay/recording-span-writer.js';
export { type ProbeCore, type Resolver, recordView, replay } from './replay/replay.js';
export { testContainer } from './replay/test-container.js';
