// SPDX-License-Identifier: Apache-2.0
/** In a process of its own: jest's heap is not ours to judge. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from '@swc/core';

test('what starting left behind is given back, and the process may end before', () => {
  const source = readFileSync(join(__dirname, '../src/start-up-garbage.ts'), 'utf8');
  const { code } = transformSync(source, { filename: 'x.ts', jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } });
  const script = `${code}
    const spaces = () => require('node:v8').getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
    let kept = [];
    for (let i = 0; i < 200000; i++) kept.push({ i, text: String(i) });
    kept = [];
    const before = spaces();
    exports.giveBackStartUpMemory(0).ref();
    exports.giveBackStartUpMemory(600000);
    setTimeout(() => console.log(JSON.stringify([before, spaces(), typeof globalThis.gc])), 50);`;
  const [before, after, exposed] = JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 20_000 }));
  expect(after).toBeLessThan(before / 2);
  expect(exposed).toBe('undefined');
});
