// SPDX-License-Identifier: Apache-2.0
/** BTF-defined maps (`SEC(".maps")`), and the numbers that obi-gen needs of a map type. */
import type { MapEntry } from '@obi/core';
import type { Btf } from '../btf/btf.js';

/** BPF_MAP_TYPE_RINGBUF of the kernel's uapi. */
export const RINGBUF = 27;

/** Maps by name: clang's order in the section differs between architectures. @throws Error naming the map and member when a definition is not understood. */
export function readMaps(btf: Btf): MapEntry[] {
  const maps = btf.variables('.maps').map(({ name, type }) => {
    const definition = btf.resolve(type);
    if (definition.kind !== 'struct') throw new Error(`map ${name}: is no struct; write it with libbpf's __uint and __type`);
    const sizeOf = (member: 'key' | 'value'): number => {
      const typed = definition.members.find((candidate) => candidate.name === member);
      if (typed === undefined) return number(`${member}_size`) ?? 0;
      const target = btf.pointee(typed.type);
      if (target === undefined) throw new Error(`map ${name}: ${member} is no pointer; write it with __type(${member}, …)`);
      return btf.sizeOf(target);
    };
    const number = (member: string): number | undefined => {
      const found = definition.members.find((candidate) => candidate.name === member);
      if (found === undefined) return undefined;
      const value = btf.uint(found.type);
      if (value === undefined) throw new Error(`map ${name}: ${member} is no number; write it with __uint(${member}, …)`);
      return value;
    };
    const mapType = number('type');
    if (mapType === undefined) throw new Error(`map ${name}: no type; write __uint(type, BPF_MAP_TYPE_…)`);
    return { name, type: mapType, keySize: sizeOf('key'), valueSize: sizeOf('value'), maxEntries: number('max_entries') ?? 0 };
  });
  return maps.sort((one, two) => (one.name < two.name ? -1 : 1));
}
