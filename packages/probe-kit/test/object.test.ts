// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type BpfObject, readBpfObject } from '../src/object/bpf-object.js';
import { HELPER_NAMES } from '../src/object/helper-names.js';
import { programTypeOfSection } from '../src/object/section-types.js';
import { describeWith, Workshop } from './support/clang.js';

const workshop = new Workshop();
afterAll(() => workshop.dispose());

test.each([
  ['raw_tp/sys_enter', 'raw_tracepoint'],
  ['raw_tracepoint.w/x', 'raw_tracepoint'],
  ['kprobe/tcp_sendmsg', 'kprobe'],
  ['kretprobe/tcp_sendmsg', 'kprobe'],
  ['kprobe', 'kprobe'],
  ['uprobe//usr/lib/libssl.so:SSL_read', 'uprobe'],
  ['usdt', 'uprobe'],
  ['tp/syscalls/sys_enter_read', 'tracepoint'],
  ['tp_btf/sched_switch', 'tracing'],
  ['fentry.s/do_unlinkat', 'tracing'],
  ['iter/tcp', 'iter'],
  ['?sk_msg', 'sk_msg'],
  ['sockops', 'sock_ops'],
  ['cgroup/connect4', 'cgroup_sock_addr'],
  ['cgroup/skb', 'other'],
  ['tpx', 'other'],
])('section %s is of type %s', (section, type) => expect(programTypeOfSection(section)).toBe(type));

test('helper numbers are those of the kernel', () => {
  expect([1, 14, 25, 130, 181].map((id) => HELPER_NAMES[id])).toEqual([
    'map_lookup_elem',
    'get_current_pid_tgid',
    'perf_event_output',
    'ringbuf_output',
    'loop',
  ]);
});

describeWith('clang')('an object', () => {
  let path = '';
  let object: BpfObject;
  beforeAll(() => {
    path = workshop.fixture('sample.bpf.c');
    object = readBpfObject(readFileSync(path), path);
  });

  test('tells its programs with all helpers and maps of the functions they call', () => {
    expect(object.programs).toEqual([
      {
        name: 'sample_enter_e',
        section: 'raw_tp/sys_enter',
        type: 'raw_tracepoint',
        helpers: ['get_current_pid_tgid', 'map_lookup_elem'],
        maps: ['sample_inflight'],
      },
      { name: 'sample_second', section: 'raw_tp/sys_enter', type: 'raw_tracepoint', helpers: ['get_prandom_u32'], maps: [] },
      { name: 'sample_send_e', section: 'kprobe/tcp_sendmsg', type: 'kprobe', helpers: ['ktime_get_ns', 'ringbuf_output'], maps: ['sample_events'] },
      { name: 'sample_msg', section: 'sk_msg', type: 'sk_msg', helpers: ['get_prandom_u32', 'loop'], maps: [] },
    ]);
  });

  test('tells its maps, licence and ABI', () => {
    expect([...object.maps].sort((a, b) => (a.name < b.name ? -1 : 1))).toEqual([
      { name: 'sample_events', type: 27, keySize: 0, valueSize: 0, maxEntries: 65536 },
      { name: 'sample_inflight', type: 1, keySize: 8, valueSize: 112, maxEntries: 1024 },
      { name: 'sample_slots', type: 3, keySize: 4, valueSize: 4, maxEntries: 16 },
    ]);
    expect(object.licence).toBe('Dual BSD/GPL');
    expect(object.abi).toBe(2);
  });

  describeWith('llvm-readelf')('llvm-readelf as the oracle', () => {
    test('programs are the functions of its symbol table outside .text', () => {
      type Dump = Record<string, { Symbols: { Symbol: { Name: { Value: string }; Type: { Value: string }; Section: { Value: string } } }[] }>;
      const [dump] = JSON.parse(execFileSync('llvm-readelf', ['--elf-output-style=JSON', '--symbols', path], { encoding: 'utf8' })) as [Dump];
      const functions = Object.values(dump)[0]
        ?.Symbols.map(({ Symbol: symbol }) => symbol)
        .filter(({ Type, Section }) => Type.Value === 'Function' && Section.Value !== '.text');
      expect(functions?.map(({ Name }) => Name.Value).sort()).toEqual(object.programs.map(({ name }) => name).sort());
    });
  });

  test('without debug information is refused with the cure', () => {
    execFileSync('llvm-objcopy', ['--remove-section', '.BTF', '--remove-section', '.rel.BTF', path, `${path}.bare`]);
    expect(() => readBpfObject(readFileSync(`${path}.bare`), 'bare.bpf.o')).toThrow('bare.bpf.o: no .BTF section: compile with -g');
  });

  test('that was cut short is refused', () => {
    expect(() => readBpfObject(readFileSync(path).subarray(0, 4_000), 'cut.bpf.o')).toThrow(/^cut\.bpf\.o: /);
  });
});
