// SPDX-License-Identifier: Apache-2.0
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordView, SpanDecoder, SpanWriter } from '@obi/core';
import { checkBindings, checkManifest, checkNames, checkPackageEntry, checkReadme } from '../src/conformance/checks.js';
import { fuzzedRecords } from '../src/conformance/fuzz.js';
import { type ProbePackage, readProbePackage } from '../src/conformance/probe-package.js';
import { survive } from '../src/conformance/survive.js';
import { testProbe } from '../src/conformance/test-probe.js';
import { describeWith, Workshop } from './support/clang.js';
import { ENTRY, ExchangeDecoder, makePackage, sampleDefinition } from './support/sample-probe.js';

const workshop = new Workshop();
afterAll(() => workshop.dispose());

describeWith('clang')('the conformance suite', () => {
  const directory = makePackage(workshop);
  const definition = sampleDefinition(workshop);
  const good = (): ProbePackage => readProbePackage(directory);
  const events = () => good().objects[0]?.exports.events ?? [];

  testProbe(definition, { packageDirectory: directory });

  test('finds a package.json that does not fit', () => {
    const entry = {
      ...ENTRY,
      id: 'other',
      api: 2,
      slots: { 'carrier.sk_msg': 'sample_enter_e', 'carrier.nosuch': 'x', 'protocol.tcp_sendmsg': 'nosuch' },
      taps: ['plaintext', 'nosuch'],
    } as unknown as ProbePackage['entry'];
    const findings = checkPackageEntry({ ...good(), entry, json: {} }, { ...definition, attach: [{ program: 'gone', to: { rawTracepoint: 'x' } }] });
    for (const expected of [
      'keyword "obi-probe" is missing',
      'obi.id "other", but the definition has id "sample"',
      'obi.api 2, but this core implements 1',
      'program sample_enter_e has type "raw_tracepoint", but the slot takes "sk_msg"',
      'slot carrier.nosuch does not exist',
      'slot protocol.tcp_sendmsg: the object has no program nosuch',
      'taps names plaintext, its object has no map obi_proto_plain',
      'taps names nosuch; there are plaintext',
      'attach: the object has no program gone',
    ])
      expect(findings).toContainEqual(expect.stringContaining(expected));
  });

  test('finds a manifest that is older than the object', () => {
    const { manifest, ...rest } = good();
    const [first] = manifest.events;
    if (first === undefined) throw new Error('no event');
    const stale = { ...manifest, abi: 99, counters: [], events: [{ ...first, digest: '0' }], objects: { x86_64: { file: 'x', sha256: '00' } } };
    const findings = checkManifest({ ...rest, manifest: stale });
    for (const what of ['sha256', 'abi', 'events', 'counters']) expect(findings).toContainEqual(expect.stringContaining(`x86_64: ${what} in the manifest`));
    expect(findings).toContainEqual(expect.stringContaining('abi 99, but this core implements 2'));
  });

  test('finds names that the kernel would cut', () => {
    const { manifest, ...rest } = good();
    const long = { name: 'sixteen_letters_', section: 'kprobe', type: 'kprobe', helpers: [] } as const;
    expect(checkNames({ ...rest, manifest: { ...manifest, programs: [long] } })).toEqual(['program sixteen_letters_ has 16 characters; the kernel keeps 15']);
  });

  test('finds events without decoder, decoders without event, and layouts that drifted', () => {
    const { sample_exchange_event: exchange } = definition.events;
    if (exchange === undefined) throw new Error('no binding');
    const findings = checkBindings(
      { ...definition, events: { sample_exchange_event: { ...exchange, digest: 'old', minSize: 1 }, gone_event: exchange } },
      events(),
    );
    expect(findings).toHaveLength(4);
    for (const expected of ['event sample_end_event has no decoder', 'for gone_event', 'digest of the decoder', 'minSize of the decoder'])
      expect(findings).toContainEqual(expect.stringContaining(expected));
  });

  test('finds a README without its sections', () => {
    expect(checkReadme({ ...good(), readme: '## what it sees\n### Overhead\n' })).toHaveLength(6);
  });

  test('says what is missing on disk', () => {
    const broken = makePackage(workshop);
    rmSync(join(broken, 'bpf'), { recursive: true });
    expect(() => readProbePackage(broken)).toThrow(/sample\.bpf\.o is missing; build it/);
    rmSync(join(broken, 'dist'), { recursive: true });
    expect(() => readProbePackage(broken)).toThrow(/manifest\.json is missing; obi-gen/);
    writeFileSync(join(broken, 'package.json'), '{}');
    expect(() => readProbePackage(broken)).toThrow('no "obi" entry');
    makePackage(workshop);
  });

  describe('random records', () => {
    const event = () => {
      const [first] = events();
      if (first === undefined) throw new Error('no event');
      return first;
    };
    const decoder = (decode: (record: RecordView, span: SpanWriter) => void): SpanDecoder => ({ decode });

    test('have valid lengths, kind and length fields, and are the same in every run', () => {
      const records = [...fuzzedRecords(event(), 500)];
      expect(records).toEqual([...fuzzedRecords(event(), 500)]);
      expect(new Set(records.map(({ length }) => length)).size).toBeGreaterThan(20);
      for (const record of records) {
        expect(record.length).toBeGreaterThanOrEqual(76);
        expect(record.length).toBeLessThanOrEqual(112);
        expect([record[2], record[4]]).toEqual([1, record.length]);
      }
    });

    test('are survived by a sound decoder', () => expect(survive(new ExchangeDecoder(), event(), 500)).toEqual([]));

    test.each<[string, (record: RecordView, span: SpanWriter) => void, string]>([
      ['reads behind a short record', ({ view, base }) => void view.getUint8(base + 111), 'threw'],
      [
        'trusts a length inside the record',
        ({ view, bytes, base }, span) => [
          span.begin(1),
          span.text({ name: 'x', bytes }, bytes, base + 76, base + 76 + view.getUint16(base + 40, true)),
          span.end(),
        ],
        'is not inside the record',
      ],
      ['leaves a span open', (_, span) => void span.begin(1), 'returned without end or discard'],
      [
        'loops',
        () => {
          for (;;);
        },
        'did not end within 200 ms',
      ],
    ])('find a decoder that %s', (_, decode, message) => {
      expect(survive(decoder(decode), event(), 100, 200)).toEqual([
        expect.stringMatching(new RegExp(`^decoder of sample_exchange_event: .*${message}.*; record [0-9a-f]+$`, 's')),
      ]);
    });
  });
});
