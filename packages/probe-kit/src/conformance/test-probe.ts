// SPDX-License-Identifier: Apache-2.0
/** The conformance suite: `testProbe(definition, { packageDirectory })` in a probe's test file. */
import type { ExportedEvent } from '../events/event-exports.js';
import { type ProbeCore, type Resolver, replay } from '../replay/replay.js';
import { testContainer } from '../replay/test-container.js';
import { checkBindings, checkManifest, checkNames, checkPackageEntry, checkReadme } from './checks.js';
import { readProbePackage } from './probe-package.js';
import { survive } from './survive.js';

export interface ConformanceOptions {
  /** Folder of the probe's package.json. Its objects and manifest must be built. */
  readonly packageDirectory: string;
  /** Resolves decoders and their dependencies; default `testContainer()`. */
  readonly container?: Resolver;
  /** Random records per event; default 3 000. */
  readonly fuzzRecords?: number;
}

/** What jest, vitest and node:test put into their test files. */
interface TestGlobals {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => void): void;
}

/** Declares the tests; call it at the top level of a test file. Works with any runner that has global `describe` and `it`. */
export function testProbe(definition: ProbeCore, options: ConformanceOptions): void {
  const { describe, it } = globalThis as unknown as TestGlobals;
  const load = once(() => readProbePackage(options.packageDirectory));
  const events = () => load().objects[0]?.exports.events ?? [];
  const container = options.container ?? testContainer();
  const check = (title: string, findings: () => readonly string[]): void => it(title, () => refuse(findings()));

  describe(`probe ${definition.id} conforms`, () => {
    check('package.json agrees with the definition and the object', () => checkPackageEntry(load(), definition));
    check('the manifest agrees with the objects', () => checkManifest(load()));
    check('names of programs and maps fit into the kernel', () => checkNames(load()));
    check('every event has a decoder for exactly its layout', () => checkBindings(definition, events()));
    check('the README has the required sections', () => checkReadme(load()));
    check('decoders survive random records', () => events().flatMap((event) => fuzz(event)));
    check('records that are too short never reach a decoder', () => events().flatMap((event) => refusesShort(event)));
  });

  function fuzz(event: ExportedEvent): string[] {
    const binding = definition.events[event.struct];
    return binding === undefined ? [`event ${event.struct} has no decoder`] : survive(container.resolve(binding.decoder), event, options.fuzzRecords ?? 3_000);
  }
  function refusesShort(event: ExportedEvent): string[] {
    let decoded = false;
    const spy: Resolver = {
      resolve: () =>
        ({
          decode: () => {
            decoded = true;
          },
        }) as never,
    };
    try {
      replay(definition, [{ struct: event.struct, kind: event.kind, hex: '00'.repeat(event.minSize - 1) }], spy);
    } catch {
      // expected: refused before the decoder
    }
    return decoded ? [`event ${event.struct}: a record of ${event.minSize - 1} bytes reached the decoder; minSize in the definition is too small`] : [];
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

function refuse(findings: readonly string[]): void {
  if (findings.length > 0) throw new Error(findings.join('\n'));
}
