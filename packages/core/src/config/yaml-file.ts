// SPDX-License-Identifier: Apache-2.0
/** Reads a YAML configuration file and keeps the line of every key, so that problems can point at it. */
import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, visit, type YAMLMap } from 'yaml';
import { readConfigFile } from './config-file.js';

export type KeyPath = readonly (string | number)[];

export interface YamlFile {
  readonly name: string;
  readonly content: Record<string, unknown>;
  /** Syntax errors; `content` is then empty. */
  readonly problems: readonly string[];
  /** `file:line` of the key, or of its nearest ancestor that is written. */
  locate(path: KeyPath): string;
}

/** Nodes that aliases may stand for, all together: a few lines of aliases of aliases would fill the memory otherwise. */
const MAX_ALIASES = 100;
/** No key of the configuration is deeper than six. */
const MAX_DEPTH = 64;
const TOO_DEEP = `is nested deeper than ${MAX_DEPTH} levels`;

/** @throws ObiError OBI_ERR_CONFIG_READ */
export function readYamlFile(name: string): YamlFile {
  const source = readConfigFile(name);
  const lines = new LineCounter();
  const at = (offset: number) => `${name}:${lines.linePos(offset).line}`;
  const broken = (problems: readonly string[]): YamlFile => ({ name, content: {}, problems, locate: () => name });
  try {
    // The parser's own search for keys that come twice compares each with each.
    const document = parseDocument(source, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
    const { errors, warnings } = document;
    // The parser meets the end of its stack as an error like others, and then finds fault with each level.
    if (errors.some(({ message }) => message.startsWith('Maximum call stack'))) return broken([`${name}: ${TOO_DEEP}`]);
    const problems = [...errors, ...warnings]
      .map(({ pos, code, message }) => `${at(pos[0])}: ${code === 'MULTIPLE_DOCS' ? 'a second document begins' : message}`)
      .concat(repeatedKeys(document, at));
    if (problems.length > 0) return broken(problems);
    const content: unknown = document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {};
    if (isDeeperThan(content, MAX_DEPTH)) return broken([`${name}: ${TOO_DEEP}`]);
    if (typeof content !== 'object' || content === null || Array.isArray(content)) return broken([`${name}:1: the file is no map of keys`]);
    const root = document.contents;
    const find = pairFinder();
    return { name, content: content as Record<string, unknown>, problems, locate: (path) => at(offsetOf(root, path, find)) };
  } catch (error) {
    return broken([`${name}: ${boundReached(error as Error)}`]);
  }
}

function repeatedKeys(document: Document, at: (offset: number) => string): string[] {
  const problems: string[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) problems.push(`${at(key.range?.[0] ?? 0)}: the key "${key.value}" is there twice`);
        seen.add(key.value);
      }
    },
  });
  return problems;
}

/** Everything behind the parser calls itself for each level too. */
function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeperThan(inner, levels - 1));
}

/** What the parser throws: its bounds. */
function boundReached(error: Error): string {
  if (error instanceof RangeError) return TOO_DEEP;
  if (/alias count/i.test(error.message)) return `its aliases stand for more than ${MAX_ALIASES} nodes; write out what they repeat`;
  return error.message;
}

type FindPair = (map: YAMLMap, key: unknown) => Pair | undefined;

/** Looks keys up in maps, each of which is read once: a file may have a problem in each of its keys. */
function pairFinder(): FindPair {
  const known = new WeakMap<YAMLMap, Map<unknown, Pair>>();
  return (map, key) => {
    let pairs = known.get(map);
    if (!pairs) {
      pairs = new Map(map.items.flatMap((pair) => (isScalar(pair.key) ? [[pair.key.value, pair]] : [])));
      known.set(map, pairs);
    }
    return pairs.get(key);
  };
}

function offsetOf(root: Node | null, path: KeyPath, find: FindPair): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const segment of path) {
    if (isMap(node)) {
      const pair = find(node, segment);
      if (pair === undefined) return offset;
      offset = (pair.key as Node).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(segment)] as Node | undefined;
      if (item === undefined) return offset;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else return offset;
  }
  return offset;
}
