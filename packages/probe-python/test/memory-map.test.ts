// SPDX-License-Identifier: Apache-2.0
import { realpathSync, statSync } from 'node:fs';
import { ElfImage, openFile } from '@obi/core/probe';
import { loadBias } from '../src/interpreter/mapped-file.js';
import { readMappings } from '../src/interpreter/memory-map.js';

const own = realpathSync(process.execPath);

test('the code of this very program is among the mapped files', () => {
  const code = readMappings(process.pid).filter(({ path, executable }) => path === own && executable);
  expect(code.length).toBeGreaterThan(0);
  expect(code[0]?.inode).toBe(statSync(own).ino);
  for (const { start, end } of code) expect(end).toBeGreaterThan(start);
});

test('mappings without a file are left out', () => {
  expect(readMappings(process.pid).every(({ path }) => path.startsWith('/'))).toBe(true);
});

test('code is where the bias says', () => {
  const mappings = readMappings(process.pid).filter(({ path }) => path === own);
  using image = ElfImage.open(openFile(own)) as ElfImage;
  const bias = loadBias(image, mappings) as number;
  const address = (image.symbols(new Set(['uv_run'])).get('uv_run')?.address ?? 0) + bias;
  expect(mappings.some(({ start, end, executable }) => executable && address >= start && address < end)).toBe(true);
  expect(loadBias(image, [])).toBeUndefined();
});

test('a process that is not there', () => {
  expect(() => readMappings(2 ** 22 + 1)).toThrow(/ENOENT/);
});
