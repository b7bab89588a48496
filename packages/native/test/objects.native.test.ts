// SPDX-License-Identifier: Apache-2.0
import { createKernel } from '../src/index.js';
import { compile, eventually, getpriority, image, kernelIds, readU64, runChild, SYS_GETPRIORITY, u32, u64 } from './support.js';

const kernel = createKernel();

function openBasic() {
  const opened = kernel.open('basic', image('basic'));
  if (!kernel.features().kprobes) opened.setAutoload('t_kprobe', false);
  return opened;
}

function failure(work: () => unknown): { message: string; stage: string; errno: number; code: string; verifierLog?: string } {
  try {
    work();
  } catch (error) {
    return error as ReturnType<typeof failure>;
  }
  throw new Error('should have thrown');
}

describe('an opened object', () => {
  test('tells its programs and maps', () => {
    const opened = openBasic();
    const types = Object.fromEntries(opened.programs.map((program) => [program.name, program.type]));
    expect(types).toEqual({
      t_enter: 'raw_tracepoint',
      t_exit: 'raw_tracepoint',
      t_slot: 'raw_tracepoint',
      t_msg: 'sk_msg',
      t_ops: 'sock_ops',
      t_tracepoint: 'tracepoint',
      t_trace: 'tracing',
      t_uprobe: 'uprobe',
      t_uprobe_multi: 'uprobe',
      t_kprobe: 'kprobe',
      t_filter: 'other',
    });
    expect(opened.programs.find((program) => program.name === 't_enter')?.section).toBe('raw_tp/sys_enter');
    expect(opened.maps.find((map) => map.name === 't_shared')).toEqual({ name: 't_shared', type: 1, keySize: 4, valueSize: 8, maxEntries: 64 });
    opened.setMaxEntries('t_shared', 128);
    expect(opened.maps.find((map) => map.name === 't_shared')?.maxEntries).toBe(128);
  });

  test('finds globals of rodata, data and bss by name', () => {
    const opened = openBasic();
    expect(['cfg_pid', 'cfg_syscall', 'start_value', 'seen', 't_events', 'LICENSE', 'nosuch'].map((name) => opened.hasGlobal(name))).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(Buffer.from(opened.getGlobal('start_value'))).toEqual(Buffer.from(u32(7)));
    expect(Buffer.from(opened.getGlobal('cfg_syscall'))).toEqual(Buffer.alloc(8, 0xff));
    opened.setGlobal('seen', u64(5));
    opened.setGlobal('cfg_pid', u32(1));
    expect(readU64(opened.getGlobal('seen'))).toBe(5);
    expect(Buffer.from(opened.getGlobal('cfg_syscall'))).toEqual(Buffer.alloc(8, 0xff));
    expect(failure(() => opened.setGlobal('cfg_pid', u64(1)))).toMatchObject({
      stage: 'open',
      errno: 0,
      code: 'ERR_OPEN',
      message: 'object basic: global variable cfg_pid: has 4 bytes, got 8',
    });
    expect(failure(() => opened.getGlobal('nosuch')).message).toBe('object basic: it has no global variable named nosuch');
  });

  test('is refused when it is no object', () => {
    expect(failure(() => kernel.open('junk', Buffer.alloc(200, 'x')))).toMatchObject({
      stage: 'open',
      message: expect.stringMatching(/^object junk: cannot open it/),
    });
  });

  test('is consumed by load', () => {
    const opened = openBasic();
    const loaded = opened.load();
    loaded[Symbol.dispose]();
    expect(failure(() => opened.load()).message).toBe('object basic: load() consumed it');
  });
});

describe('a loaded object', () => {
  test('reports ids and instruction counts, and is gone after disposal', async () => {
    const loaded = openBasic().load();
    const ids = loaded.programs.map((program) => program.id);
    const map = loaded.map('t_lru');
    const mapId = loaded.map('t_percpu').id;
    expect(loaded.programs.map((program) => program.name)).not.toContain(kernel.features().kprobes ? '' : 't_kprobe');
    for (const program of loaded.programs) expect(program.verifiedInsns).toBeGreaterThan(1);
    expect(ids.every((id) => kernelIds('prog').has(id))).toBe(true);
    expect(kernelIds('map').has(mapId)).toBe(true);
    loaded[Symbol.dispose]();
    loaded[Symbol.dispose]();
    await eventually('programs and the percpu map are gone', () => !ids.some((id) => kernelIds('prog').has(id)) && !kernelIds('map').has(mapId));
    // A handle keeps its map.
    map.update(u64(1), u64(2));
    expect(readU64(map.lookup(u64(1)))).toBe(2);
    expect(failure(() => loaded.map('t_lru')).message).toBe('object basic: was disposed of');
  });

  test('runs programs on given data', () => {
    using loaded = openBasic().load();
    const packet = new Uint8Array(64);
    packet[15] = 41;
    // The kernel strips the 14-byte Ethernet header before a socket filter sees the packet.
    expect(loaded.testRun('t_filter', { data: packet }).returnValue).toBe(42);
    expect(Buffer.from(loaded.testRun('t_filter', { data: packet }).data)).toEqual(Buffer.from(packet));
    expect(failure(() => loaded.testRun('nosuch', {})).message).toBe('object basic: it has no program named nosuch');
  });

  test('refused by the verifier: stage, errno, program, reason and log', () => {
    const error = failure(() => kernel.open('refused', image('refused')).load());
    expect(error).toMatchObject({ stage: 'load', errno: 13, code: 'EACCES' });
    expect(error.message).toBe(
      "object refused: program t_unchecked: the kernel refused it (R0 invalid mem access 'map_value_or_null'): EACCES (Permission denied)",
    );
    expect(error.verifierLog).toMatch(/R0 invalid mem access 'map_value_or_null'\nprocessed \d+ insns/);
    expect(error.verifierLog?.length).toBeLessThanOrEqual(4096);
  });

  test('libbpf prints nothing', async () => {
    const { code, stdout, stderr } = await runChild('refused.mjs', [compile('refused')]);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'EACCES\n', stderr: '' });
  });
});

describe('maps', () => {
  test('reuse: one map, two objects', async () => {
    const first = openBasic().load();
    const shared = first.map('t_shared');
    const other = kernel.open('other', image('other'));
    other.reuseMap('t_shared', shared);
    other.setMaxEntries('t_lru', 16);
    using second = other.load();
    expect(second.map('t_shared').id).toBe(shared.id);
    first[Symbol.dispose]();
    second.testRun('t_write', { data: new Uint8Array(64) });
    expect(readU64(shared.lookup(u32(77)))).toBe(78);
  });

  test('reuse of another layout is refused, both named', () => {
    using loaded = openBasic().load();
    const error = failure(() => kernel.open('other', image('other')).reuseMap('t_lru', loaded.map('t_lru')));
    expect(error.stage).toBe('open');
    expect(error.message).toBe(
      'object other: map t_lru: the object was compiled against another layout: it has type 9, key 8 bytes, value 4 bytes, the existing map t_lru has type 9, key 8 bytes, value 8 bytes',
    );
    expect(failure(() => kernel.open('other', image('other')).reuseMap('t_shared', loaded.map('t_lru'))).message).toMatch(
      /it has type 1, key 4 bytes.*has type 9, key 8 bytes/,
    );
  });

  test('lookup, update with flags, delete, keys', () => {
    using loaded = openBasic().load();
    const map = loaded.map('t_shared');
    expect(map.info).toEqual({ name: 't_shared', type: 1, keySize: 4, valueSize: 8, maxEntries: 64 });
    expect(map.lookup(u32(1))).toBeUndefined();
    map.update(u32(1), u64(10), 1);
    expect(failure(() => map.update(u32(1), u64(11), 1))).toMatchObject({
      stage: 'map',
      errno: 17,
      code: 'EEXIST',
      message: 'map t_shared: update failed: EEXIST (File exists)',
    });
    expect(failure(() => map.update(u32(2), u64(11), 2)).code).toBe('ENOENT');
    map.update(u32(2), u64(20));
    expect(
      map
        .keys()
        .map((key) => Buffer.from(key).readUInt32LE())
        .sort(),
    ).toEqual([1, 2]);
    expect(map.delete(u32(1))).toBe(true);
    expect(map.delete(u32(1))).toBe(false);
    expect(map.keys()).toHaveLength(1);
    expect(failure(() => map.lookup(u64(1))).message).toBe('map t_shared: key has 8 bytes, must have 4');
  });

  test('entries: each once, more of them than one call of the kernel reads', () => {
    const opened = openBasic();
    opened.setMaxEntries('t_shared', 10_000);
    using loaded = opened.load();
    const map = loaded.map('t_shared');
    expect([...map.entries()]).toEqual([]);
    for (let entry = 0; entry < 10_000; entry++) map.update(u32(entry), u64(entry * 3));
    const read = [...map.entries()].map(([key, value]) => [key.readUInt32LE(), Number(value.readBigUInt64LE())]);
    expect(read.sort(([a = 0], [b = 0]) => a - b)).toEqual(Array.from({ length: 10_000 }, (_, entry) => [entry, entry * 3]));
  });

  test('entries of an LRU table, and of maps that are not read so', () => {
    using loaded = openBasic().load();
    const lru = loaded.map('t_lru');
    lru.update(u64(7), u64(70));
    expect([...lru.entries()]).toEqual([[Buffer.from(u64(7)), Buffer.from(u64(70))]]);
    expect(failure(() => loaded.map('t_percpu').entries())).toMatchObject({
      stage: 'map',
      message: 'map t_percpu: only hash tables and arrays are read as a whole (type 6, key 4 bytes, value 4 bytes)',
    });
  });

  test('runs that the kernel skipped are counted by program', () => {
    using loaded = kernel.open('missed', image('missed')).load();
    expect(loaded.missedRuns()).toEqual({});
    using _link = loaded.attachTracepoint('t_missed', 'kmem', 'kmalloc');
    const map = loaded.map('t_growing');
    // The map's system calls keep tracing programs of perf from running on their CPU, and this map takes memory in them.
    for (let entry = 0; entry < 20_000; entry++) map.update(u32(entry), u64(entry));
    const [major = 0, minor = 0] = kernel.features().release.split('.').map(Number);
    const isCounted = major > 6 || (major === 6 && minor >= 7);
    expect(loaded.missedRuns()).toEqual(isCounted ? { t_missed: expect.any(Number) } : {});
  });

  test('per-CPU values', () => {
    using loaded = openBasic().load();
    const map = loaded.map('t_percpu');
    map.update(u32(0), u32(5));
    const values = map.lookupPerCpu(u32(0)) ?? [];
    expect(values.length).toBeGreaterThanOrEqual(1);
    expect(values.map((value) => Buffer.from(value).readUInt32LE())).toEqual(values.map(() => 5));
    expect(failure(() => map.lookup(u32(0))).message).toMatch(/use lookupPerCpu/);
    expect(failure(() => loaded.map('t_lru').lookupPerCpu(u64(0))).message).toMatch(/use lookup$/);
  });

  test('a program in a slot is tail-called', () => {
    const opened = openBasic();
    opened.setGlobal('cfg_pid', u32(process.pid));
    opened.setGlobal('cfg_syscall', u64(SYS_GETPRIORITY));
    using loaded = opened.load();
    loaded.fillSlot('t_slot', loaded.map('t_slots'), 0);
    using _link = loaded.attachRawTracepoint('t_exit', 'sys_exit');
    getpriority(1);
    expect(readU64(loaded.map('t_lru').lookup(u64(1)))).toBe(42);
    // sk_msg does not fit an array that raw_tracepoint programs use.
    expect(failure(() => loaded.fillSlot('t_msg', loaded.map('t_slots'), 1))).toMatchObject({
      stage: 'map',
      code: 'EINVAL',
      message: expect.stringMatching(/^object basic: program t_msg: cannot fill slot 1/),
    });
  });
});
