// SPDX-License-Identifier: Apache-2.0
import { ElfImage, type ElfSection } from '@obi/core/probe';
import { findMethods } from '../src/interpreter/method-table.js';

const RODATA: ElfSection = { type: 1, flags: 2, address: 0x1000, offset: 0, size: 0x200, link: 0 };
const TEXT: ElfSection = { type: 1, flags: 6, address: 0x2000, offset: 0x200, size: 0x100, link: 0 };
const DATA: ElfSection = { type: 1, flags: 3, address: 0x3000, offset: 0x300, size: 0x200, link: 0 };

/** A file with these strings, and a PyMethodDef table of them at 0x3020: names that stand inside longer ones too, as linkers do it. */
function image(methods: readonly [name: string, address: number][], relocated: boolean): ElfImage {
  const bytes = Buffer.alloc(0x500);
  const relocations = new Map<number, number>();
  let string = 0x10;
  for (const [index, [name, address]] of methods.entries()) {
    string += bytes.write(`x_${name}\0`, string);
    const entry = 0x20 + index * 32;
    for (const [offset, value] of [
      [entry, RODATA.address + string - name.length - 1],
      [entry + 8, address],
    ] as const) {
      if (relocated) relocations.set(DATA.address + offset, value);
      else bytes.writeBigUInt64LE(BigInt(value), DATA.offset + offset);
    }
  }
  return Object.assign(Object.create(ElfImage.prototype), {
    sections: [RODATA, TEXT, DATA],
    relocations: () => relocations,
    data: ({ offset, size }: ElfSection) => bytes.subarray(offset, offset + size),
    read(address: number, length: number) {
      const section = [RODATA, TEXT, DATA].find((one) => address >= one.address && address < one.address + one.size);
      return section ? bytes.subarray(address - section.address + section.offset, address - section.address + section.offset + length) : Buffer.alloc(0);
    },
  });
}

const QUEUE: readonly [string, number][] = [
  ['empty', 0x2000],
  ['get', 0x2010],
  ['get_nowait', 0x2020],
  ['put', 0x2030],
  ['put_nowait', 0x2040],
];

test.each([
  ['with relocations (shared objects)', true],
  ['with addresses in place (executables, compact relocations)', false],
])('methods are found by name, %s', (_, relocated) => {
  const methods = findMethods(image(QUEUE, relocated), ['put_nowait', 'get']);
  expect(Object.fromEntries(methods ?? [])).toMatchObject({ get: 0x2010, get_nowait: 0x2020, put: 0x2030, put_nowait: 0x2040 });
});

test('a table without one of the names, or whose pointers lead to no code, is none', () => {
  expect(findMethods(image(QUEUE, true), ['put_nowait', 'task_done'])).toBeUndefined();
  expect(findMethods(image([['put_nowait', 0x1010]], true), ['put_nowait'])).toBeUndefined();
  expect(findMethods(image([], true), ['put_nowait'])).toBeUndefined();
});
