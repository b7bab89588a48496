// SPDX-License-Identifier: Apache-2.0
/** Where the Auto SDK (go.opentelemetry.io/auto/sdk) is hooked: two functions that do nothing but be hooked; and the API's global tracer, which is this SDK where a flag says so. */
import type { ElfImage } from '@obi/core/probe';
import type { GoFunctions } from '../binary/function-table.js';
import { PROLOGUE, settledEntry } from '../binary/patch-point.js';

const SDK = 'go.opentelemetry.io/auto/sdk';
type Programs = Readonly<Record<string, readonly string[]>>;
/** The one that opens comes last. Of several programs on a function one is attached: see {@link REPLACED}. */
const SPANS: Programs = { [`${SDK}.(*span).ended`]: ['go_auto_ended'], [`${SDK}.(*tracer).start`]: ['go_auto_started', 'go_auto_named'] };
/** Newer releases of the API alone have it (since 1.33), and then the SDK too. Behind the others: a span that it asks for is started. */
const GLOBAL: Programs = { 'go.opentelemetry.io/otel/internal/global.(*tracer).newSpan': ['go_auto_asked'] };

const SPAN_FUNCTIONS = Object.keys(SPANS);
export const AUTO_SDK_FUNCTIONS: readonly string[] = [...SPAN_FUNCTIONS, ...Object.keys(GLOBAL)];

/** Program → the one that does its work too, and writes: attached in its place where the kernel permits it. */
export const REPLACED: Readonly<Record<string, string>> = { go_auto_started: 'go_auto_named' };

/** @returns program → addresses; empty without the SDK; or the function that looks different */
export function findAutoSdkSites(image: ElfImage, functions: GoFunctions): ReadonlyMap<string, readonly number[]> | string {
  const sites = new Map<string, readonly number[]>();
  if (!SPAN_FUNCTIONS.every((name) => functions.has(name))) return sites;
  for (const [name, programs] of Object.entries({ ...SPANS, ...GLOBAL })) {
    const address = functions.get(name)?.address;
    if (address === undefined) continue;
    const offset = settledEntry(image.read(address, PROLOGUE));
    if (offset === undefined) return name;
    for (const program of programs) sites.set(program, [address + offset]);
  }
  return sites;
}
