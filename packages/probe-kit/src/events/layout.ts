// SPDX-License-Identifier: Apache-2.0
/** Flattens an event struct into fields at fixed offsets, and refuses what a reader could get wrong. */
import type { Btf } from '../btf/btf.js';
import type { BtfComposite, BtfMember, BtfType } from '../btf/btf-types.js';

/** `u`/`i`/`f` + bits, or `bool`. */
export type ScalarKind = 'u8' | 'u16' | 'u32' | 'u64' | 'i8' | 'i16' | 'i32' | 'i64' | 'f32' | 'f64' | 'bool';

export interface Field {
  /** C names joined by dots: `hdr.probe`. */
  readonly path: string;
  /** Byte offset; for a bit-field that of the integer it is read from. */
  readonly offset: number;
  /** Bytes at `offset` that belong to the field. */
  readonly size: number;
  readonly scalar: ScalarKind;
  /** Number of elements when the member is an array. */
  readonly count?: number;
  /** `char[]` or `u8[]`: raw bytes. */
  readonly bytes?: boolean;
  readonly bits?: { readonly shift: number; readonly width: number };
  /** Name of the enum type that the member has. */
  readonly enumeration?: string;
}

/** @throws Error naming `struct.member`, the reason and the cure. */
export function layoutOf(btf: Btf, struct: BtfComposite): Field[] {
  return flatten(btf, struct, '', 0, struct.name, struct.size);
}

function flatten(btf: Btf, struct: BtfComposite, prefix: string, base: number, owner: string, eventSize: number): Field[] {
  const fields: Field[] = [];
  let cursor = 0; // bits
  for (const member of struct.members) {
    const where = `${owner}.${member.name === '' ? '(anonymous)' : member.name}`;
    if (member.bitOffset > cursor) throw gap(owner, cursor, member.bitOffset, `before ${where}`);
    cursor = member.bitOffset + (member.bitSize === 0 ? sizeOf(btf, member, where) * 8 : member.bitSize);
    fields.push(...fieldsOf(btf, member, prefix, base, where, eventSize));
  }
  if (cursor < struct.size * 8) throw gap(owner, cursor, struct.size * 8, 'at the end');
  return fields;
}

function gap(owner: string, from: number, to: number, place: string): Error {
  const bits = to - from;
  return bits % 8 === 0
    ? new Error(
        `${owner}: ${bits / 8} byte(s) of implicit padding ${place} (offset ${from / 8}), which would leave the kernel uninitialised; write \`u8 _pad[${bits / 8}];\``,
      )
    : new Error(`${owner}: ${bits} unnamed bit(s) ${place}; give them a name, e.g. \`u32 _unused : ${bits};\``);
}

function fieldsOf(btf: Btf, member: BtfMember, prefix: string, base: number, where: string, eventSize: number): Field[] {
  const type = btf.resolve(member.type);
  const path = member.name === '' ? prefix.replace(/\.$/, '') : prefix + member.name;
  if (type.kind === 'struct') return flatten(btf, type, path === '' ? '' : `${path}.`, base + member.bitOffset / 8, where, eventSize);
  if (member.bitSize !== 0) return [bitField(btf, member, path, base, where, eventSize)];
  const offset = base + member.bitOffset / 8;
  if (type.kind !== 'array') return [{ path, offset, ...scalar(type, where), ...enumName(type) }];
  let element: BtfType = type;
  let count = 1;
  while (element.kind === 'array') {
    count *= element.count;
    element = btf.resolve(element.element);
  }
  if (count === 0) throw new Error(`${where}: array without elements; give it a length`);
  const item = scalar(element, `${where}[]`);
  return [
    {
      path,
      offset,
      size: item.size * count,
      scalar: item.scalar,
      count,
      ...(item.scalar === 'u8' || isChar(element) ? { bytes: true } : {}),
      ...enumName(element),
    },
  ];
}

function bitField(btf: Btf, member: BtfMember, path: string, base: number, where: string, eventSize: number): Field {
  const type = btf.resolve(member.type);
  const signed = scalar(type, where).scalar.startsWith('i');
  const start = base * 8 + member.bitOffset;
  for (const size of [1, 2, 4]) {
    const offset = Math.floor(start / (size * 8)) * size;
    const shift = start - offset * 8;
    if (shift + member.bitSize <= size * 8 && offset + size <= eventSize)
      return { path, offset, size, scalar: `${signed ? 'i' : 'u'}${(size * 8) as 8 | 16 | 32}`, bits: { shift, width: member.bitSize }, ...enumName(type) };
  }
  throw new Error(`${where}: a bit-field of ${member.bitSize} bits at bit ${start} does not fit in an aligned 32-bit integer; move or narrow it`);
}

function scalar(type: BtfType, where: string): { size: number; scalar: ScalarKind } {
  if (type.kind === 'int' || type.kind === 'enum' || type.kind === 'enum64') {
    const { size } = type;
    if (type.kind === 'int' && type.encoding === 'bool') return { size, scalar: 'bool' };
    if (size === 1 || size === 2 || size === 4 || size === 8) {
      const signed = type.kind === 'int' ? type.encoding === 'signed' : type.signed;
      return { size, scalar: `${signed ? 'i' : 'u'}${(size * 8) as 8 | 16 | 32 | 64}` };
    }
    throw new Error(`${where}: an integer of ${size} bytes; use at most 8`);
  }
  if (type.kind === 'float' && (type.size === 4 || type.size === 8)) return { size: type.size, scalar: type.size === 4 ? 'f32' : 'f64' };
  if (type.kind === 'ptr') throw new Error(`${where}: a pointer means nothing outside the kernel; copy what it points at, or send the address as u64`);
  if (type.kind === 'union') throw new Error(`${where}: a reader cannot know which member of a union holds; use one event struct per case`);
  if (type.kind === 'struct') throw new Error(`${where}: an array of structs; use one array per member`);
  throw new Error(`${where}: a ${type.kind} cannot be in an event; use integers, enums, structs and arrays`);
}

/** `char` is a signed or unsigned 8-bit integer by that name, whatever the target's default. */
function isChar(type: BtfType): boolean {
  return type.kind === 'int' && type.size === 1 && (type.name === 'char' || type.encoding === 'char');
}

function enumName(type: BtfType): { enumeration?: string } {
  return (type.kind === 'enum' || type.kind === 'enum64') && type.name !== '' ? { enumeration: type.name } : {};
}

function sizeOf(btf: Btf, member: BtfMember, where: string): number {
  try {
    return btf.sizeOf(member.type);
  } catch (cause) {
    throw new Error(`${where}: its type is incomplete; include its definition`, { cause });
  }
}
