// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { ElfImage, openFile } from '@obi/core/probe';
import { loadBias } from '../src/load-bias.js';
import { inspect } from '../src/plan/inspect.js';
import { buildGo, lackingGo } from './support/go-program.js';

const lacking = lackingGo();
jest.setTimeout(180_000);

(lacking ? test.skip.each : test.each)([
  ['at its own addresses', []],
  ['position-independent', ['-buildmode=pie']],
])(`a program that is loaded %s${lacking ? ` (${lacking})` : ''}`, async (_, flags) => {
  const program = buildGo(flags);
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    await once(child.stdout, 'data');
    const plan = inspect(program, 'x64');
    if (typeof plan === 'string') throw new Error(plan);
    using image = ElfImage.open(openFile(program)) as ElfImage;
    const text = image.sections.find(({ name }) => name === '.text') as { address: number; offset: number };
    // The mapping that holds the code: its start is that of its part of the file.
    const mapping = readFileSync(`/proc/${child.pid}/maps`, 'utf8')
      .split('\n')
      .map((line) => /^([0-9a-f]+)-[0-9a-f]+ r-xp ([0-9a-f]+) .*service$/.exec(line))
      .find(Boolean) as RegExpExecArray;
    const bias = BigInt(`0x${mapping[1]}`) - BigInt(`0x${mapping[2]}`) + BigInt(text.offset - text.address);
    expect(loadBias(child.pid as number, plan.entry)).toBe(bias);
    expect(bias === 0n).toBe(flags.length === 0);
  } finally {
    child.stdin.end();
  }
});

test('a process that has ended', () => {
  expect(() => loadBias(0x3fffffff, 0)).toThrow('ENOENT');
});
