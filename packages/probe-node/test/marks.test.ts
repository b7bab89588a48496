// SPDX-License-Identifier: Apache-2.0
/** Marks through Node's own function over kill(2): it runs its exit hooks before a signal to 0, -1 or the process itself, so no mark may name one of these. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeNodeVersions } from '../../../tests/harness/node-versions.mjs';
import { run, scriptFolder } from './support/run.js';

/** What an exit hook of Node.js writes: the profile, and the coverage. */
const COMPLETE = ['CPU.cpuprofile', 'coverage.json'];

describeNodeVersions('', ({ binary }) => {
  const scripts = scriptFolder();
  const folder = mkdtempSync(join(tmpdir(), 'obi-node-marks-'));
  afterAll(() => {
    scripts[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });
  const written = (place: string) => [...new Set(readdirSync(place).map((name) => name.replace(/[.-].*(?=\.)/, '')))].sort();

  test.each([
    ['without a cause', '0', "await ask('/')"],
    ['into a scope whose number is its own pid', 'process.pid - 1', "await raw('/')"],
  ])('a request %s: exit hooks run when the process ends, not before', async (name, number, code) => {
    const place = mkdtempSync(join(folder, 'out-'));
    const { stdout, stderr } = await run(
      binary,
      `const http = require('http');
      const written = () => require('fs').readdirSync(${JSON.stringify(place)});
      globalThis[Symbol.for('obi.node')] = { number: ${number}, undo() {} };
      const server = http.createServer((q, r) => r.end());
      const ask = (path) => new Promise((ok, no) => http.get({ port: server.address().port, path, agent: false }, (r) => r.resume().on('end', ok)).on('error', no));
      const raw = (path) => new Promise((ok) => require('net').connect(server.address().port).on('close', ok).resume().write('GET ' + path + ' HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n'));
      server.listen(0, '127.0.0.1', async () => {
        const result = inject();
        ${code};
        const number = globalThis[Symbol.for('obi.node')].number;
        server.close();
        console.log(JSON.stringify({ result, requests: number - (${number}), written: written() }));
      });`,
      scripts.file(name.replaceAll(' ', '-'), {}),
      ['--cpu-prof', `--cpu-prof-dir=${place}`],
      { NODE_V8_COVERAGE: place },
    );
    expect(JSON.parse(stdout)).toEqual({ result: 'ok', requests: 1, written: [] });
    expect(stderr).toBe('');
    // They do run: a hook that never writes would prove nothing.
    expect(written(place)).toEqual(COMPLETE);
  });

  test('names no process, whatever the number: it begins again before it would', async () => {
    const { stdout } = await run(
      binary,
      `const http = require('http');
      const pids = [];
      process._kill = ((pid, signal) => { if (signal >>> 24 === 0x0b) pids.push(pid); return -22; }).bind(null);
      globalThis[Symbol.for('obi.node')] = { number: 0x3ffffffe, undo() {} };
      const server = http.createServer((q, r) => r.end());
      server.listen(0, '127.0.0.1', async () => {
        inject();
        for (let n = 0; n < 3; n++) await new Promise((ok) => http.get({ port: server.address().port, agent: false }, (r) => r.resume().on('end', ok)));
        console.log(JSON.stringify(pids)); process.exit();
      });`,
      scripts.file('wrap', {}),
    );
    const pids = JSON.parse(stdout) as number[];
    // By pairs: the outgoing one without a cause, the incoming one.
    expect(pids.map((pid) => pid.toString(16))).toEqual(['40000000', '7fffffff', '40000000', '40000001', '40000000', '40000002']);
    // The largest pid_max there is.
    expect(Math.min(...pids)).toBeGreaterThan(4_194_304);
    expect(Math.max(...pids)).toBeLessThan(2 ** 31);
  });
});
