// SPDX-License-Identifier: Apache-2.0
// obi/route.bpf.h: a route comes out as it was told, whole or not at all.
import { loadTestProgram, type TestProgram } from './test-program.js';

const BYTES = 128;
const YES = 1;
const NO_BYTES = new Uint8Array();

let program: TestProgram;
beforeAll(() => {
  program = loadTestProgram('bpf', 'route');
});
afterAll(() => program?.[Symbol.dispose]());
beforeEach(() => void program.run('t_open', NO_BYTES));

const tell = (text: string, unreadable = 0) => program.run('t_append', Buffer.from(text), unreadable);
function take(noRoom = 0) {
  const n = program.run('t_take', NO_BYTES, noRoom);
  const output = program.value('t_output');
  return { text: output.toString('latin1', 0, n), lost: Number(output.readBigUInt64LE(BYTES)) };
}
const NONE = { text: '', lost: 0 };
const LOST = { text: '', lost: 1 };

test('its pieces, once', () => {
  expect([tell('/api'), tell('/users/{id}')]).toEqual([0, 0]);
  expect([take(), take()]).toEqual([{ text: '/api/users/{id}', lost: 0 }, NONE]);
});

test('as long as there is room for', () => {
  tell('/'.repeat(BYTES));
  expect(take()).toEqual({ text: '/'.repeat(BYTES), lost: 0 });
});

test.each([
  ['in one piece', ['/'.repeat(BYTES + 1)]],
  ['in two', ['/'.repeat(BYTES), '/']],
  ['and more after it', ['/'.repeat(BYTES + 1), '/users']],
])('a longer one is left out and counted: %s', (_, pieces) => {
  for (const piece of pieces) tell(piece);
  expect(take()).toEqual(LOST);
});

test('one that cannot be read, and one without room in the record, are counted', () => {
  tell('/users', YES);
  expect(take()).toEqual(LOST);
  tell('/users');
  expect([take(YES), take()]).toEqual([LOST, NONE]);
});

test('taken back', () => {
  tell('/users');
  program.call('t_forget');
  expect(take()).toEqual(NONE);
});

test('of a request that is over, or has no span, nothing is kept', () => {
  program.call('t_close');
  expect([tell('/users'), take()]).toEqual([1, NONE]);
  program.run('t_open', NO_BYTES, YES);
  expect([tell('/users'), take()]).toEqual([1, NONE]);
});
