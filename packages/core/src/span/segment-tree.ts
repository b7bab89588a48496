// SPDX-License-Identifier: Apache-2.0
/** The bound behind `routes.unmatched: low-cardinality`: how many different segments a position may have before it counts as variable. */

/** Bounds memory whatever is requested (scanners): from then on new segments are variable. */
const MAX_NODES = 10_000;

class Position {
  /** Undefined: the position is variable. */
  segments: Map<string, Position> | undefined = new Map();
  /** What follows a variable segment here. */
  afterVariable: Position | undefined;
}

/**
 * Learns paths segment by segment. A position is what follows the same leading segments; with more than `limit` different segments it is variable
 * for good, and what was learned below those segments is forgotten.
 */
export class SegmentTree {
  readonly #limit: number;
  readonly #variable: string;
  readonly #root = new Position();
  readonly #onVariable: () => void;
  #nodes = 1;

  /** @param variable stands for a variable segment. @param onVariable called when a position became variable: names given before may be different now. */
  constructor(limit: number, variable: string, onVariable: () => void) {
    this.#limit = limit;
    this.#variable = variable;
    this.#onVariable = onVariable;
  }

  /** Replaces each segment whose position is variable, in place; segments that are `variable` already stay so and are not counted. */
  learn(segments: string[]): void {
    let at: Position | undefined = this.#root;
    for (const [index, segment] of segments.entries()) {
      const next: Position | undefined = at && segment !== this.#variable ? this.#named(at, segment) : undefined;
      if (!next) segments[index] = this.#variable;
      at = next ?? this.#afterVariable(at);
    }
  }

  #afterVariable(at: Position | undefined): Position | undefined {
    if (at && !at.afterVariable) at.afterVariable = this.#make();
    return at?.afterVariable;
  }

  #named(at: Position, segment: string): Position | undefined {
    const { segments } = at;
    const known = segments?.get(segment);
    if (known || !segments) return known;
    if (segments.size >= this.#limit) {
      this.#nodes -= countBelow(at);
      at.segments = undefined;
      this.#onVariable();
      return undefined;
    }
    const made = this.#make();
    if (made) segments.set(segment, made);
    return made;
  }

  #make(): Position | undefined {
    if (this.#nodes >= MAX_NODES) return undefined;
    this.#nodes++;
    return new Position();
  }
}

/** Positions that are lost with the named segments of this one. */
function countBelow({ segments }: Position): number {
  let count = 0;
  for (const child of segments?.values() ?? []) count += 1 + countBelow(child) + (child.afterVariable ? 1 + countBelow(child.afterVariable) : 0);
  return count;
}
