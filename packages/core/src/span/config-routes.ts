// SPDX-License-Identifier: Apache-2.0
/** {@link Routes} as the configuration's section `routes` wants them. */
import type { Config } from '../config/schema.js';
import { hashBytes, RouteCache } from './route-cache.js';
import { pathSegments, RoutePatterns } from './route-patterns.js';
import type { Route, Routes } from './routes.js';
import { SegmentTree } from './segment-tree.js';
import { isVariableSegment } from './variable-segment.js';

const SLASH = 0x2f;
const NO_ROUTE: Route = {};
const IGNORED: Route = { ignored: true };
const ANY_PATH: Route = { name: '/**', guessed: true };

/**
 * A path is looked up in `ignored_patterns` first (their mode `metrics` leaves spans alone), then in `patterns`, see {@link RoutePatterns}; what matches
 * nothing gets a route after `unmatched`, as a guess, which a route that the program's own router tells replaces:
 * - `unset`: none · `path`: itself · `wildcard`: `/**`
 * - `heuristic`: its segments, with `wildcard_char` for those that look like values, see {@link isVariableSegment}; `/users/42/` becomes `/users/*`
 * - `low-cardinality`: the same, and a position with more than `max_path_segment_cardinality` different segments becomes `wildcard_char` too, see {@link SegmentTree}.
 *
 * A request target that is no path (`*`, `host:443`) has no route. Routes are those of all services together: nothing says whose path it is.
 */
export class ConfigRoutes implements Routes {
  readonly #ignored: RoutePatterns;
  readonly #patterns: RoutePatterns;
  readonly #named: ReadonlyMap<string, Route>;
  readonly #unmatched: (path: string, segments: string[]) => Route;
  readonly #cache = new RouteCache();
  readonly #decoder = new TextDecoder();
  #lastHeuristic: Route = NO_ROUTE;

  constructor(config: Config['routes']) {
    this.#ignored = new RoutePatterns(config.ignore_mode === 'metrics' ? [] : config.ignored_patterns);
    this.#patterns = new RoutePatterns(config.patterns);
    this.#named = new Map(config.patterns.map((name) => [name, { name }]));
    this.#unmatched = this.#strategy(config);
  }

  match(bytes: Uint8Array, start: number, end: number): Route | undefined {
    if (start >= end || bytes[start] !== SLASH) return undefined;
    const hash = hashBytes(bytes, start, end);
    let route = this.#cache.get(hash, bytes, start, end);
    if (!route) {
      route = this.#find(this.#decoder.decode(bytes.subarray(start, end)));
      this.#cache.set(hash, bytes, start, end, route);
    }
    return route === NO_ROUTE ? undefined : route;
  }

  #find(path: string): Route {
    const segments = pathSegments(path);
    if (this.#ignored.match(segments) !== undefined) return IGNORED;
    const pattern = this.#patterns.match(segments);
    return (pattern !== undefined && this.#named.get(pattern)) || this.#unmatched(path, segments);
  }

  #strategy({ unmatched, wildcard_char, max_path_segment_cardinality }: Config['routes']): (path: string, segments: string[]) => Route {
    if (unmatched === 'unset') return () => NO_ROUTE;
    if (unmatched === 'path') return (name) => ({ name, guessed: true });
    if (unmatched === 'wildcard') return () => ANY_PATH;
    const tree = unmatched === 'low-cardinality' ? new SegmentTree(max_path_segment_cardinality, wildcard_char, () => this.#cache.clear()) : undefined;
    return (_, segments) => {
      for (let i = 0; i < segments.length; i++) if (isVariableSegment(segments[i] ?? '')) segments[i] = wildcard_char;
      tree?.learn(segments);
      const name = `/${segments.join('/')}`;
      // Paths that differ in their values only often come one after the other.
      if (this.#lastHeuristic.name !== name) this.#lastHeuristic = { name, guessed: true };
      return this.#lastHeuristic;
    };
  }
}
