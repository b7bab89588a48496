// SPDX-License-Identifier: Apache-2.0
/** Reads a YAML configuration file and keeps the line of every key, so that problems can point at it. */
import { readFileSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { configRead } from '../errors.js';

export type KeyPath = readonly (string | number)[];

export interface YamlFile {
  readonly name: string;
  readonly content: Record<string, unknown>;
  /** Syntax errors; `content` is then empty. */
  readonly problems: readonly string[];
  /** `file:line` of the key, or of its nearest ancestor that is written. */
  locate(path: KeyPath): string;
}

/** @throws ObiError OBI_ERR_CONFIG_READ */
export function readYamlFile(name: string): YamlFile {
  let source: string;
  try {
    source = readFileSync(name, 'utf8');
  } catch (cause) {
    throw configRead(name, cause);
  }
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false });
  const problems = document.errors.map((error) => `${name}:${lines.linePos(error.pos[0]).line}: ${error.message}`);
  const content: unknown = problems.length > 0 ? {} : (document.toJS() ?? {});
  const root = document.contents;
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    return { name, content: {}, problems: [`${name}:1: the file is no map of keys`], locate: () => name };
  }
  return {
    name,
    content: content as Record<string, unknown>,
    problems,
    locate: (path) => `${name}:${lines.linePos(offsetOf(root, path)).line}`,
  };
}

function offsetOf(root: Node | null, path: KeyPath): number {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? 0;
  for (const segment of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && key.value === segment);
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
