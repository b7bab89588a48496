// SPDX-License-Identifier: Apache-2.0
/** Kinds of values that the configuration knows beyond YAML's own: durations, ports, globs, propagation methods. */
import * as z from 'zod';
import { globProblem } from '../process/glob-problem.js';
import { parsePorts } from '../process/port-set.js';
import { routePatternProblem } from '../span/route-pattern-problem.js';

const UNIT_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/;

/** Reads `1m30s`, `250ms`, `0`. @returns milliseconds, undefined when it is no duration. */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!DURATION.test(text)) return undefined;
  let ms = 0;
  for (const [, digits, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) ms += Number(digits) * (UNIT_MS[unit ?? ''] ?? 0);
  return ms;
}

/** The inverse of {@link parseDuration}, in the largest unit that divides it. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  for (const unit of ['h', 'm', 's'] as const) {
    if (ms % (UNIT_MS[unit] ?? 1) === 0) return `${ms / (UNIT_MS[unit] ?? 1)}${unit}`;
  }
  return `${ms}ms`;
}

/** A duration, held in milliseconds. */
export const duration = z.union([z.string(), z.number()], { error: 'expected a duration such as 5m, 10s or 250ms' }).transform((value, context) => {
  const ms = parseDuration(String(value));
  if (ms === undefined) context.addIssue({ code: 'custom', message: `"${value}" is no duration; write it with a unit, such as 5m, 10s or 250ms` });
  return ms ?? z.NEVER;
});

const onePort = z.union([z.string(), z.number()]);
/** Ports: a number, `80,443,8000-8999`, or a YAML list of both; held in the normal form that `parsePorts` reads. */
export const ports = z.union([onePort, z.array(onePort)], { error: 'expected ports such as 80 or 80,8000-8999' }).transform((value, context) => {
  try {
    return parsePorts(value).toString();
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as RangeError).message });
    return z.NEVER;
  }
});

const onePid = z.coerce.number({ error: 'expected a process id' }).int().positive();
/** Process ids: a number, `12,34`, or a YAML list. */
export const processIds = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',').map((p) => p.trim()) : typeof value === 'number' ? [value] : value),
  z.array(onePid),
);

/** A text in which `find` sees nothing wrong. */
const judged = (find: (text: string) => string | undefined) =>
  z.string().superRefine((text, context) => {
    const message = find(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

export const glob = judged(globProblem);

/** A list of words: a YAML list, or one text with commas. */
export const words = z.preprocess((value) => (typeof value === 'string' ? splitList(value) : value), z.array(z.string().min(1)));

/** Patterns of paths: a YAML list, or one text with commas. */
export const routePatterns = z.preprocess((value) => (typeof value === 'string' ? splitList(value) : value), z.array(judged(routePatternProblem)));

/** Names of probes. An empty list means all; a text without a name is a mistake (a shell variable that was not set), and is not taken for all. */
export const pluginNames = z.preprocess(
  (value) => (typeof value === 'string' && splitList(value).length > 0 ? splitList(value) : value),
  z.array(z.string().min(1), {
    error: ({ input }) => (typeof input === 'string' ? 'names no plugin; leave the option out for all that are installed' : 'expected a list of names'),
  }),
);

/** `true`, `false`, also as the text of a variable. */
export const truth = z.preprocess(
  (value) => (typeof value === 'string' && /^(true|false)$/i.test(value) ? value.toLowerCase() === 'true' : value),
  z.boolean({ error: 'expected true or false' }),
);

/** Names of HTTP methods (tokens, RFC 9110 §5.6.2), compared with case. */
export const httpMethods = z.preprocess(
  (value) => (typeof value === 'string' ? splitList(value) : value),
  z.array(z.string().regex(/^[!#$%&'*+.^_`|~\w-]+$/, { error: 'no HTTP method' })).min(1, { error: 'names no method' }),
);

/** A list of globs: a YAML list, or one text with commas (those inside braces and brackets do not separate). */
export const globs = z.preprocess((value) => (typeof value === 'string' ? splitGlobs(value) : value), z.array(glob));

export function splitGlobs(text: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const character of text) {
    if (character === '{' || character === '[') depth++;
    if (character === '}' || character === ']') depth = Math.max(0, depth - 1);
    if (character === ',' && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

export function splitList(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

const PROPAGATION = ['disabled', 'all', 'headers', 'tcp', 'headers,tcp'] as const;
/** Where trace context is written: nowhere, or the named places. `all` is every place that the installed carriers know. */
export type ContextPropagation = (typeof PROPAGATION)[number];
export const contextPropagation = z.preprocess((value) => {
  if (typeof value !== 'string') return value;
  const methods = splitList(value.toLowerCase());
  return methods.length === 0 ? 'disabled' : methods.sort().join(',');
}, z.enum(PROPAGATION));

/** What a value of `ebpf.context_propagation` asks for by name and this version does not do, undefined when there is nothing. */
export function propagationLimit(value: ContextPropagation): string | undefined {
  return value.includes('tcp') ? 'no installed carrier writes TCP options: "tcp" does nothing' : undefined;
}

/** Which methods a value of `ebpf.context_propagation` turns on. */
export function propagationMethods(value: ContextPropagation): { readonly headers: boolean; readonly tcp: boolean } {
  const all = value === 'all';
  return { headers: all || value.includes('headers'), tcp: all || value.includes('tcp') };
}
