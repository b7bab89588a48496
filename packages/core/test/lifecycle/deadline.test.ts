// SPDX-License-Identifier: Apache-2.0
import { Deadline } from '../../src/lifecycle/deadline.js';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

const never = new Promise<void>(() => {});

test('what one step uses up, the next one does not get', async () => {
  const deadline = new Deadline(1000);
  const first = deadline.met(never, 400);
  await jest.advanceTimersByTimeAsync(600);
  expect(await first).toBe(false);
  expect([deadline.left(), deadline.left(100), deadline.left(500)]).toEqual([400, 300, 0]);
  const second = deadline.met(never);
  await jest.advanceTimersByTimeAsync(400);
  expect(await second).toBe(false);
});

test('work that ends in time, and work that fails in time', async () => {
  const deadline = new Deadline(1000);
  expect(await deadline.met(Promise.resolve())).toBe(true);
  await expect(deadline.met(Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(jest.getTimerCount()).toBe(0);
});

test('what is longer than a timer can be waits all the same', async () => {
  let isOver = false;
  void new Deadline(1e12).met(never).then(() => (isOver = true));
  await jest.advanceTimersByTimeAsync(60_000);
  expect(isOver).toBe(false);
});
