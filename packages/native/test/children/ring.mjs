// SPDX-License-Identifier: Apache-2.0
// Ring readers in situations that need a process (or a worker) of their own. Arguments: object, number of getpriority, mode.
import { readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createKernel } from '../../dist/index.js';

const [object, number, mode] = isMainThread ? process.argv.slice(2) : workerData;
const kernel = createKernel();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const getpriority = (times) => {
  for (let call = 0; call < times; call++) getPriority();
};

function attach() {
  const opened = kernel.open('basic', readFileSync(object));
  for (const program of opened.programs) opened.setAutoload(program.name, program.name === 't_enter');
  opened.setGlobal('cfg_pid', new Uint8Array(new Uint32Array([process.pid]).buffer));
  opened.setGlobal('cfg_syscall', new Uint8Array(new BigUint64Array([BigInt(number)]).buffer));
  const loaded = opened.load();
  loaded.attachRawTracepoint('t_enter', 'sys_enter');
  return loaded.map('t_events');
}

const modes = {
  async throwing() {
    process.on('uncaughtException', (error) => console.log(`uncaught: ${error.message}`));
    let records = 0;
    let thrown = false;
    const reader = kernel.ringReader(attach(), { batchBytes: 4096, coalesceMs: 1 }, (_batch, _used, count) => {
      records += count;
      if (thrown) return;
      thrown = true;
      throw new Error('from onBatch');
    });
    reader.start();
    getpriority(7);
    await sleep(50);
    console.log(`records: ${records}`);
    getpriority(1);
    getpriority(7);
    await sleep(600);
    console.log(`later: ${records - 7}`);
    reader[Symbol.dispose]();
  },

  async unhandled() {
    const reader = kernel.ringReader(attach(), { batchBytes: 4096, coalesceMs: 1 }, () => {
      throw new Error('from onBatch');
    });
    reader.start();
    getpriority(1);
  },

  async alive() {
    const reader = kernel.ringReader(attach(), { batchBytes: 4096, coalesceMs: 1 }, () => {});
    const started = Date.now();
    reader.start();
    setTimeout(() => {
      reader.stop();
      console.log(`stopped after 100 ms: ${Date.now() - started >= 99}`);
    }, 100).unref();
  },

  async ticks() {
    const order = [];
    const reader = kernel.ringReader(attach(), { batchBytes: 40, coalesceMs: 1 }, () => {
      order.push('batch');
      process.nextTick(() => order.push('tick'));
      Promise.resolve().then(() => order.push('promise'));
    });
    reader.start();
    getpriority(2);
    await sleep(50);
    console.log(order.join(' '));
    reader[Symbol.dispose]();
  },

  async worker() {
    const worker = new Worker(new URL(import.meta.url), { workerData: [object, number, 'inWorker'] });
    worker.on('message', async (records) => {
      console.log(`worker records: ${records}`);
      console.log(`worker ended: ${await worker.terminate()}`);
    });
  },

  async inWorker() {
    const reader = kernel.ringReader(attach(), { batchBytes: 4096, coalesceMs: 1 }, (_batch, _used, count) => parentPort.postMessage(count));
    reader.start();
    getpriority(7);
  },
};

await modes[mode]();
