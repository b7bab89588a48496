// SPDX-License-Identifier: Apache-2.0
/** Questions one asks a BTF type table. */
import type { BtfDataSection, BtfNamed, BtfType, TypeId } from './btf-types.js';
import { parseBtf } from './parse-btf.js';

const TRANSPARENT = new Set<BtfType['kind']>(['typedef', 'volatile', 'const', 'restrict', 'type_tag']);
const POINTER_BYTES = 8;

export class Btf {
  readonly types: readonly BtfType[];

  constructor(section: Uint8Array) {
    this.types = parseBtf(section);
  }

  /** @throws Error when there is no such type. */
  type(id: TypeId): BtfType {
    const type = this.types[id];
    if (type === undefined) throw new Error(`.BTF: no type ${id}`);
    return type;
  }

  /** The type without typedefs, const, volatile, restrict and tags. */
  resolve(id: TypeId): BtfType {
    let type = this.type(id);
    for (let depth = 0; TRANSPARENT.has(type.kind) && 'type' in type; depth++) {
      if (depth > 32) throw new Error(`.BTF: type ${id} refers to itself`);
      type = this.type(type.type);
    }
    return type;
  }

  /** What a pointer (after typedefs) points at, or undefined when `id` is no pointer. */
  pointee(id: TypeId): TypeId | undefined {
    const type = this.resolve(id);
    return type.kind === 'ptr' ? type.type : undefined;
  }

  /** sizeof. @throws Error for types without a size. */
  sizeOf(id: TypeId): number {
    const type = this.resolve(id);
    if (type.kind === 'ptr') return POINTER_BYTES;
    if (type.kind === 'array') return type.count * this.sizeOf(type.element);
    if ('size' in type) return type.size;
    throw new Error(`.BTF: type ${id} (${type.kind}) has no size`);
  }

  /** Variables of a data section, in the section's order; empty when there is no such section. */
  variables(section: string): BtfNamed[] {
    const found = this.types.find((type): type is BtfDataSection => type.kind === 'datasec' && type.name === section);
    return (found?.variables ?? []).map(({ type }) => {
      const variable = this.type(type);
      if (variable.kind !== 'var' && variable.kind !== 'func') throw new Error(`.BTF: section ${section} lists type ${type}, which is no variable`);
      return variable;
    });
  }

  /** The number N of a declaration `int (*name)[N]` (libbpf's `__uint`), or undefined when the type has another shape. */
  uint(id: TypeId): number | undefined {
    const target = this.pointee(id);
    const array = target === undefined ? undefined : this.resolve(target);
    return array?.kind === 'array' ? array.count : undefined;
  }
}
