// SPDX-License-Identifier: Apache-2.0
/** Small operations on plain nested objects by dotted key path. */

export type Tree = Record<string, unknown>;

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function getPath(tree: unknown, path: string): unknown {
  let at: unknown = tree;
  for (const segment of path.split('.')) {
    if (!isTree(at) || !Object.hasOwn(at, segment)) return undefined;
    at = at[segment];
  }
  return at;
}

/** Sets a value, making the maps on the way; something on the way that is no map is replaced. */
export function setPath(tree: Tree, path: string, value: unknown): void {
  const segments = path.split('.');
  const last = segments.pop() as string;
  let at = tree;
  for (const segment of segments) {
    const next = at[segment];
    if (isTree(next)) at = next;
    else {
      const made: Tree = {};
      at[segment] = made;
      at = made;
    }
  }
  at[last] = value;
}

/** @returns true when there was something. */
export function deletePath(tree: Tree, path: string): boolean {
  const segments = path.split('.');
  const last = segments.pop() as string;
  const parent = segments.length === 0 ? tree : getPath(tree, segments.join('.'));
  if (!isTree(parent) || !Object.hasOwn(parent, last)) return false;
  delete parent[last];
  return true;
}

/** A copy without the keys whose value is null: `ebpf:` with nothing under it counts as not written. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isTree(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  );
}
