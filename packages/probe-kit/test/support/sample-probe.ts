// SPDX-License-Identifier: Apache-2.0
/** A whole probe package around the sample object, and a decoder for it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attributeKey, defineProbe, type RecordView, type SpanDecoder, SpanKind, type SpanWriter } from '@obi/core';
import { main } from '../../src/cli/obi-gen.js';
import { README_SECTIONS } from '../../src/conformance/checks.js';
import { readExports } from '../../src/events/event-exports.js';
import { readBpfObject } from '../../src/object/bpf-object.js';
import type { Workshop } from './clang.js';

const TARGET = attributeKey('url.path');
const STATUS = attributeKey('http.response.status_code');

export class ExchangeDecoder implements SpanDecoder {
  decode({ view, bytes, base, length }: RecordView, span: SpanWriter): void {
    if (!span.begin(view.getUint32(base + 44, true))) return;
    span.kind(SpanKind.SERVER);
    span.name('GET');
    span.ids(bytes, base + 60, base + 8, base + 16, 1);
    span.times(view, base + 8, base + 16);
    span.int(STATUS, view.getUint16(base + 40, true));
    span.text(TARGET, bytes, base + 76, base + length);
    span.end();
  }
}
export class EndDecoder implements SpanDecoder {
  decode(): void {}
}

export const ENTRY = { id: 'sample', kind: 'protocol', api: 1, manifest: 'dist/manifest.json', slots: { 'carrier.sk_msg': 'sample_msg' } } as const;

/** Writes the package into the workshop. @returns its folder. */
export function makePackage(workshop: Workshop): string {
  const directory = join(workshop.directory, 'probe-sample');
  const object = join(directory, 'bpf', 'dist', 'x86_64', 'sample.bpf.o');
  mkdirSync(join(directory, 'bpf', 'dist', 'x86_64'), { recursive: true });
  writeFileSync(object, readFileSync(workshop.fixture('sample.bpf.c')));
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'obi-probe-sample', keywords: ['obi-probe'], obi: ENTRY }));
  writeFileSync(join(directory, 'README.md'), README_SECTIONS.map((section) => `## ${section}\n\ntext\n`).join('\n'));
  if (main(['--id', 'sample', '--object', object, '--manifest', join(directory, 'dist', 'manifest.json')]) !== 0) throw new Error('obi-gen failed');
  return directory;
}

export function sampleDefinition(workshop: Workshop) {
  const { events } = readExports(readBpfObject(readFileSync(workshop.fixture('sample.bpf.c')), 'sample').btf);
  const binding = (struct: string, decoder: new () => SpanDecoder) => {
    const event = events.find((candidate) => candidate.struct === struct);
    if (event === undefined) throw new Error(`no event ${struct}`);
    return { digest: event.digest, minSize: event.minSize, decoder };
  };
  return defineProbe({
    id: 'sample',
    api: 1,
    attach: [{ program: 'sample_enter_e', to: { rawTracepoint: 'sys_enter' } }],
    events: { sample_exchange_event: binding('sample_exchange_event', ExchangeDecoder), sample_end_event: binding('sample_end_event', EndDecoder) },
  });
}
