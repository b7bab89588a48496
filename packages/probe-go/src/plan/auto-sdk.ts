// SPDX-License-Identifier: Apache-2.0
/** Where the Auto SDK (go.opentelemetry.io/auto/sdk) is hooked: two functions that do nothing but be hooked. */
import type { ElfImage } from '@obi/core/probe';
import type { GoFunctions } from '../binary/function-table.js';
import { PROLOGUE, settledEntry } from '../binary/patch-point.js';

const SDK = 'go.opentelemetry.io/auto/sdk';
/** The one that opens comes last. Seam: the API's own tracer (go.opentelemetry.io/otel/internal/global.(*tracer).newSpan) becomes this SDK only when its flag is written. */
const PROGRAMS: Readonly<Record<string, string>> = { [`${SDK}.(*span).ended`]: 'go_auto_ended', [`${SDK}.(*tracer).start`]: 'go_auto_started' };

export const AUTO_SDK_FUNCTIONS = Object.keys(PROGRAMS);

/** @returns program → addresses; empty without the SDK; or the function that looks different */
export function findAutoSdkSites(image: ElfImage, functions: GoFunctions): ReadonlyMap<string, readonly number[]> | string {
  const sites = new Map<string, readonly number[]>();
  if (!AUTO_SDK_FUNCTIONS.every((name) => functions.has(name))) return sites;
  for (const [name, program] of Object.entries(PROGRAMS)) {
    const address = functions.get(name)?.address as number;
    const offset = settledEntry(image.read(address, PROLOGUE));
    if (offset === undefined) return name;
    sites.set(program, [address + offset]);
  }
  return sites;
}
