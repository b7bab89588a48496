// SPDX-License-Identifier: Apache-2.0
/** Patterns of paths as `routes.patterns` and `routes.ignored_patterns` write them, and the search for the one that a path matches. */

/** The state behind some leading segments of the patterns. */
interface Node {
  readonly literals: Map<string, Node>;
  /** `:id`, `{id}`, or a `*` that is not at the end: any one segment. */
  parameter: Node | undefined;
  /** Patterns that end in `*` here: what the next segment begins with (nothing for `/files/*`), longest first. */
  readonly prefixes: { readonly text: string; readonly pattern: string }[];
  /** The pattern that ends here. */
  pattern: string | undefined;
}

/**
 * - `/users/:id`, `/users/{id}`: one segment of any text;
 * - `/files/*`: `/files` and everything below it; `/api/v*`: everything that begins so;
 * - everything else is compared as it is written, with case. A slash at the end and doubled slashes make no difference, in patterns and in paths.
 *
 * Of several patterns that match, the most specific one counts, whatever their order: read from the left, a written segment wins over a parameter, a parameter over a trailing `*`.
 */
export class RoutePatterns {
  readonly #root = makeNode();

  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) this.#add(pattern);
  }

  /** @param segments of the path, see {@link pathSegments}. @returns the pattern as it was written. */
  match(segments: readonly string[]): string | undefined {
    return find(this.#root, segments, 0);
  }

  #add(pattern: string): void {
    const segments = pathSegments(pattern);
    const last = segments.at(-1);
    const open = last?.endsWith('*') === true ? segments.pop()?.replace(/\*+$/, '') : undefined;
    let node = this.#root;
    for (const segment of segments) node = isParameter(segment) ? parameterChild(node) : literalChild(node, segment);
    if (open === undefined) node.pattern ??= pattern;
    else if (!node.prefixes.some(({ text }) => text === open)) {
      node.prefixes.push({ text: open, pattern });
      node.prefixes.sort((a, b) => b.text.length - a.text.length);
    }
  }
}

/** The parts of a path between its slashes; empty ones are left out. */
export function pathSegments(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '');
}

function find(node: Node, segments: readonly string[], at: number): string | undefined {
  const segment = segments[at];
  if (segment === undefined) return node.pattern ?? node.prefixes.find(({ text }) => text === '')?.pattern;
  const literal = node.literals.get(segment);
  return (
    (literal && find(literal, segments, at + 1)) ??
    (node.parameter && find(node.parameter, segments, at + 1)) ??
    node.prefixes.find(({ text }) => segment.startsWith(text))?.pattern
  );
}

function isParameter(segment: string): boolean {
  return segment === '*' || (segment.length > 1 && segment.startsWith(':')) || (segment.startsWith('{') && segment.endsWith('}'));
}

function makeNode(): Node {
  return { literals: new Map(), parameter: undefined, prefixes: [], pattern: undefined };
}

function literalChild(node: Node, segment: string): Node {
  const next = node.literals.get(segment) ?? makeNode();
  node.literals.set(segment, next);
  return next;
}

function parameterChild(node: Node): Node {
  node.parameter ??= makeNode();
  return node.parameter;
}
