// SPDX-License-Identifier: Apache-2.0
// One measurement of the benchmark of runtimes: a chain of two services in one variant, in fresh processes, from start to end.
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Obi } from '../../tests/harness/obi.mjs';
import { askIn, judge, startMiddle } from '../../tests/harness/parents.mjs';
import { Sandbox } from '../../tests/harness/sandbox.mjs';
import { cpuBetween, cpuOf } from './cpu.mjs';

/** @typedef {import('./chains.mjs').Chain} Chain */
/**
 * services, obi: µs of CPU per request; rate: requests per second; spans: per request, as the receiver counted them; right: requests that came to the second
 * service in the client's trace
 * @typedef {{ services: number, obi: number, rate: number, spans: number, right: number, requests: number, errors: string[] }} Sample
 * @typedef {{ requests: number, warmUp: number, concurrency: number }} Load
 */

/** Long enough for the last batch of each exporter to leave: obi flushes after 1 s at most. */
const SETTLE_MS = 1200;

/** Metrics and logs are off: obi sends none here, so the comparison has spans alone. @param {Chain} chain @param {string} endpoint */
const otelEnv = (chain, endpoint) => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf',
  OTEL_TRACES_EXPORTER: 'otlp',
  OTEL_METRICS_EXPORTER: 'none',
  OTEL_LOGS_EXPORTER: 'none',
  // Under load a batch leaves when it is full; this is for the last one.
  OTEL_BSP_SCHEDULE_DELAY: '500',
  ...chain.otelEnv,
});

/** Starts the receiver. @param {Sandbox} sandbox */
async function startReceiver(sandbox) {
  const file = fileURLToPath(new URL('otlp-receiver.mjs', import.meta.url));
  const proc = await sandbox.startOutside('receiver', [process.execPath, file], { stdin: 'pipe' });
  const [, port] = await proc.line(/^listening (\d+)$/);
  const spans = () =>
    new Promise((resolve, reject) => {
      const stop = proc.onLine(({ text }) => {
        stop();
        const match = text.match(/^spans (\d+)$/);
        if (match) resolve(Number(match[1]));
        else reject(new Error(`the receiver says: ${text}`));
      });
      proc.child.stdin?.write('\n');
    });
  return { endpoint: `http://127.0.0.1:${port}`, spans: /** @type {() => Promise<number>} */ (spans), proc };
}

/** Starts obi for services, and waits until it follows requests inside all of them. @param {Sandbox} sandbox @param {Chain} chain @param {number[]} ports @param {string} endpoint */
async function startObi(sandbox, chain, ports, endpoint) {
  const env = { OTEL_EBPF_TRACE_PRINTER: 'disabled', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' };
  const obi = await Obi.start(sandbox, { plugins: chain.plugins, ports, env });
  // Without a runtime's probe there is nothing to wait for.
  if (!chain.plugins.includes(',')) return obi;
  const deadline = Date.now() + 20_000;
  for (;;) {
    const told = obi.proc.lines.filter(({ text }) => /follows requests inside|cannot follow requests/.test(text));
    const refused = told.find(({ text }) => /cannot follow/.test(text));
    if (refused || !obi.proc.running || Date.now() > deadline)
      throw new Error(`obi ${refused ? 'refused a service' : 'does not follow both services'}\n${obi.proc.tail(30)}`);
    if (told.length >= ports.length) return obi;
    await delay(20);
  }
}

/** @param {Chain} chain @param {import('./chains.mjs').Variant} variant @param {Load} load @param {number} seed @returns {Promise<Sample>} */
export async function measure(chain, variant, { requests, warmUp, concurrency }, seed) {
  const sandbox = await Sandbox.create({ netns: true, name: 'obi-runtimes' });
  try {
    const receiver = await startReceiver(sandbox);
    const env = { ...chain.env, ...(variant === 'otel' ? otelEnv(chain, receiver.endpoint) : {}) };
    const next = await startMiddle(sandbox, 'next', chain.command[variant], [], env);
    const front = await startMiddle(sandbox, 'front', chain.command[variant], [], { ...env, NEXT: next.url });
    const obi = variant === 'obi' ? await startObi(sandbox, chain, [next.port, front.port], receiver.endpoint) : undefined;
    const services = [next.proc.pid, front.proc.pid];
    const own = obi ? [obi.proc.pid] : [];
    const questions = { concurrency, maxWait: 5, orders: ['1'] };
    await askIn(sandbox, front.url, { ...questions, requests: warmUp, seed: 2 * seed });
    await delay(SETTLE_MS);
    const before = { services: cpuOf(services), obi: cpuOf(own), spans: await receiver.spans(), at: performance.now() };
    const { answers, errors } = await askIn(sandbox, front.url, { ...questions, requests, seed: 2 * seed + 1 });
    const seconds = (performance.now() - before.at) / 1000;
    await delay(SETTLE_MS);
    const after = { services: cpuOf(services), obi: cpuOf(own), spans: await receiver.spans() };
    const stopped = await obi?.stop();
    if (stopped && stopped.code !== 0) errors.push(`obi ended with ${stopped.signal ?? stopped.code}\n${obi?.proc.tail(30)}`);
    const complaint = receiver.proc.lines.find(({ stream }) => stream === 'stderr');
    if (complaint) errors.push(`receiver: ${complaint.text}`);
    return {
      services: cpuBetween(before.services, after.services) / requests,
      obi: cpuBetween(before.obi, after.obi) / requests,
      rate: requests / seconds,
      spans: (after.spans - before.spans) / requests,
      right: judge(answers).right,
      requests,
      errors,
    };
  } finally {
    await sandbox.dispose();
  }
}
