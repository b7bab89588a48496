// SPDX-License-Identifier: Apache-2.0
import type { Link, LoadedObject, OnBatch, RingReader } from '@obi/core';
import { createKernel } from '../src/index.js';
import { compile, eventually, getpriority, image, runChild, SYS_GETPRIORITY, u32, u64 } from './support.js';

const kernel = createKernel();
const RING_BYTES = 64 * 1024;
const RECORD = 40;

/** The BPF side discards every 8th record. */
const delivered = (calls: number): number => calls - Math.floor(calls / 8);

interface Recorded {
  readonly sequence: number;
  readonly startValue: number;
}

/** Checks each batch's framing and content while collecting. */
function collector(into: Recorded[]): OnBatch {
  return (batch, used, count) => {
    let at = 0;
    let records = 0;
    while (at < used) {
      const length = batch.readUInt32LE(at);
      expect([length, batch.readUInt32LE(at + 4)]).toEqual([32, 0]);
      const sequence = Number(batch.readBigUInt64LE(at + 8));
      expect(batch.subarray(at + 20, at + 40).equals(Buffer.alloc(20, sequence & 0xff))).toBe(true);
      into.push({ sequence, startValue: batch.readUInt32LE(at + 16) });
      at += 8 + length;
      records++;
    }
    expect([at, records]).toEqual([used, count]);
  };
}

describe('a ring reader', () => {
  let loaded: LoadedObject;
  let link: Link | undefined;
  const readers: RingReader[] = [];

  function reader(options: { batchBytes: number; coalesceMs: number }, onBatch: OnBatch): RingReader {
    const made = kernel.ringReader(loaded.map('t_events'), options, onBatch);
    readers.push(made);
    return made;
  }

  function load({ discard }: { discard: boolean }): void {
    unload();
    const opened = kernel.open('basic', image('basic'));
    for (const program of opened.programs) opened.setAutoload(program.name, program.name === 't_enter');
    opened.setGlobal('cfg_pid', u32(process.pid));
    opened.setGlobal('cfg_syscall', u64(SYS_GETPRIORITY));
    opened.setGlobal('cfg_discard', u32(discard ? 1 : 0));
    opened.setGlobal('start_value', u32(0xabcd));
    loaded = opened.load();
    link = loaded.attachRawTracepoint('t_enter', 'sys_enter');
  }

  function unload(): void {
    for (const made of readers.splice(0)) made[Symbol.dispose]();
    link?.[Symbol.dispose]();
    loaded?.[Symbol.dispose]();
  }

  beforeEach(() => load({ discard: true }));
  afterEach(unload);

  test('delivers exactly what was written, across many wrap-arounds of the ring', () => {
    const seen: Recorded[] = [];
    const ring = reader({ batchBytes: 4096, coalesceMs: 1 }, collector(seen));
    const rounds = 40;
    const perRound = 1000;
    expect(rounds * perRound * RECORD).toBeGreaterThan(20 * RING_BYTES);
    let counted = 0;
    for (let round = 0; round < rounds; round++) {
      getpriority(perRound);
      counted += ring.drain();
    }
    expect(counted).toBe(delivered(rounds * perRound));
    expect(seen).toHaveLength(counted);
    const expected = Array.from({ length: rounds * perRound }, (_, sequence) => sequence).filter((sequence) => (sequence & 7) !== 7);
    expect(seen.map((record) => record.sequence)).toEqual(expected);
    expect(new Set(seen.map((record) => record.startValue))).toEqual(new Set([0xabcd]));
    expect(ring.drain()).toBe(0);
  });

  test('counts what a full ring refused, and goes on', () => {
    const seen: Recorded[] = [];
    const ring = reader({ batchBytes: 65536, coalesceMs: 1 }, collector(seen));
    getpriority(3000);
    const lost = (loaded.map('t_percpu').lookupPerCpu(u32(1)) ?? []).reduce((sum, value) => sum + Buffer.from(value).readUInt32LE(), 0);
    expect(lost).toBeGreaterThan(1000);
    ring.drain();
    const last = seen.at(-1)?.sequence ?? 0;
    expect(last).toBeLessThan(3000);
    getpriority(8);
    expect(ring.drain()).toBe(7);
    expect(seen.at(-1)?.sequence).toBeGreaterThanOrEqual(3000);
  });

  test('wakes up by itself, again and again, and loses nothing between', async () => {
    load({ discard: false });
    const seen: number[] = [];
    const ring = reader({ batchBytes: 16384, coalesceMs: 2 }, (batch, used) => {
      for (let at = 0; at < used; at += RECORD) seen.push(Number(batch.readBigUInt64LE(at + 8)));
    });
    ring.start();
    let calls = 0;
    for (let round = 0; round < 60; round++) {
      const burst = 1 + ((round * 37) % 200);
      getpriority(burst);
      calls += burst;
      // Sometimes within the pause, sometimes after the reader went back to watching.
      await new Promise((resolve) => setTimeout(resolve, round % 7));
    }
    await eventually('all records arrived', () => seen.length >= calls, 5000);
    expect(seen).toEqual(Array.from({ length: calls }, (_, sequence) => sequence));
  });

  test('is woken by the kernel, not by its backstop of 250 ms', async () => {
    load({ discard: false });
    let records = 0;
    const ring = reader({ batchBytes: 4096, coalesceMs: 2 }, (_batch, _used, count) => {
      records += count;
    });
    ring.start();
    const latencies: number[] = [];
    for (let round = 1; round <= 15; round++) {
      const from = performance.now();
      getpriority(1);
      while (records < round) await new Promise((resolve) => setTimeout(resolve, 1));
      latencies.push(performance.now() - from);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    latencies.sort((a, b) => a - b);
    expect(latencies[7]).toBeLessThan(60);
  });

  test('a producer that failed to wake it delays records by the backstop, no more', async () => {
    let records = 0;
    const ring = reader({ batchBytes: 4096, coalesceMs: 1 }, (_batch, _used, count) => {
      records += count;
    });
    ring.start();
    getpriority(7);
    await eventually('the first seven arrived', () => records === 7, 2000);
    await new Promise((resolve) => setTimeout(resolve, 20));
    // The eighth is discarded without a wake-up and stays in the ring, so that the BPF side believes a wake-up is under way.
    getpriority(8);
    await eventually('those after it arrived', () => records === 14, 2000);
  });

  test('coalesces: one burst, few batches', async () => {
    let batches = 0;
    let records = 0;
    const ring = reader({ batchBytes: 65536, coalesceMs: 200 }, (_batch, _used, count) => {
      batches++;
      records += count;
    });
    ring.start();
    for (let step = 0; step < 10; step++) {
      getpriority(80);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually('the burst arrived', () => records === 700, 5000);
    expect(batches).toBeLessThanOrEqual(2);
  });

  test('stopped it delivers nothing, started again it delivers what waited', async () => {
    let records = 0;
    const ring = reader({ batchBytes: 4096, coalesceMs: 1 }, (_batch, _used, count) => {
      records += count;
    });
    ring.start();
    ring.start();
    ring.stop();
    getpriority(7);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(records).toBe(0);
    ring.start();
    await eventually('what waited arrived', () => records === 7, 2000);
  });

  test('a record larger than the batch is delivered, not lost', () => {
    const seen: Recorded[] = [];
    const ring = reader({ batchBytes: 16, coalesceMs: 1 }, collector(seen));
    getpriority(7);
    expect(ring.drain()).toBe(7);
    expect(seen.map((record) => record.sequence)).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  test('the batch is one Buffer, used again', () => {
    const buffers = new Set<Buffer>();
    const ring = reader({ batchBytes: 400, coalesceMs: 1 }, (batch) => buffers.add(batch));
    getpriority(100);
    expect(ring.drain()).toBe(delivered(100));
    expect(buffers.size).toBe(1);
  });

  test('drain() inside onBatch is refused; disposing there is fine', () => {
    const inside: unknown[] = [];
    const ring = reader({ batchBytes: 40, coalesceMs: 1 }, () => {
      try {
        ring.drain();
      } catch (error) {
        inside.push((error as Error).message);
      }
      ring[Symbol.dispose]();
    });
    getpriority(5);
    expect(ring.drain()).toBe(1);
    expect(inside).toEqual(['ring t_events: drain() inside onBatch would overwrite the batch']);
    expect(() => ring.drain()).toThrow('ring t_events: its reader was disposed of');
    expect(() => ring.start()).toThrow('ring t_events: its reader was disposed of');
    ring.stop();
    ring[Symbol.dispose]();
  });

  test('drain() throws what onBatch throws, and goes on afterwards', () => {
    let calls = 0;
    const ring = reader({ batchBytes: 40, coalesceMs: 1 }, () => {
      if (calls++ === 0) throw new RangeError('from onBatch');
    });
    getpriority(3);
    expect(() => ring.drain()).toThrow('from onBatch');
    expect(ring.drain()).toBe(2);
  });

  test('a map that is no ring is refused', () => {
    expect(() => kernel.ringReader(loaded.map('t_shared'), { batchBytes: 64, coalesceMs: 1 }, () => {})).toThrow(
      'map t_shared: is no ring buffer (type 1, key 4 bytes, value 8 bytes)',
    );
  });
});

describe('in a process of its own', () => {
  const run = async (mode: string) => {
    const result = await runChild('ring.mjs', [compile('basic'), String(SYS_GETPRIORITY), mode]);
    return { ...result, stdout: result.stdout.trim().split('\n') };
  };

  test("an exception in onBatch becomes 'uncaughtException', and the reader goes on", async () => {
    expect(await run('throwing')).toEqual({ code: 0, stdout: ['uncaught: from onBatch', 'records: 7', 'later: 7'], stderr: '' });
  });

  test('without a handler the process ends as with any uncaught exception', async () => {
    const { code, stderr } = await run('unhandled');
    expect(code).toBe(1);
    expect(stderr).toMatch(/Error: from onBatch/);
  });

  test('a started reader keeps the process alive, a stopped one does not', async () => {
    expect(await run('alive')).toEqual({ code: 0, stdout: ['stopped after 100 ms: true'], stderr: '' });
  });

  test('nextTick and promise jobs of onBatch run before the next batch', async () => {
    expect(await run('ticks')).toEqual({ code: 0, stdout: ['batch tick promise batch tick promise'], stderr: '' });
  });

  test('a worker that ends with a started reader takes nobody down', async () => {
    expect(await run('worker')).toEqual({ code: 0, stdout: ['worker records: 7', 'worker ended: 1'], stderr: '' });
  });
});
