// SPDX-License-Identifier: Apache-2.0
/** "Did you mean …": the name that a misspelt one stands closest to. */
import { distance } from 'fastest-levenshtein';

/** @returns the nearest candidate, or undefined when none is near enough to be helpful (more than a third of the letters wrong, and at least three). */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(3, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    const d = distance(name.toLowerCase(), candidate.toLowerCase());
    // Replacing every letter is no likeness: "tcp" is not a misspelt "go".
    if (d < bestDistance && d < Math.max(name.length, candidate.length) - 1) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best;
}
