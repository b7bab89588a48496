// SPDX-License-Identifier: Apache-2.0
// probe-node and applications that say elsewhere where their inspector opens: reached all the same, refused where others could reach it too, closed in any case.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describeNodeVersions, NODE_VERSIONS } from '../harness/node-versions.mjs';
import { Obi } from '../harness/obi.mjs';
import type { Proc } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { heldBy, listed } from './support/bpf';

const probe = path.resolve(__dirname, '../../packages/probe-node');
const APP = `
  const state = () => ({ script: Symbol.for('obi.node') in globalThis, inspector: require('inspector').url() ?? 'closed' });
  const server = require('http').createServer((q, r) => r.end(JSON.stringify(state())));
  server.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port));`;

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-inspector' });
});
afterEach(() => sandbox.dispose());

interface App {
  readonly proc: Proc;
  readonly port: number;
}

async function start(name: string, binary: string, code: string, options: readonly string[] = []): Promise<App> {
  const proc = await sandbox.start(name, [binary, ...options, '-e', code + APP], { env: { OTEL_SERVICE_NAME: name } });
  const [, port] = await proc.line(/^listening (\d+)$/);
  return { proc, port: Number(port) };
}

const startObi = (apps: readonly App[], ready?: null) =>
  Obi.start(sandbox, { plugins: `http,${probe}`, ports: apps.map(({ port }) => port), env: { OTEL_EBPF_LOG_LEVEL: 'debug' }, ready });

const ask = async ({ port }: App): Promise<{ script: boolean; inspector: string }> =>
  JSON.parse(await sandbox.run('get', [process.execPath, path.resolve(__dirname, '../harness/get.mjs'), `http://127.0.0.1:${port}/`]));

const stderrOf = ({ proc }: App): string[] => proc.lines.filter(({ stream }) => stream === 'stderr').map(({ text }) => text);

describeNodeVersions('', ({ binary }) => {
  test('found where it opens, closed at once where it is not on the loopback', async () => {
    const moved = await start('moved', binary, 'process.debugPort = 9444;');
    const hidden = await start('hidden', binary, "process.title = 'mine';", ['--inspect-port=9555']);
    const outside = await start('outside', binary, "const i = require('inspector'); i.open(9666, '0.0.0.0'); i.close();");
    const apps = [moved, hidden, outside];
    const obi = await startObi(apps);
    const said = () =>
      obi.proc.lines.flatMap(({ text }) => text.match(/(follows requests inside \w+|cannot follow requests inside \w+: [^"]+)/)?.[0] ?? []).sort();
    await obi.proc.until('it said of all what came of them', () => said().length >= apps.length);

    expect(said()).toEqual([
      expect.stringContaining(
        'cannot follow requests inside outside: its inspector opened at 0.0.0.0 port 9666, not only on the loopback, and was closed at once',
      ),
      'follows requests inside hidden',
      'follows requests inside moved',
    ]);
    expect(await Promise.all(apps.map(ask))).toEqual([true, true, false].map((script) => ({ script, inspector: 'closed' })));
    expect(stderrOf(moved).filter((text) => text.startsWith('Debugger listening'))).toEqual([expect.stringContaining(':9444/')]);
    // The program that asks for signal handlers is not needed any more; the other one is.
    const names = () => listed('prog').flatMap(({ id, name }) => (heldBy(obi.proc.pid).prog.has(id) ? [name] : []));
    expect(names()).toContain('node_marker');
    expect(names()).not.toContain('node_handler');
    expect((await obi.stop()).code).toBe(0);
  }, 60_000);
});

describeNodeVersions(
  ', obi stops',
  ({ binary }) => {
    test('between the signal and the inspector: closed, and obi ends', async () => {
      const busy = await start('busy', binary, "setInterval(() => require('child_process').spawnSync('sleep', ['1']), 50);");
      // What Node.js wakes at the signal; the main thread opens the inspector, when it can.
      const task = `/proc/${busy.proc.pid}/task`;
      const thread = readdirSync(task).find((tid) => readFileSync(`${task}/${tid}/comm`, 'utf8') === 'SignalInspector\n');
      const wakes = () => readFileSync(`${task}/${thread}/status`, 'utf8').match(/^voluntary_ctxt_switches:\s*(\d+)/m)?.[1];
      const before = wakes();
      expect(before).toBeDefined();
      const obi = await startObi([busy], null);
      const end = Date.now() + 45_000;
      while (wakes() === before) {
        if (Date.now() > end) throw new Error('it was never signalled');
        await delay(1);
      }
      const opened = () => stderrOf(busy).filter((text) => text.startsWith('Debugger listening')).length;
      const openedBefore = opened();
      expect((await obi.stop()).code).toBe(0);
      expect({ openedBefore, openedThen: opened() }).toEqual({ openedBefore: 0, openedThen: 1 });
      expect(await ask(busy)).toEqual({ script: false, inspector: 'closed' });
    }, 60_000);
  },
  // Threads have names from there on.
  NODE_VERSIONS.filter((version) => Number.parseInt(version, 10) >= 24),
);
