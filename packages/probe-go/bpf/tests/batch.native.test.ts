// SPDX-License-Identifier: Apache-2.0
// Where gRPC's writer has room behind what its buffer holds, in each of the forms that it had: behind a frame that is in there traceparent is written.
import { loadTestProgram, type TestProgram } from '../../../../bpf/tests/test-program.js';
import { addressOf } from './own-memory.js';

const memory = Buffer.alloc(1 << 21);
const SLICE = 256;
const INPUT_HEADER = 8;

let program: TestProgram;
let at: bigint;
beforeAll(() => {
  program = loadTestProgram('packages/probe-go', 'batch');
  at = addressOf(memory);
});
afterAll(() => program?.[Symbol.dispose]());

/** @param words of the writer @param slice words of what lies at its buffer's own slice, if that is elsewhere @returns where the room is, its bytes, those in front, and which word counts them */
function roomOf(words: readonly (bigint | number)[], slice: readonly (bigint | number)[] = []) {
  memory.fill(0);
  words.forEach((word, n) => void memory.writeBigUInt64LE(BigInt(word), n * 8));
  slice.forEach((word, n) => void memory.writeBigUInt64LE(BigInt(word), SLICE + n * 8));
  const input = Buffer.alloc(40);
  input.writeBigUInt64LE(at);
  expect(program.run('t_batch', input)).toBe(1);
  const value = program.value('t_input').subarray(INPUT_HEADER);
  const [room = 0n, bytes = 0n, used = 0n, counter = 0n] = [8, 16, 24, 32].map((offset) => value.readBigUInt64LE(offset));
  return counter === 0n ? undefined : [room, Number(bytes), Number(used), Number(counter - at) / 8];
}

const BUFFER = 0x7000_0000_0000n;
const POOL = 0xc000_0000_1000n;
const [SIZE, USED] = [32768, 100];
const CONN = [0x55_5000n, 0xc000_0000_2000n];
const there = (word: number, size = SIZE) => [BUFFER + BigInt(USED), size - USED, USED, word];

test.each([
  ['until 1.57', [BUFFER, 2 * SIZE, 2 * SIZE, USED, SIZE, ...CONN], there(3, 2 * SIZE)],
  ['1.58 to 1.83', [0, BUFFER, SIZE, SIZE, USED, SIZE, ...CONN], there(4)],
  ['1.58 to 1.63, shared', [POOL, BUFFER, 2 * SIZE, 2 * SIZE, USED, SIZE, ...CONN], there(4, 2 * SIZE)],
])('%s: a slice', (_, words, expected) => {
  expect(roomOf(words)).toEqual(expected);
});

test.each([
  ['its own', [0], SIZE],
  ['shared, of a size that is rounded up', [POOL], 36864],
])('since 1.84: a pointer to a slice, %s', (_, pool, capacity) => {
  expect(roomOf([...pool, at + BigInt(SLICE), USED, SIZE, ...CONN], [BUFFER, SIZE, capacity])).toEqual(there(2));
});

test.each([
  ['has none, until 1.57', [BUFFER, 0, 0, 0, 0, ...CONN]],
  ['has none, 1.58 to 1.83', [0, BUFFER, 0, 0, 0, 0, ...CONN]],
  ['has none, since 1.84', [0, 0, 0, 0, ...CONN]],
  ['is lent when something is written, 1.58 to 1.83', [POOL, 0, 0, 0, 0, SIZE, ...CONN]],
  ['is lent when something is written, since 1.84', [POOL, 0, 0, SIZE, ...CONN]],
  ['is of another size than the writer says', [0, BUFFER, SIZE + 1, SIZE + 1, USED, SIZE, ...CONN]],
  ['is full', [0, BUFFER, SIZE, SIZE, SIZE, SIZE, ...CONN]],
])('a buffer that %s', (_, words) => {
  expect(roomOf(words)).toBeUndefined();
});
