// SPDX-License-Identifier: Apache-2.0
jest.mock('node:fs', () => {
  const fs = jest.requireActual<typeof import('node:fs')>('node:fs');
  return { ...fs, readlinkSync: jest.fn(fs.readlinkSync) };
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlinkSync, realpathSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { TraitReader } from '../../src/process/execution-model';
import { listeningPorts } from '../../src/process/listening-ports';
import { ProcDirectory } from '../../src/process/proc-directory';
import { ProcessTable } from '../../src/process/process-table';
import { SelectionRules } from '../../src/process/selection-rules';
import { ServiceResources } from '../../src/process/service-resource';
import type { TracedProcess } from '../../src/process/traced-process';
import { FakeProc } from './fake-proc';

const readlink = readlinkSync as unknown as jest.Mock;

describe('a tree of files', () => {
  let proc: FakeProc;
  beforeEach(() => {
    proc = new FakeProc();
  });
  afterEach(() => proc.dispose());

  test('reads what proc(5) says', () => {
    const startTime = proc.set(10, {
      parent: 3,
      state: 'R',
      exe: '/opt/a b (deleted)',
      args: ['a', '', 'c d'],
      env: { A: '1=2', EMPTY: '' },
      cgroup: '/x/y',
      threads: ['one', 'two'],
      maps: ['/lib/with space.so'],
    });
    const procFs = new ProcDirectory(proc.root);
    expect(procFs.pids()).toEqual([10]);
    expect(procFs.stat(10)).toEqual({ parentPid: 3, state: 'R', startTime });
    expect(procFs.executable(10)).toBe('/opt/a b');
    expect(procFs.commandLine(10)).toEqual(['a', '', 'c d']);
    expect([...procFs.environment(10)]).toEqual([
      ['A', '1=2'],
      ['EMPTY', ''],
    ]);
    expect(procFs.cgroup(10)).toBe('/x/y');
    expect(procFs.threadNames(10)).toEqual(['one', 'two']);
    expect(procFs.mappedFiles(10)).toEqual(['/usr/bin/app', '/lib/with space.so']);
  });

  test.each([
    ['another user’s process', 'EACCES', 0x0040_0000, true],
    ['a kernel thread', 'EACCES', 0x0020_8040, false],
    ['a process without rights to be asked for', 'ENOENT', 0, false],
  ])('%s: %s', (_what, code, flags, expected) => {
    proc.set(10, { exe: undefined, flags });
    readlink.mockImplementationOnce(() => {
      throw Object.assign(new Error(code), { code });
    });
    expect(new ProcDirectory(proc.root).isUnreadable(10)).toBe(expected);
    expect(readlink).toHaveBeenLastCalledWith(`${proc.root}/10/exe`);
  });

  test('what is readable, or gone, is not unreadable', () => {
    proc.set(10, {});
    const procFs = new ProcDirectory(proc.root);
    expect([procFs.isUnreadable(10), procFs.isUnreadable(11)]).toEqual([false, false]);
  });

  test('has nothing to say of a process that is not there', () => {
    const procFs = new ProcDirectory(proc.root);
    expect([procFs.stat(9), procFs.executable(9), procFs.openExecutable(9), procFs.cgroup(9), procFs.networkNamespace(9)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect([procFs.commandLine(9), procFs.threadNames(9), procFs.mappedFiles(9), procFs.openFiles(9)]).toEqual([[], [], [], []]);
    expect([procFs.environment(9).size, procFs.listeningSockets(9).size, procFs.fileExists(9, '/x')]).toEqual([0, 0, false]);
  });
});

describe('the real /proc', () => {
  test('shows this very process, and a table over it selects it by its port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const { port } = server.address() as AddressInfo;
      const procFs = new ProcDirectory();
      expect(procFs.executable(process.pid)).toBe(realpathSync(process.execPath));
      expect(procFs.stat(process.pid)).toMatchObject({ parentPid: process.ppid });
      expect(procFs.pids()).toEqual(expect.arrayContaining([1, process.pid]));
      expect(procFs.environment(process.pid).get('PATH')).toBeDefined();
      expect(listeningPorts(procFs, process.pid)).toContain(port);

      const selected: TracedProcess[] = [];
      const table = new ProcessTable({
        procFs,
        rules: new SelectionRules({ instrument: [{ open_ports: String(port), name: 'jest-run' }], exclude: [] }),
        traits: new TraitReader(procFs),
        resources: await ServiceResources.create({ version: '1' }),
        listener: { selected: (traced) => selected.push(traced), deselected: () => undefined },
        ownPid: 0,
      });
      table.scan();
      expect(selected.map(({ pid, executionModel, fionreadSafe }) => ({ pid, executionModel, fionreadSafe }))).toContainEqual({
        pid: process.pid,
        executionModel: 'multiplexed',
        fionreadSafe: true,
      });
      expect(table.resource(process.pid)?.attributes).toMatchObject({
        'service.name': 'jest-run',
        'telemetry.sdk.language': 'nodejs',
        'process.pid': process.pid,
      });
      expect(table.serverPorts(process.pid)).toContain(port);
    } finally {
      server.close();
    }
  });

  test('a child that runs and ends', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const pid = child.pid ?? -1;
    const procFs = new ProcDirectory();
    expect(procFs.commandLine(pid)).toEqual(['sleep', '60']);
    expect(procFs.stat(pid)?.parentPid).toBe(process.pid);
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(procFs.stat(pid)).toBeUndefined();
    expect(procFs.executable(pid)).toBeUndefined();
  });
});
