// SPDX-License-Identifier: Apache-2.0
/** The one dialect of globs that rules use. */
import picomatch from 'picomatch';

export type Glob = (text: string) => boolean;

export const GLOB_OPTIONS = { bash: true, dot: true, nonegate: true, noextglob: true } as const;

/**
 * `*` matches any characters, `/` included (a command line knows no path segments); `?`, `[a-z]`, `[!a-z]` and `{a,b}` as usual. The whole text has to match.
 * A malformed pattern is not refused here: see `globProblem`.
 */
export function compileGlob(pattern: string): Glob {
  // picomatch knows a negated class only as [^…].
  return picomatch(pattern.replaceAll('[!', '[^'), GLOB_OPTIONS);
}

/** Matches when one pattern matches the whole text. */
export function compileTextGlobs(patterns: readonly string[]): Glob {
  const globs = patterns.map(compileGlob);
  return (text) => globs.some((glob) => glob(text));
}

/** Matches when one pattern does: against the whole path where the pattern has a `/`, else against its last segment. */
export function compilePathGlobs(patterns: readonly string[]): Glob {
  const globs = patterns.map((pattern) => ({ matches: compileGlob(pattern), whole: pattern.includes('/') }));
  return (path) => {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return globs.some((glob) => glob.matches(glob.whole ? path : name));
  };
}
