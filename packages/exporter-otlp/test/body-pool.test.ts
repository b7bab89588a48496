// SPDX-License-Identifier: Apache-2.0
import { BodyPool } from '../src/encode/body-pool.js';

const KIB = 1024;

describe('BodyPool', () => {
  test('uses memory again, in the length that is asked for', () => {
    const pool = new BodyPool();
    const first = pool.take(200 * KIB + 1);
    expect(first).toHaveLength(200 * KIB + 1);
    pool.give(first);
    const second = pool.take(150 * KIB);
    expect(second).toHaveLength(150 * KIB);
    expect(second.buffer).toBe(first.buffer);
    expect(pool.take(150 * KIB).buffer).not.toBe(first.buffer);
  });

  test('never hands out more than twice what is needed, and nothing small', () => {
    const pool = new BodyPool();
    const big = pool.take(256 * KIB);
    pool.give(big);
    expect(pool.take(100 * KIB).buffer.byteLength).toBeLessThan(140 * KIB);
    const small = pool.take(100);
    expect(small.buffer.byteLength).toBe(100);
    pool.give(small);
    expect(pool.take(100).buffer).not.toBe(small.buffer);
  });

  test('keeps a bounded amount', () => {
    const pool = new BodyPool();
    const bodies = Array.from({ length: 20 }, () => pool.take(256 * KIB));
    for (const body of bodies) pool.give(body);
    const known = new Set(bodies.map((body) => body.buffer));
    const again = Array.from({ length: 20 }, () => pool.take(256 * KIB));
    expect(again.filter((body) => known.has(body.buffer))).toHaveLength(8);
    expect(new Set(again.map((body) => body.buffer)).size).toBe(20);
  });
});
