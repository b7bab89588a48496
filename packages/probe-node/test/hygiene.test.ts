// SPDX-License-Identifier: Apache-2.0
/** The script leaves the application as it was: what it uses itself, what it prints, how it ends; and nothing of the script stays behind. */
import { describeNodeVersions } from '../../../tests/harness/node-versions.mjs';
import { injectedScript } from '../src/injected-script.js';
import { run, scriptFolder } from './support/run.js';

const NOISE = `
  const http = require('http'); const dc = require('diagnostics_channel'); const { AsyncLocalStorage } = require('async_hooks');
  const seen = { marks: [], channel: 0, stores: [] };
  const realKill = process._kill;
  process._kill = ((pid, signal) => { if (signal >>> 24 === 0x0b) { seen.marks.push([pid & 0x3fffffff, signal >> 20 & 15]); return -22; } return realKill(pid, signal); }).bind(null);
  const own = new AsyncLocalStorage();
  const listener = () => seen.channel++;
  dc.channel('http.server.request.start').subscribe(listener);
  const names = ['http.server.request.start', 'http2.server.stream.start', 'http.client.request.created', 'undici:request:create', 'undici:client:connected', 'undici:client:sendHeaders'];
  const state = () => ({
    channels: names.map((name) => dc.channel(name).hasSubscribers),
    methods: [http.Agent.prototype.addRequest, http.ClientRequest.prototype.onSocket].map((method) => method.name + method.length),
    listeners: process.eventNames().map(String),
    globals: [...Object.keys(globalThis), ...Object.getOwnPropertySymbols(globalThis).map(String)].filter((name) => !/undici/.test(name)),
  });
  const methods = [http.Agent.prototype.addRequest, http.ClientRequest.prototype.onSocket];
  const same = () => methods[0] === http.Agent.prototype.addRequest && methods[1] === http.ClientRequest.prototype.onSocket;
  const server = http.createServer((q, r) => own.run(q.url, async () => { await new Promise((ok) => setTimeout(ok, 5)); seen.stores.push(own.getStore() === q.url); r.end('x'); }));
  const ask = (path) => new Promise((ok, no) => http.get({ port: server.address().port, path, agent: false }, (r) => r.resume().on('end', ok)).on('error', no));
  const both = async (path) => { await ask(path); await (await fetch('http://127.0.0.1:' + server.address().port + path)).text(); };
`;

describeNodeVersions('', ({ binary }) => {
  const scripts = scriptFolder();
  afterAll(() => scripts[Symbol.dispose]());

  test('undone, nothing is left; what the application uses itself works before, with, and after it', async () => {
    const undo = scripts.file('undo', { undo: true });
    const { code, stdout, stderr } = await run(
      binary,
      `${NOISE}
      server.listen(0, '127.0.0.1', async () => {
        await both('/before'); const before = JSON.stringify(state()); const quiet = seen.marks.length;
        const result = inject();
        await both('/with'); const marked = seen.marks.length;
        const unlike = JSON.stringify(state()) !== before;
        inject(${JSON.stringify(undo)});
        const after = JSON.stringify(state());
        await both('/after');
        console.log(JSON.stringify({ result, quiet, marked, silent: seen.marks.length === marked, unlike, before, after, same: same(), stores: seen.stores, channel: seen.channel }));
        process.exitCode = 3; server.close(); setTimeout(() => process.exit(), 50);
      });`,
      scripts.file('first', {}),
    );
    const result = JSON.parse(stdout);
    expect(result).toMatchObject({ result: 'ok', quiet: 0, silent: true, unlike: true, same: true, stores: [true, true, true, true, true, true], channel: 6 });
    expect(result.after).toBe(result.before);
    // Two requests came in, two went out: one mark each.
    expect(result.marked).toBe(4);
    expect(stderr).toBe('');
    expect(code).toBe(3);
  });

  test('a second installation replaces the first, and goes on with its numbers', async () => {
    const second = scripts.file('second', {});
    const { stdout } = await run(
      binary,
      `${NOISE}
      server.listen(0, '127.0.0.1', async () => {
        inject(); await ask('/1'); inject(); await ask('/2'); inject(${JSON.stringify(second)}); await ask('/3');
        console.log(JSON.stringify(seen.marks.filter(([, operation]) => operation === 1).map(([scope]) => scope))); process.exit();
      });`,
      scripts.file('first', {}),
    );
    expect(JSON.parse(stdout)).toEqual([1, 2, 3]);
  });

  test('when obi is gone, it undoes itself at a later request', async () => {
    // A pid that nobody has: above the kernel's largest.
    const { stdout } = await run(
      binary,
      `${NOISE}
      server.listen(0, '127.0.0.1', async () => {
        inject(); await ask('/1'); const marked = seen.marks.length;
        setTimeout(async () => { await ask('/2'); console.log(JSON.stringify({ marked, later: seen.marks.length, same: same(), left: Symbol.for('obi.node') in globalThis })); process.exit(); }, 1100);
      });`,
      scripts.file('gone', { agent: 4194305 }),
    );
    expect(JSON.parse(stdout)).toEqual({ marked: 2, later: 2, same: true, left: false });
  });

  test.each([
    ['an unhandled rejection', 'setTimeout(() => Promise.reject(new Error("mine")), 20)'],
    [
      'an exception in a request handler',
      `http.createServer(() => { throw new Error('mine'); }).listen(0, function () { http.get({ port: this.address().port }).on('error', () => {}); })`,
    ],
    ['a warning', 'process.emitWarning("mine"); setTimeout(() => {}, 20)'],
  ])('%s ends as it does without the script', async (_, code) => {
    const body = (first: string) => `const http = require('http'); ${first} ${code};`;
    const [without, withScript] = await Promise.all([run(binary, body(''), ''), run(binary, body('inject();'), scripts.file('plain', {}))]);
    const essence = ({ code: exit, stderr }: { code: number | null; stderr: string }) => ({ exit, said: stderr.match(/(Error|Warning): mine/)?.[0] });
    expect(essence(withScript)).toEqual(essence(without));
    expect(essence(without).said).toBeDefined();
  });

  test('an application that has put its own function over kill is left alone', async () => {
    const { stdout } = await run(binary, 'process._kill = (pid, signal) => 0; console.log(inject());', scripts.file('patched', {}));
    expect(stdout.trim()).toBe('process._kill is not that of Node.js');
  });
});

test('is plain ASCII: older inspectors garble other texts on their way to worker threads', () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is what is meant
  expect(injectedScript({ run: 'x', agent: 1, workers: true })).toMatch(/^[\x00-\x7f]*$/);
});
