// SPDX-License-Identifier: Apache-2.0
/** Standard output and standard error that cannot be written. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { transformFileSync } from '@swc/core';

/** A program of its own that runs `body`, which has `watchOutput` and `print`. */
function sourceOf(body: string): string {
  const { code } = transformFileSync(require.resolve('../src/output.ts'), {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'es6' },
  });
  return `${code}\nconst output = watchOutput();\n${body}\nif (await output.failed()) process.exitCode ||= 7;`;
}

function program(body: string, { stdout = 'pipe', stderr = 'pipe' }: { stdout?: number | 'pipe'; stderr?: number | 'pipe' } = {}) {
  const args = ['--input-type=module', '-e', sourceOf(body)];
  const { status, signal, ...said } = spawnSync(process.execPath, args, { stdio: ['ignore', stdout, stderr], encoding: 'utf8', timeout: 20_000 });
  return { status, signal, stdout: said.stdout, stderr: said.stderr };
}

let full: number;
beforeAll(() => {
  full = openSync('/dev/full', 'w');
});
afterAll(() => closeSync(full));

const MESSAGE = 'obi: standard output cannot be written (ENOSPC); what was to be shown there is lost\n';

test.each([
  ['console.log', `console.log('a'); console.log('b');`],
  ['process.stdout.write', `process.stdout.write('a'); process.stdout.write('b');`],
  ['print', `for (const text of ['a', 'b']) if ((await print(text))?.code !== 'ENOSPC') process.exitCode = 8;`],
])('a full disk is one message and an exit code: %s', (_how, body) => {
  expect(program(body, { stdout: full })).toEqual({ status: 7, signal: null, stdout: null, stderr: MESSAGE });
});

test('print says what failed only after it was said to the user', () => {
  const body = `const said = console.error; let known = false; console.error = (text) => { known = true; said(text); };
    await print('a'); if (!known) process.exitCode = 8;`;
  expect(program(body, { stdout: full })).toMatchObject({ status: 7, stderr: MESSAGE });
});

test('a reader that had enough is no failure, and nothing is said', () => {
  // The pipe's other end is closed before the first word.
  const body = `await new Promise((r) => setTimeout(r, 300)); process.stdout.write('a'); await print('b');`;
  const script = '"$0" --input-type=module -e "$1" | true; exit $PIPESTATUS';
  const { status, stderr } = spawnSync('bash', ['-c', script, process.execPath, sourceOf(body)], { encoding: 'utf8', timeout: 20_000 });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('standard error that cannot be written ends nothing', () => {
  const body = `process.stderr.write('x'); console.error('y'); await new Promise((r) => setTimeout(r, 20)); await print('still here');`;
  expect(program(body, { stderr: full })).toMatchObject({ status: 0, stdout: 'still here' });
});

test('what was written arrives, and is no failure', () => {
  expect(program(`console.log('a'); await print('b');`)).toEqual({ status: 0, signal: null, stdout: 'a\nb', stderr: '' });
});
