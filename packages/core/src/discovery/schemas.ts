// SPDX-License-Identifier: Apache-2.0
/** The static parts of a probe package as zod sees them. Unknown keys are let through: a newer tool may write more than this core reads. */
import * as z from 'zod';
import { type CausePlaces, type PackageEntry, PROBE_TAPS, type ProbeManifest, type ProbeTap, SLOTS, type SlotName } from '../probe/manifest.js';

export const packageEntrySchema: z.ZodType<PackageEntry> = z.object({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,14}$/, { error: 'must be a lower-case name of up to 15 letters, digits and hyphens' }),
  kind: z.enum(['protocol', 'carrier', 'runtime']),
  api: z.int().positive(),
  manifest: z.string().min(1),
  slots: z.partialRecord(z.enum(Object.keys(SLOTS) as SlotName[]), z.string().min(1)).exactOptional(),
  taps: z.array(z.enum(Object.keys(PROBE_TAPS) as ProbeTap[])).exactOptional(),
});

const count = z.int().nonnegative();
const objectEntry = z.object({ file: z.string().min(1), sha256: z.string().regex(/^[0-9a-f]{64}$/, { error: 'must be 64 lower-case hexadecimal digits' }) });
const causePlaces: z.ZodType<CausePlaces> = z.object({
  traceId: count,
  spanId: count,
  parentId: count,
  scope: count,
  scopeStartedNs: count,
  request: count,
  requestStartNs: count,
  requestScope: count,
  rule: count,
});

export const manifestSchema: z.ZodType<ProbeManifest> = z.object({
  schema: z.literal(1, { error: 'must be 1, the manifest schema that this obi reads' }),
  abi: count,
  objects: z.object({ x86_64: objectEntry.exactOptional(), arm64: objectEntry.exactOptional() }),
  programs: z.array(
    z.object({
      name: z.string().min(1),
      section: z.string(),
      type: z.enum(['raw_tracepoint', 'kprobe', 'uprobe', 'tracepoint', 'tracing', 'sk_msg', 'sock_ops', 'cgroup_sock_addr', 'iter', 'other']),
      helpers: z.array(z.string()),
    }),
  ),
  maps: z.array(z.object({ name: z.string().min(1), type: count, keySize: count, valueSize: count, maxEntries: count })),
  events: z.array(
    z.object({ struct: z.string().min(1), kind: count, size: z.int().positive(), digest: z.string().min(1), explain: causePlaces.exactOptional() }),
  ),
  counters: z.array(z.string()),
});

/** `programs[2].type: message`, all problems in one text. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => {
      const at = path.map((segment) => (typeof segment === 'number' ? `[${segment}]` : `.${String(segment)}`)).join('');
      return at === '' ? message : `${at.replace(/^\./, '')}: ${message}`;
    })
    .join(', ');
}
