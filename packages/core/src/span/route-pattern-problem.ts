// SPDX-License-Identifier: Apache-2.0
/** Says what is wrong with a pattern of `routes.*`: most of what is no parameter would be compared as it is written, and match nothing, silently. */
import { pathSegments } from './route-patterns.js';

const FORMS = 'a pattern knows :name and {name} for a segment, and * for a segment or for what follows at the end';

/** @returns why `pattern` is none, and what there is instead; undefined when it is one. */
export function routePatternProblem(pattern: string): string | undefined {
  if (pattern.trim() === '') return 'an empty pattern matches nothing; write / for the root';
  if (/\s/.test(pattern)) return `"${pattern}" has a space, which no path has; write %20`;
  if (/[?#]/.test(pattern)) return `"${pattern}" has a query or fragment; only the path is compared`;
  if (/^[a-z]+:\/\//i.test(pattern)) return `"${pattern}" is a URL; write its path only`;
  const segments = pathSegments(pattern);
  for (const [index, segment] of segments.entries()) {
    const problem = segmentProblem(segment, index === segments.length - 1);
    if (problem !== undefined) return `"${pattern}" ${problem}; ${FORMS}`;
  }
  return undefined;
}

function segmentProblem(segment: string, isLast: boolean): string | undefined {
  const open = segment.indexOf('{');
  const close = segment.indexOf('}');
  if (open >= 0 && close < open) return 'has "{" without "}"';
  if (close >= 0 && open < 0) return 'has "}" without "{"';
  if (open >= 0 && (open > 0 || close < segment.length - 1)) return 'has {…} inside a segment, where it is no parameter';
  if (segment === ':' || segment === '{}') return 'has a parameter without a name';
  if (/[[\]]/.test(segment)) return 'has "[" or "]"';
  if (/[\\^]|\.\*/.test(segment)) return 'looks like a regular expression';
  const star = segment.indexOf('*');
  if (star < 0 || segment === '*') return undefined;
  if (!isLast) return `has "${segment}", which is no parameter, before its end`;
  return /\*[^*]/.test(segment) ? 'has "*" inside a segment' : undefined;
}
