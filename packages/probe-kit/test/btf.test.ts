// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Btf } from '../src/btf/btf.js';
import type { BtfType } from '../src/btf/btf-types.js';
import { parseBtf } from '../src/btf/parse-btf.js';
import { readElf } from '../src/elf/elf-file.js';
import { describeWith, Workshop } from './support/clang.js';

const workshop = new Workshop();
afterAll(() => workshop.dispose());

/** A hand-made section: types are lists of u32 words, strings by index into `strings`. */
function section(strings: readonly string[], words: readonly number[]): Uint8Array {
  const pool = Buffer.from(`\0${strings.map((text) => `${text}\0`).join('')}`);
  const bytes = Buffer.alloc(24 + words.length * 4 + pool.length);
  bytes.writeUInt16LE(0xeb9f, 0);
  bytes.writeUInt8(1, 2);
  const header = [24, 0, words.length * 4, words.length * 4, pool.length];
  for (const [index, value] of header.entries()) bytes.writeUInt32LE(value, 4 + index * 4);
  for (const [index, word] of words.entries()) bytes.writeUInt32LE(word >>> 0, 24 + index * 4);
  pool.copy(bytes, 24 + words.length * 4);
  return bytes;
}
const info = (kind: number, count = 0, flag = false): number => ((flag ? 0x80000000 : 0) | (kind << 24) | count) >>> 0;

describe('parseBtf', () => {
  test('reads the kinds that clang 14 does not write', () => {
    const names = ['wide', 'A', 'f', 'tag', 'E', 'N', 'ff'];
    const at = (name: string) => 1 + names.slice(0, names.indexOf(name)).join('\0').length + (names.indexOf(name) > 0 ? 1 : 0);
    const types = parseBtf(
      section(names, [
        ...[at('wide'), info(19, 1, true), 8, at('A'), 0xffffffff, 0xffffffff],
        ...[at('f'), info(16), 8],
        ...[at('tag'), info(17), 2, 0xffffffff],
        ...[at('tag'), info(18), 2],
        ...[at('E'), info(6, 1, true), 4, at('N'), 0xffffffff],
        ...[at('ff'), info(7, 0, true), 0],
        ...[0, info(11), 2],
      ]),
    );
    expect(types.slice(1)).toEqual([
      { kind: 'enum64', name: 'wide', size: 8, signed: true, values: [{ name: 'A', value: -1n }] },
      { kind: 'float', name: 'f', size: 8 },
      { kind: 'decl_tag', name: 'tag', type: 2, component: -1 },
      { kind: 'type_tag', name: 'tag', type: 2 },
      { kind: 'enum', name: 'E', size: 4, signed: true, values: [{ name: 'N', value: -1n }] },
      { kind: 'fwd', name: 'ff', union: true },
      { kind: 'restrict', name: '', type: 2 },
    ]);
  });

  test('names the type id of an unknown kind, and refuses damage', () => {
    expect(() => parseBtf(section([], [0, info(31), 0]))).toThrow('type 1 has unknown kind 31');
    expect(() => parseBtf(new Uint8Array(8))).toThrow('no little-endian BTF header');
    expect(() => parseBtf(section([], [0, info(2), 0]).subarray(0, 28))).toThrow('truncated');
    expect(() => new Btf(section([], [0, info(8), 1])).resolve(1)).toThrow('refers to itself');
  });
});

describe('readElf', () => {
  test('says what is wrong with a file that is no BPF object', () => {
    expect(() => readElf(new Uint8Array(10))).toThrow('not an ELF file');
    expect(() => readElf(readFileSync(process.execPath))).toThrow('not a BPF object');
  });
});

describeWith('clang')('with a compiled object', () => {
  describeWith('bpftool')('bpftool as the oracle', () => {
    test('every type is as bpftool reads it', () => {
      const path = workshop.fixture('sample.bpf.c');
      const section = readElf(readFileSync(path)).section('.BTF');
      const oracle = JSON.parse(execFileSync('bpftool', ['-j', 'btf', 'dump', 'file', path], { encoding: 'utf8' })) as { types: Record<string, unknown>[] };
      const ours = parseBtf(section?.data ?? new Uint8Array())
        .slice(1)
        .map(asBpftool);
      expect(ours.length).toBeGreaterThan(60);
      expect(ours).toEqual(oracle.types);
    });
  });
});

const LINKAGE = ['static', 'global', 'extern'];
const ENCODING = { none: '(none)', signed: 'SIGNED', char: 'CHAR', bool: 'BOOL' };

/** Our type in the words of `bpftool -j btf dump`. */
function asBpftool(type: BtfType, index: number): unknown {
  const id = index + 1;
  switch (type.kind) {
    case 'int':
      return { id, kind: 'INT', name: type.name, size: type.size, bits_offset: type.bitOffset, nr_bits: type.bits, encoding: ENCODING[type.encoding] };
    case 'array':
      return { id, kind: 'ARRAY', name: '(anon)', type_id: type.element, index_type_id: type.index, nr_elems: type.count };
    case 'struct':
    case 'union':
      return {
        id,
        kind: type.kind.toUpperCase(),
        name: type.name || '(anon)',
        size: type.size,
        vlen: type.members.length,
        members: type.members.map((m) => ({
          name: m.name || '(anon)',
          type_id: m.type,
          bits_offset: m.bitOffset,
          ...(m.bitSize ? { bitfield_size: m.bitSize } : {}),
        })),
      };
    case 'enum':
    case 'enum64':
      return {
        id,
        kind: type.kind.toUpperCase(),
        name: type.name || '(anon)',
        size: type.size,
        encoding: type.signed ? 'SIGNED' : 'UNSIGNED',
        vlen: type.values.length,
        values: type.values.map(({ name, value }) => ({ name, val: Number(value) })),
      };
    case 'ptr':
    case 'typedef':
    case 'volatile':
    case 'const':
    case 'restrict':
    case 'type_tag':
      return { id, kind: type.kind.toUpperCase(), name: type.name || '(anon)', type_id: type.type };
    case 'func_proto':
      return {
        id,
        kind: 'FUNC_PROTO',
        name: '(anon)',
        ret_type_id: type.returns,
        vlen: type.parameters.length,
        params: type.parameters.map(({ name, type }) => ({ name: name || '(anon)', type_id: type })),
      };
    case 'func':
    case 'var':
      return { id, kind: type.kind.toUpperCase(), name: type.name, type_id: type.type, linkage: LINKAGE[type.linkage] };
    case 'datasec':
      return {
        id,
        kind: 'DATASEC',
        name: type.name,
        size: type.size,
        vlen: type.variables.length,
        vars: type.variables.map(({ type, offset, size }) => ({ type_id: type, offset, size })),
      };
    default:
      return { id, kind: type.kind };
  }
}
