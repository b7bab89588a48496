// SPDX-License-Identifier: Apache-2.0
/** Parses a `.BTF` section (Documentation/bpf/btf.rst of the kernel tells the format). */
import { cString, viewOf } from '../elf/elf-file.js';
import type { BtfType } from './btf-types.js';

const HEADER_MAGIC = 0xeb9f;
const ENCODINGS = { 0: 'none', 1: 'signed', 2: 'char', 4: 'bool' } as const;

/** Walks the type section; one instance per parse. */
class Cursor {
  at = 0;
  constructor(
    private readonly view: DataView,
    private readonly strings: Uint8Array,
  ) {}
  get done(): boolean {
    return this.at >= this.view.byteLength;
  }
  u32(): number {
    this.at += 4;
    return this.view.getUint32(this.at - 4, true);
  }
  i32(): number {
    return this.u32() | 0;
  }
  name(): string {
    return cString(this.strings, this.u32());
  }
  repeat<T>(count: number, read: () => T): T[] {
    return Array.from({ length: count }, read);
  }
}

/** @returns the type table; index = type id. @throws Error naming the type id when a kind is unknown or the section is damaged. */
export function parseBtf(section: Uint8Array): BtfType[] {
  const view = viewOf(section);
  if (section.length < 24 || view.getUint16(0, true) !== HEADER_MAGIC) throw new Error('.BTF: no little-endian BTF header');
  const header = view.getUint32(4, true);
  const part = (offset: number): Uint8Array => {
    const start = header + view.getUint32(offset, true);
    const end = start + view.getUint32(offset + 4, true);
    if (end > section.length) throw new Error('.BTF: truncated');
    return section.subarray(start, end);
  };
  const cursor = new Cursor(viewOf(part(8)), part(16));
  const types: BtfType[] = [{ kind: 'void' }];
  while (!cursor.done) types.push(readType(cursor, types.length));
  return types;
}

function readType(c: Cursor, id: number): BtfType {
  const name = c.name();
  const info = c.u32();
  const sizeOrType = c.u32();
  const count = info & 0xffff;
  const flag = info >>> 31 === 1;
  switch ((info >>> 24) & 0x1f) {
    case 1: {
      const data = c.u32();
      const encoding = ENCODINGS[((data >>> 24) & 0xf) as keyof typeof ENCODINGS];
      if (encoding === undefined) throw new Error(`.BTF: type ${id} (${name}): unknown integer encoding`);
      return { kind: 'int', name, size: sizeOrType, bits: data & 0xff, bitOffset: (data >>> 16) & 0xff, encoding };
    }
    case 2:
      return { kind: 'ptr', name, type: sizeOrType };
    case 3:
      return { kind: 'array', element: c.u32(), index: c.u32(), count: c.u32() };
    case 4:
      return { kind: 'struct', name, size: sizeOrType, members: readMembers(c, count, flag) };
    case 5:
      return { kind: 'union', name, size: sizeOrType, members: readMembers(c, count, flag) };
    case 6:
      return {
        kind: 'enum',
        name,
        size: sizeOrType,
        signed: flag,
        values: c.repeat(count, () => ({ name: c.name(), value: BigInt(flag ? c.i32() : c.u32()) })),
      };
    case 7:
      return { kind: 'fwd', name, union: flag };
    case 8:
      return { kind: 'typedef', name, type: sizeOrType };
    case 9:
      return { kind: 'volatile', name, type: sizeOrType };
    case 10:
      return { kind: 'const', name, type: sizeOrType };
    case 11:
      return { kind: 'restrict', name, type: sizeOrType };
    case 12:
      return { kind: 'func', name, type: sizeOrType, linkage: count };
    case 13:
      return { kind: 'func_proto', returns: sizeOrType, parameters: c.repeat(count, () => ({ name: c.name(), type: c.u32() })) };
    case 14:
      return { kind: 'var', name, type: sizeOrType, linkage: c.u32() };
    case 15:
      return { kind: 'datasec', name, size: sizeOrType, variables: c.repeat(count, () => ({ type: c.u32(), offset: c.u32(), size: c.u32() })) };
    case 16:
      return { kind: 'float', name, size: sizeOrType };
    case 17:
      return { kind: 'decl_tag', name, type: sizeOrType, component: c.i32() };
    case 18:
      return { kind: 'type_tag', name, type: sizeOrType };
    case 19:
      return { kind: 'enum64', name, size: sizeOrType, signed: flag, values: c.repeat(count, () => readValue64(c, flag)) };
    default:
      throw new Error(`.BTF: type ${id} has unknown kind ${(info >>> 24) & 0x1f}; this obi-gen is older than the compiler`);
  }
}

function readMembers(c: Cursor, count: number, bitFields: boolean) {
  return c.repeat(count, () => {
    const name = c.name();
    const type = c.u32();
    const offset = c.u32();
    return { name, type, bitOffset: bitFields ? offset & 0xffffff : offset, bitSize: bitFields ? offset >>> 24 : 0 };
  });
}

function readValue64(c: Cursor, signed: boolean) {
  const name = c.name();
  const low = BigInt(c.u32());
  const value = (BigInt(c.u32()) << 32n) | low;
  return { name, value: signed ? BigInt.asIntN(64, value) : value };
}
