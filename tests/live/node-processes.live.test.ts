// SPDX-License-Identifier: Apache-2.0
// probe-node and processes that must not be touched, or are hard to reach: each unharmed, each reported right; no port left open, no signal to a handler of its own.
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describeNodeVersions, installedNodeVersions } from '../harness/node-versions.mjs';
import { Obi } from '../harness/obi.mjs';
import type { Proc } from '../harness/proc.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { which } from '../harness/services.mjs';

const probe = path.resolve(__dirname, '../../packages/probe-node');

/** Listens; says each SIGUSR1 that reaches it, and whether the script is there. */
const APP = `
  const server = require('http').createServer((q, r) => r.end(JSON.stringify({ script: Symbol.for('obi.node') in globalThis })));
  server.listen(0, '127.0.0.1', () => console.log('listening ' + server.address().port));`;
const OWN_HANDLER = `process.on('SIGUSR1', () => console.log('mine'));`;

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-node' });
});
afterEach(() => sandbox.dispose());

interface App {
  readonly proc: Proc;
  readonly port: number;
}

async function start(name: string, command: string[], env: Record<string, string> = {}): Promise<App> {
  const proc = await sandbox.start(name, command, { env: { OTEL_SERVICE_NAME: name, ...env } });
  const [, port] = await proc.line(/^listening (\d+)$/);
  return { proc, port: Number(port) };
}

/** Starts obi for these, and waits until it has said what came of each. */
async function judged(apps: readonly App[], env: Record<string, string> = {}): Promise<{ obi: Obi; said: Record<string, string> }> {
  const obi = await Obi.start(sandbox, {
    plugins: `http,${probe}`,
    ports: apps.map(({ port }) => port),
    env: { OTEL_EBPF_LOG_FORMAT: 'json', OTEL_EBPF_LOG_LEVEL: 'debug', ...env },
  });
  const said: Record<string, string> = {};
  await obi.proc.until(`it said of ${apps.length} processes what came of them`, () => {
    for (const { text } of obi.proc.lines) {
      const match = text.match(/"message":"(?:(follows) requests inside ([^"]+)|cannot follow requests inside ([^:]+): ([^"]+))"/);
      if (match) said[match[2] ?? match[3] ?? ''] = match[4] ?? 'follows';
    }
    return Object.keys(said).length >= apps.length;
  });
  return { obi, said };
}

const ask = async ({ port }: App): Promise<{ script: boolean }> =>
  JSON.parse(await sandbox.run('get', [process.execPath, path.resolve(__dirname, '../harness/get.mjs'), `http://127.0.0.1:${port}/`]));

const listening = (pid: number): string[] =>
  readFileSync(`/proc/${pid}/net/tcp`, 'utf8')
    .split('\n')
    .filter((line) => / 0A /.test(line))
    .map((line) => String(Number.parseInt(line.trim().split(/\s+/)[1]?.split(':')[1] ?? '', 16)));

const stderrOf = ({ proc }: App): string[] => proc.lines.filter(({ stream }) => stream === 'stderr').map(({ text }) => text);

describeNodeVersions('', ({ binary, version }) => {
  test('is not signalled where somebody else would get the signal, and says why; others beside it are served', async () => {
    const plain = await start('plain', [binary, '-e', APP]);
    const second = await start('second', [binary, '-e', APP]);
    const own = await start('own', [binary, '-e', OWN_HANDLER + APP]);
    const removed = await start('removed', [binary, '-e', `const f = () => {}; process.on('SIGUSR1', f); process.off('SIGUSR1', f);${APP}`]);
    const inspected = await start('inspected', [binary, '--inspect=127.0.0.1:9333', '-e', APP]);
    const stopped = await start('stopped', [binary, '-e', APP]);
    stopped.proc.child.kill('SIGSTOP');
    const apps = [plain, second, own, removed, inspected, stopped];
    const { obi, said } = await judged(apps);

    expect(said).toEqual({
      plain: 'follows',
      second: 'follows',
      own: expect.stringContaining('the application handles SIGUSR1 itself'),
      removed: expect.stringContaining('it opens no inspector at SIGUSR1'),
      inspected: expect.stringContaining('--inspect'),
      stopped: expect.stringContaining('it is stopped'),
    });
    stopped.proc.child.kill('SIGCONT');
    expect(await Promise.all(apps.map(ask))).toEqual([true, true, false, false, false, false].map((script) => ({ script })));
    // Only what the applications listen on themselves.
    expect(listening(plain.proc.pid).sort()).toEqual([...apps.map(({ port }) => String(port)), '9333'].sort());
    expect(stderrOf(own)).toEqual([]);
    expect(own.proc.lines.map(({ text }) => text)).not.toContain('mine');
    await obi.stop();
    // It goes on to be the application's signal.
    own.proc.child.kill('SIGUSR1');
    await own.proc.line(/^mine$/);
    expect(apps.map(({ proc }) => proc.running)).toEqual(apps.map(() => true));
  }, 90_000);

  test('in another pid, mount and network namespace: reached, and undone when obi ends', async () => {
    // In its own namespaces: a listener that obi selects by its program, since ports are another world's.
    const code = `${APP} setInterval(() => { const is = Symbol.for('obi.node') in globalThis; if (is !== globalThis.was) console.log('script ' + is); globalThis.was = is; }, 20);`;
    const inner = `mount -t proc proc /proc && ip link set lo up && exec "$@"`;
    const proc = await sandbox.start(
      'far',
      ['unshare', '--pid', '--fork', '--kill-child', '--mount', '--net', '--', 'sh', '-c', inner, 'sh', binary, '-e', code],
      { env: { OTEL_SERVICE_NAME: 'far' } },
    );
    await proc.line(/^script false$/);
    const obi = await Obi.start(sandbox, {
      plugins: `http,${probe}`,
      env: { OTEL_EBPF_AUTO_TARGET_EXE: '*/node-versions/*/bin/node', OTEL_EBPF_LOG_LEVEL: 'debug' },
    });
    await obi.proc.line(/(follows|cannot follow) requests inside.*/);
    expect(obi.proc.lines.filter(({ text }) => /cannot follow/.test(text)).map(({ text }) => text)).toEqual([]);
    await proc.line(/^script true$/);
    await obi.stop();
    const last = () => proc.lines.filter(({ text }) => text.startsWith('script')).at(-1)?.text;
    await proc.until('the script was gone', () => last() === 'script false', 5);
    expect(proc.running).toBe(true);
    await proc.stop('SIGKILL'); // unshare(1) hands on no other signal
  }, 90_000);

  test('ends while it is reached: reported, and obi goes on', async () => {
    const brief = await start('brief', [binary, '-e', `${APP} setInterval(() => { if (require('inspector').url()) process.exit(5); }, 0);`]);
    const other = await start('other', [binary, '-e', APP]);
    const obi = await Obi.start(sandbox, { plugins: `http,${probe}`, ports: [brief.port, other.port], env: { OTEL_EBPF_LOG_LEVEL: 'debug' } });
    await obi.proc.line(/follows requests inside other/);
    expect((await brief.proc.exited).code).toBe(5);
    expect(await ask(other)).toEqual({ script: true });
    expect((await obi.stop()).code).toBe(0);
  }, 60_000);

  if (/^2[46]/.test(version)) {
    test('started with --disable-sigusr1 or without permissions: left alone', async () => {
      const disabled = await start('disabled', [binary, '--disable-sigusr1', '-e', APP]);
      const restricted = await start('restricted', [binary, '--permission', ...(version.startsWith('26') ? ['--allow-net'] : []), '-e', APP]);
      const { obi, said } = await judged([disabled, restricted]);
      const reason = expect.stringMatching(/it opens no inspector at SIGUSR1|--disable-sigusr1|--permission/);
      expect(said).toEqual({ disabled: reason, restricted: reason });
      await obi.stop();
      expect([disabled, restricted].map(({ proc }) => proc.running)).toEqual([true, true]);
    }, 60_000);
  }
});

const newest = installedNodeVersions().at(-1);
(newest ? describe : describe.skip)('any version', () => {
  const binary = newest?.binary ?? '';

  test('what is only called node is not signalled', async () => {
    const python = which('/usr/bin/python3', 'python3');
    if (!python) throw new Error('python3 is needed to stand for another program');
    const folder = mkdtempSync(path.join(os.tmpdir(), 'obi-not-node-'));
    try {
      const impostor = path.join(folder, 'node');
      copyFileSync(python, impostor);
      const code = `import http.server, sys, os\ns = http.server.HTTPServer(('127.0.0.1', 0), http.server.BaseHTTPRequestHandler)\nprint('listening', s.server_address[1], flush=True)\ns.serve_forever()`;
      const home = { PYTHONHOME: '/usr' };
      const { obi, said } = await judged([await start('impostor', [impostor, '-c', code], home)]);
      expect(said).toEqual({ impostor: expect.stringContaining('is not Node.js') });
      await obi.stop();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);

  test('port of the inspector taken by somebody else: not signalled, its neighbour not spoken to', async () => {
    const taker = await sandbox.start('taker', [
      binary,
      '-e',
      `require('net').createServer((s) => { console.log('somebody came'); s.destroy(); }).listen(9229, '127.0.0.1', () => console.log('listening 9229'));`,
    ]);
    await taker.line(/^listening/);
    const app = await start('app', [binary, '-e', APP]);
    const { obi, said } = await judged([app]);
    expect(said).toEqual({ app: expect.stringContaining('in use by another process') });
    expect(taker.lines.map(({ text }) => text)).toEqual(['listening 9229']);
    expect(stderrOf(app)).toEqual([]);
    await obi.stop();
  }, 60_000);

  test('switched off: no process is touched', async () => {
    const app = await start('app', [binary, '-e', APP]);
    const obi = await Obi.start(sandbox, {
      plugins: `http,${probe}`,
      ports: [app.port],
      env: { OTEL_EBPF_NODEJS_ENABLED: 'false', OTEL_EBPF_LOG_LEVEL: 'debug' },
    });
    await ask(app);
    await obi.waitForSpans(1);
    expect(await ask(app)).toEqual({ script: false });
    expect(stderrOf(app)).toEqual([]);
    expect(obi.proc.lines.filter(({ text }) => /follow requests|follows requests/.test(text))).toEqual([]);
    await obi.stop();
  }, 60_000);

  test('obi killed: the script goes at a later request, nothing is printed for it', async () => {
    const app = await start('app', [binary, '-e', APP]);
    const { obi } = await judged([app]);
    const printed = stderrOf(app).length;
    expect(await ask(app)).toEqual({ script: true });
    await obi.stop('SIGKILL');
    // It looks once a second, at a request.
    await app.proc.until('the script was gone', async () => !(await ask(app)).script, 10);
    expect(stderrOf(app)).toHaveLength(printed);
  }, 60_000);
});
