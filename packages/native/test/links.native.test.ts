// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LoadedObject, MapHandle } from '@obi/core';
import { createKernel } from '../src/index.js';
import { type Child, child, compile, eventually, getpriority, image, kernelIds, kill, readU64, u32 } from './support.js';

const kernel = createKernel();
const { kprobes } = kernel.features();

function load(): LoadedObject {
  const opened = kernel.open('basic', image('basic'));
  if (!kprobes) opened.setAutoload('t_kprobe', false);
  opened.setGlobal('cfg_pid', u32(process.pid));
  return opened.load();
}

const counter = (map: MapHandle, key: number): number => readU64(map.lookup(u32(key))) ?? 0;

/** Path of this process's libc and the file offset of its getpriority. */
function getpriorityInLibc(): { path: string; offset: number } {
  const path = /\s(\/\S*\/libc\.so\.6)$/m.exec(readFileSync('/proc/self/maps', 'utf8'))?.[1];
  if (!path) throw new Error('this process has no libc.so.6');
  const symbols = execFileSync('readelf', ['-W', '--dyn-syms', path], { encoding: 'utf8' });
  const address = /:\s+([0-9a-f]+)\s+\d+ FUNC\s+\S+\s+\S+\s+\d+ getpriority@/.exec(symbols)?.[1];
  const segments = execFileSync('readelf', ['-W', '-l', path], { encoding: 'utf8' });
  const text = /LOAD\s+0x([0-9a-f]+) 0x([0-9a-f]+) \S+ \S+ \S+ R E/.exec(segments);
  if (!address || !text?.[1] || !text[2]) throw new Error(`no getpriority in ${path}`);
  return { path, offset: Number.parseInt(address, 16) - Number.parseInt(text[2], 16) + Number.parseInt(text[1], 16) };
}

/** A cgroup of our own below the cgroup2 mount, wherever that is. */
function makeCgroup(): string {
  const mount = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((line) => line.includes(' - cgroup2 '));
  if (!mount) throw new Error('cgroup2 is not mounted');
  const path = join(mount.split(' ')[4] ?? '', `obi-native-test-${process.pid}`);
  mkdirSync(path);
  return path;
}

/** Without the tracefs that the kernel itself mounts when somebody looks into a mounted debugfs. */
const mounts = (): string[] =>
  readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => !line.includes(' /sys/kernel/debug/tracing '));

describe('attaching', () => {
  let loaded: LoadedObject;
  let shared: MapHandle;
  const peers: Child<{ port: number }>[] = [];

  beforeEach(() => {
    loaded = load();
    shared = loaded.map('t_shared');
  });
  afterEach(async () => {
    loaded[Symbol.dispose]();
    for (const peer of peers.splice(0)) await kill(peer.process);
  });

  async function peer(): Promise<Child<{ port: number }>> {
    const started = await child<{ port: number }>('peer.mjs');
    peers.push(started);
    return started;
  }

  test('a tracepoint, with tracefs mounted or not', () => {
    const before = mounts();
    const link = loaded.attachTracepoint('t_tracepoint', 'syscalls', 'sys_enter_getpriority');
    getpriority(1);
    expect(counter(shared, 11)).toBe(1);
    expect(mounts()).toEqual(before);
    shared.delete(u32(11));
    link[Symbol.dispose]();
    getpriority(1);
    expect(counter(shared, 11)).toBe(0);
  });

  test('a tracepoint that does not exist', () => {
    expect(() => loaded.attachTracepoint('t_tracepoint', 'syscalls', 'sys_enter_nosuch')).toThrow(
      expect.objectContaining({
        stage: 'attach',
        code: 'ENOENT',
        message: expect.stringMatching(/^object basic: program t_tracepoint to tracepoint syscalls:sys_enter_nosuch: cannot attach/),
      }),
    );
  });

  // The first goes through perf on every kernel, the second only where there are no such links.
  test.each([
    ['t_uprobe', 12],
    ['t_uprobe_multi', 14],
  ])('uprobes and uretprobes of one process (%s): detached beside the caller, and for certain once their object is disposed', (program, key) => {
    const at = { ...getpriorityInLibc(), pid: process.pid };
    const own = load();
    const counts = own.map('t_shared');
    const links = Array.from({ length: 12 }, (_, hook) => own.attachUprobe(program, { ...at, return: hook % 2 === 1 }));
    getpriority(5);
    expect(counter(counts, key)).toBe(60);
    const from = performance.now();
    for (const link of links) link[Symbol.dispose]();
    for (const link of links) link[Symbol.dispose]();
    const disposed = performance.now();
    own[Symbol.dispose]();
    const detached = performance.now();
    expect(disposed - from).toBeLessThan((detached - disposed) / 2);
    getpriority(5);
    expect(counter(counts, key)).toBe(60);
  });

  test('a tp_btf program, to the target in its section name', () => {
    const link = loaded.attachTrace('t_trace');
    getpriority(1);
    expect(counter(shared, 13)).toBe(1);
    link[Symbol.dispose]();
    shared.delete(u32(13));
    getpriority(1);
    expect(counter(shared, 13)).toBe(0);
  });

  test('a kprobe: works, or says that this kernel has none', () => {
    if (kprobes) {
      using link = loaded.attachKprobe('t_kprobe', 'tcp_sendmsg');
      expect(link).toBeDefined();
    } else {
      const opened = kernel.open('basic', image('basic'));
      using everything = opened.load();
      expect(() => everything.attachKprobe('t_kprobe', 'tcp_sendmsg')).toThrow(
        expect.objectContaining({
          stage: 'attach',
          code: 'EOPNOTSUPP',
          message: 'object basic: program t_kprobe to kprobe tcp_sendmsg: this kernel has no kprobes: EOPNOTSUPP (Operation not supported)',
        }),
      );
    }
  });

  test('sock_ops on a cgroup sees its connections only', async () => {
    const cgroup = makeCgroup();
    try {
      const link = loaded.attachCgroup('t_ops', cgroup);
      const [inside, outside] = [await peer(), await peer()];
      writeFileSync(join(cgroup, 'cgroup.procs'), String(inside.process.pid));
      await outside.ask('connect');
      expect(counter(shared, 10)).toBe(0);
      await inside.ask('connect');
      expect(counter(shared, 10)).toBe(1);
      link[Symbol.dispose]();
      shared.delete(u32(10));
      await inside.ask('connect');
      expect(counter(shared, 10)).toBe(0);
      await kill(inside.process);
    } finally {
      await eventually('the cgroup is empty', () => {
        try {
          rmdirSync(cgroup);
          return true;
        } catch {
          return false;
        }
      });
    }
  });

  test('a cgroup that does not exist', () => {
    expect(() => loaded.attachCgroup('t_ops', '/sys/fs/cgroup/nosuch')).toThrow(expect.objectContaining({ stage: 'attach', code: 'ENOENT' }));
  });

  test('sk_msg on connections that were open before', async () => {
    const started = await peer();
    const pid = started.process.pid ?? 0;
    const sockets = loaded.map('t_sockets');
    await started.ask('connect');
    const link = loaded.attachSkMsg('t_msg', sockets);
    expect(kernel.adoptSockets(pid, sockets, [started.first.port])).toBe(1);
    expect(kernel.adoptSockets(pid, sockets, [started.first.port])).toBe(0);
    expect(sockets.keys()).toHaveLength(1);
    expect(await started.ask('write')).toEqual({ echo: 'hello' });
    expect(counter(shared, 9)).toBe(1);
    // Without its port excluded the accepted side counts too.
    expect(kernel.adoptSockets(pid, sockets, [])).toBe(1);
    expect(await started.ask('write')).toEqual({ echo: 'hello' });
    expect(counter(shared, 9)).toBe(3);
    // Disposing ends it for the sockets that are in already, too.
    link[Symbol.dispose]();
    expect(sockets.keys()).toEqual([]);
    expect(await started.ask('write')).toEqual({ echo: 'hello' });
    expect(counter(shared, 9)).toBe(3);
    using _again = loaded.attachSkMsg('t_msg', sockets);
    expect(kernel.adoptSockets(pid, sockets, [started.first.port])).toBe(1);
    expect(await started.ask('write')).toEqual({ echo: 'hello' });
    expect(counter(shared, 9)).toBe(4);
    for (const key of sockets.keys()) expect(sockets.delete(key)).toBe(true);
    expect(await started.ask('write')).toEqual({ echo: 'hello' });
    expect(counter(shared, 9)).toBe(4);
  });

  test('sk_msg that uses its own sockhash is refused: it would outlive us', () => {
    using cyclic = kernel.open('cycle', image('cycle')).load();
    expect(() => cyclic.attachSkMsg('t_cycle', cyclic.map('t_sockets'))).toThrow(
      expect.objectContaining({
        stage: 'attach',
        message: expect.stringMatching(/^object cycle: program t_cycle to sockhash t_sockets: the program uses that sockhash itself/),
      }),
    );
    using other = cyclic.attachSkMsg('t_cycle', loaded.map('t_sockets'));
    expect(other).toBeDefined();
  });

  test('adopting from nobody, or into a map that is no sockhash', () => {
    expect(() => kernel.adoptSockets(0x3fffff, loaded.map('t_sockets'), [])).toThrow(
      expect.objectContaining({ stage: 'inspect', code: 'ESRCH', message: 'process 4194303: cannot open it: ESRCH (No such process)' }),
    );
    expect(() => kernel.adoptSockets(process.pid, shared, [])).toThrow(/^map t_shared: adopting sockets needs a sockhash/);
  });

  test('a program that was not loaded, or has no such name', () => {
    expect(() => loaded.attachRawTracepoint('nosuch', 'sys_enter')).toThrow('object basic: it has no program named nosuch');
    const opened = kernel.open('basic', image('basic'));
    for (const program of opened.programs) opened.setAutoload(program.name, program.name === 't_enter');
    using partly = opened.load();
    expect(partly.programs.map((program) => program.name)).toEqual(['t_enter']);
    expect(() => partly.attachRawTracepoint('t_exit', 'sys_exit')).toThrow('object basic: program t_exit: was not loaded (autoload is off)');
    expect(() => partly.attachRawTracepoint('t_enter', 'nosuch')).toThrow(expect.objectContaining({ stage: 'attach', code: 'ENOENT' }));
  });
});

describe('nothing stays', () => {
  test('links hold programs after their object was disposed of; disposing them lets go', async () => {
    const loaded = load();
    const id = loaded.programs.find((program) => program.name === 't_enter')?.id ?? 0;
    const link = loaded.attachRawTracepoint('t_enter', 'sys_enter');
    loaded[Symbol.dispose]();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(kernelIds('prog').has(id)).toBe(true);
    link[Symbol.dispose]();
    await eventually('the program is gone', () => !kernelIds('prog').has(id));
  });

  test.each(['SIGKILL', 'SIGTERM'] as const)('%s of a process that holds one of everything', async (signal) => {
    const cgroup = makeCgroup();
    const { path, offset } = getpriorityInLibc();
    // A living application, whose connection the holder watches when it dies.
    const application = await child<{ port: number }>('peer.mjs');
    await application.ask('connect');
    try {
      const where = [compile('basic'), cgroup, path, String(offset), String(application.process.pid), String(application.first.port)];
      const holder = await child<{ adopted: number; programs: number[]; maps: number[] }>('holder.mjs', where);
      const { adopted, programs, maps } = holder.first;
      expect(adopted).toBe(1);
      expect(await application.ask('write')).toEqual({ echo: 'hello' });
      const held = kernelIds('prog');
      expect(programs.length).toBeGreaterThanOrEqual(8);
      expect(programs.filter((id) => !held.has(id))).toEqual([]);
      await kill(holder.process, signal);
      await eventually('programs and maps are gone', () => {
        const [programsNow, mapsNow] = [kernelIds('prog'), kernelIds('map')];
        return !programs.some((id) => programsNow.has(id)) && !maps.some((id) => mapsNow.has(id));
      });
      expect(await application.ask('write')).toEqual({ echo: 'hello' });
    } finally {
      await kill(application.process);
      rmdirSync(cgroup);
    }
  });
});
