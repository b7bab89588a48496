// SPDX-License-Identifier: Apache-2.0
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ElfImage } from '../../src/elf/elf-image.js';
import { readRelocations } from '../../src/elf/elf-relocations.js';
import { readElfSymbols } from '../../src/elf/elf-symbols.js';
import { openFile } from '../../src/elf/open-file.js';

describe('an executable (this Node.js)', () => {
  const image = ElfImage.open(openFile(process.execPath)) as ElfImage;
  afterAll(() => image[Symbol.dispose]());
  const names = new Set(['uv_run', 'uv_no_such_function']);
  const symbols = image.symbols(names);

  test('symbols by name; those that it does not define are left out', () => {
    expect([...symbols.keys()]).toEqual(['uv_run']);
    expect(symbols.get('uv_run')?.size).toBeGreaterThan(0);
  });

  test('an address and its place in the file are the same bytes', () => {
    const { address } = symbols.get('uv_run') ?? { address: 0 };
    const offset = image.offsetOf(address) as number;
    using file = openFile(process.execPath);
    const bytes = file.read(offset, 16);
    expect(bytes).toHaveLength(16);
    expect(image.read(address, 16)).toEqual(bytes);
    expect(image.sectionAt(address)?.flags).toBe(6); // loaded, executable
  });

  test('it begins in its code', () => {
    expect(image.sectionAt(image.entry)?.name).toBe('.text');
  });

  test('an address of nothing is nowhere', () => {
    expect(image.offsetOf(1)).toBeUndefined();
    expect(image.read(1, 8)).toHaveLength(0);
  });
});

test('what is no such file is refused', () => {
  const file = path.join(tmpdir(), `obi-elf-${process.pid}`);
  const header = Buffer.from(readFileSync(process.execPath).subarray(0, 64));
  for (const bytes of [Buffer.from('#!/bin/sh\n'), Buffer.alloc(0), header, Buffer.concat([header.subarray(0, 4), Buffer.from([1]), header.subarray(5)])]) {
    writeFileSync(file, bytes);
    expect(ElfImage.open(openFile(file))).toBeUndefined();
  }
});

test('a symbol whose name is the end of a longer string, and one that another file defines', () => {
  const strings = Buffer.from('\0_PyRuntime\0other\0', 'latin1');
  const entry = (name: number, section: number, address: number) => {
    const bytes = Buffer.alloc(24);
    bytes.writeUInt32LE(name, 0);
    bytes.writeUInt16LE(section, 6);
    bytes.writeBigUInt64LE(BigInt(address), 8);
    return bytes;
  };
  const found = new Map();
  readElfSymbols(Buffer.concat([entry(4, 1, 0x40), entry(12, 0, 0)]), strings, new Set(['Runtime', 'other']), found);
  expect(found).toEqual(new Map([['Runtime', { address: 0x40, size: 0 }]]));
});

test('relocations: only those to the file itself', () => {
  const entry = (place: number, type: number, addend: number) => {
    const bytes = Buffer.alloc(24);
    bytes.writeBigUInt64LE(BigInt(place), 0);
    bytes.writeBigUInt64LE(BigInt(type), 8);
    bytes.writeBigInt64LE(BigInt(addend), 16);
    return bytes;
  };
  expect(readRelocations([Buffer.concat([entry(0x10, 8, 0x99), entry(0x18, 6, 0x77)]), entry(0x20, 1027, 0x55)])).toEqual(
    new Map([
      [0x10, 0x99],
      [0x20, 0x55],
    ]),
  );
});
