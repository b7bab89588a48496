// SPDX-License-Identifier: Apache-2.0
/** Where the inspector opens is the application's to say, and to hide: it is found by what is new in the process, and never stays open. Real Node.js; only the question to the kernel has its answer. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { describeNodeVersions } from '../../../tests/harness/node-versions.mjs';
import { Injector, type InjectorTimes, type Target } from '../src/injector.js';
import { ownListeners } from '../src/listeners.js';
import { startTimeOf } from '../src/process-status.js';

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

interface App {
  readonly target: Target;
  readonly child: ChildProcess;
  /** All that it said. */
  said(): string;
  until(what: string): Promise<void>;
  /** Inspector's address as the application itself sees it; undefined: closed. */
  inspector(): Promise<string | undefined>;
}

/** Answers to `?` on its stdin with the address of its inspector. */
const REPORTS = `process.stdin.on('data', (d) => { if (String(d) === '?') console.log('inspector=' + require('inspector').url()); else run(); });`;

async function start(binary: string, code: string, options: readonly string[] = []): Promise<App> {
  const child = spawn(binary, [...options, '-e', `let run;${code};${REPORTS} console.log('runs')`], { stdio: ['pipe', 'pipe', 'ignore'] });
  children.push(child);
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const until = async (what: string) => {
    for (let n = 0; !said.includes(what); n++) {
      if (n > 1000) throw new Error(`it never said ${what}: ${said}`);
      await delay(5);
    }
  };
  await until('runs');
  const pid = child.pid ?? 0;
  const cmdline = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  return {
    child,
    target: { pid, startTime: startTimeOf(pid) ?? 0, cmdline },
    said: () => said,
    until,
    inspector: async () => {
      const before = said.length;
      child.stdin.write('?');
      for (let n = 0; !/inspector=.*\n/.test(said.slice(before)); n++) {
        if (n > 1000) throw new Error('it does not answer');
        await delay(5);
      }
      const [, url] = said.slice(before).match(/inspector=(.*)\n/) ?? [];
      return url === 'undefined' ? undefined : url;
    },
  };
}

/** @param atSignal called when it is asked for the last time, directly before the signal */
function injector(atSignal: () => void = () => {}, times: Partial<InjectorTimes> = {}): Injector {
  let asked = 0;
  const of = (pid: number) => {
    if (++asked === 2) atSignal();
    // Any address in Node's own code, without SA_RESTART.
    const exe = readlinkSync(`/proc/${pid}/exe`);
    const line = readFileSync(`/proc/${pid}/maps`, 'utf8')
      .split('\n')
      .find((text) => / r-xp /.test(text) && text.endsWith(exe));
    return { address: BigInt(`0x${line?.split('-')[0]}`) + 64n, flags: 0n };
  };
  return new Injector({ of, hold: () => ({ [Symbol.dispose]: () => {} }) }, times);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}

const never = new AbortController().signal;
const evaluate = (app: App, signal = never) => injector().evaluate(app.target, '6 * 7', signal);
/** A signal would open it where others might look: these say so before. */
const elsewhere = (port: number, code = '') => `process.debugPort = ${port};${code}`;

describeNodeVersions('', ({ binary }) => {
  test.each<[string, (port: number) => [code: string, options: string[]]]>([
    ['process.debugPort', (port) => [elsewhere(port), []]],
    ['an inspector that was open before, on a port of its own', (port) => [`const i = require('inspector'); i.open(${port}, '127.0.0.1'); i.close()`, []]],
    ['an option that process.title hides', (port) => ["process.title = 'mine'", [`--inspect-port=${port}`]]],
    ['an address of the loopback that is not the usual one', (port) => ['', [`--inspect-port=127.0.0.7:${port}`]]],
    ['both loopbacks', (port) => ['', [`--inspect-port=localhost:${port}`]]],
    ['a random port', () => ['', ['--inspect-port=0']]],
  ])('elsewhere by %s: found, and closed', async (_, make) => {
    const [code, options] = make(await freePort());
    const app = await start(binary, code, options);
    expect(await evaluate(app)).toBe('42');
    expect(await app.inspector()).toBeUndefined();
    expect(ownListeners(app.target.pid)).toEqual([]);
  });

  test.each<[string, (port: number) => [code: string, options: string[]]]>([
    ['an inspector that was open before', (port) => [`const i = require('inspector'); i.open(${port}, '0.0.0.0'); i.close()`, []]],
    ['an option that process.title hides', (port) => ["process.title = 'mine'", [`--inspect-port=0.0.0.0:${port}`]]],
  ])('on all addresses by %s: closed at once, refused, nothing evaluated', async (_, make) => {
    const [code, options] = make(await freePort());
    const app = await start(binary, code, options);
    await expect(injector().evaluate(app.target, 'console.log("evaluated")', never)).rejects.toThrow(
      /^its inspector opened at 0\.0\.0\.0 port \d+, not only on the loopback, and was closed at once$/,
    );
    expect(await app.inspector()).toBeUndefined();
    expect(ownListeners(app.target.pid)).toEqual([]);
    expect(app.said()).not.toContain('evaluated');
  });

  test('what the application begins to listen on meanwhile is left alone', async () => {
    const app = await start(
      binary,
      elsewhere(
        await freePort(),
        `let n = 0; const listen = () => require('net').createServer((s) => { console.log('somebody came'); s.destroy(); }).listen(0, '0.0.0.0', () => { if (++n === 3) console.log('listens'); if (n < 200) setTimeout(listen, 1); }); run = listen`,
      ),
    );
    let listening = Promise.resolve();
    const result = injector(() => {
      app.child.stdin?.write('!');
      // As long as it takes: the new sockets must be there when the inspector's is.
      const end = Date.now() + 30;
      while (Date.now() < end);
      listening = app.until('listens');
    }).evaluate(app.target, 'process._getActiveHandles().length', never);
    expect(Number(await result)).toBeGreaterThan(2);
    await listening;
    expect(await app.inspector()).toBeUndefined();
    expect(app.said()).not.toContain('somebody came');
  });

  test('not wanted any more between signal and inspector: closed, nothing evaluated', async () => {
    const app = await start(binary, elsewhere(await freePort()));
    const abort = new AbortController();
    const result = injector(() => abort.abort(new Error('obi stops'))).evaluate(app.target, 'console.log("evaluated")', abort.signal);
    await expect(result).rejects.toThrow('obi stops');
    expect(await app.inspector()).toBeUndefined();
    expect(app.said()).not.toContain('evaluated');
  });

  test.each([
    ['too late', false, /did not open within 0\.05 s/],
    ['too late for an end of obi', true, /obi stops/],
  ])('opens %s: closed all the same', async (_, isAborted, reason) => {
    const app = await start(binary, elsewhere(await freePort(), `run = () => { require('child_process').spawnSync('sleep', ['0.7']); console.log('slept'); }`));
    app.child.stdin?.write('!');
    const sleeps = () => readFileSync(`/proc/${app.target.pid}/task/${app.target.pid}/children`, 'utf8') !== '';
    while (!sleeps()) await delay(5);
    const abort = new AbortController();
    const times = isAborted ? { abandoned: 50, latePause: 20 } : { opening: 50, latePause: 20 };
    const result = injector(() => isAborted && abort.abort(new Error('obi stops')), times).evaluate(app.target, '1', abort.signal);
    await expect(result).rejects.toThrow(reason);
    expect(app.said()).not.toContain('slept');
    await app.until('slept');
    // The signal does not get lost: it would be open from now on.
    for (let n = 0; (await app.inspector()) !== undefined; n++) {
      expect(n).toBeLessThan(200);
      await delay(10);
    }
    await delay(100);
    expect(await app.inspector()).toBeUndefined();
  });
});
