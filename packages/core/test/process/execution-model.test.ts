// SPDX-License-Identifier: Apache-2.0
import { TraitReader } from '../../src/process/execution-model';
import { ProcDirectory } from '../../src/process/proc-directory';
import { elfWithSections, FakeProc, type FakeProcess } from './fake-proc';

const EPOLL = 'anon_inode:[eventpoll]';
const ASYNCIO = '/usr/lib/python3.11/lib-dynload/_asyncio.cpython-311-x86_64-linux-gnu.so';

let proc: FakeProc;
beforeEach(() => {
  proc = new FakeProc();
});
afterEach(() => proc.dispose());

function traitsOf(process: FakeProcess & { readonly exe: string }, options = {}) {
  proc.set(10, process);
  const procFs = new ProcDirectory(proc.root);
  return new TraitReader(procFs, options).read({ pid: 10, exe: process.exe, cmdline: process.args ?? [process.exe] });
}

test.each<[string, FakeProcess & { readonly exe: string }]>([
  ['node', { exe: '/usr/bin/node' }],
  ['a packaged Node program', { exe: '/opt/tool', threads: ['tool', 'libuv-worker'] }],
  ['HAProxy', { exe: '/usr/sbin/haproxy' }],
  ['Erlang', { exe: '/usr/lib/erlang/erts/bin/beam.smp' }],
  ['dotnet', { exe: '/usr/share/dotnet/dotnet', args: ['dotnet', 'a.dll'] }],
  ['a started .NET app', { exe: '/opt/shop', maps: ['/usr/share/dotnet/shared/8.0/libcoreclr.so'] }],
  ['a single-file .NET app', { exe: '/opt/shop', threads: ['shop', '.NET TP Worker'] }],
  ['tokio', { exe: '/opt/rusty', threads: ['rusty', 'tokio-runtime-w'] }],
  ['newer tokio', { exe: '/opt/rusty', threads: ['rusty', 'tokio-rt-worker'] }],
  ['uvicorn', { exe: '/usr/bin/python3.11', args: ['python3', '-m', 'uvicorn', 'a:b'] }],
  ['gunicorn with uvicorn workers', { exe: '/usr/bin/python3.11', args: ['python3', '/usr/bin/gunicorn', '-k', 'uvicorn.workers.UvicornWorker', 'a:b'] }],
  ['gunicorn with gevent', { exe: '/usr/bin/python3', args: ['python3', '/usr/bin/gunicorn', '-k', 'gevent', 'a:b'] }],
  ['uvloop in a plain script', { exe: '/usr/bin/python3', args: ['python3', 'a.py'], maps: ['/usr/lib/python3/dist-packages/uvloop/loop.cpython-311.so'] }],
  ['a running asyncio loop', { exe: '/usr/bin/python3', args: ['python3', 'a.py'], maps: [ASYNCIO], openFiles: ['/dev/null', EPOLL] }],
  ['Vert.x', { exe: '/usr/bin/java', threads: ['java', 'vert.x-eventloo'] }],
])('%s is multiplexed', (_name, process) => {
  expect(traitsOf(process).executionModel).toBe('multiplexed');
});

test('nginx is a proxy', () => {
  expect(traitsOf({ exe: '/usr/sbin/nginx' }).executionModel).toBe('proxy');
  expect(traitsOf({ exe: '/usr/sbin/nginx' }, { multiplexed: ['nginx'] }).executionModel).toBe('multiplexed');
});

test.each<[string, FakeProcess & { readonly exe: string }]>([
  ['a threaded Python server', { exe: '/usr/bin/python3', args: ['python3', 'gateway.py'] }],
  ['synchronous Django, which imports asyncio', { exe: '/usr/bin/python3', args: ['python3', 'manage.py'], maps: [ASYNCIO] }],
  ['Java', { exe: '/usr/bin/java', args: ['java', '-jar', 'a.jar'], threads: ['java', 'http-nio-8080-e'] }],
  ['Ruby', { exe: '/usr/bin/ruby3.1', args: ['ruby', 'a.rb'] }],
  ['C with epoll', { exe: '/opt/cserver', openFiles: [EPOLL] }],
])('%s has a thread per request', (_name, process) => {
  expect(traitsOf(process).executionModel).toBe('threads');
});

test.each([['.go.buildinfo'], ['.note.go.buildid']])('Go by its ELF section %s', (section) => {
  const exe = proc.write('files/gw', elfWithSections(['.text', section, '.data']));
  expect(traitsOf({ exe })).toEqual({ executionModel: 'multiplexed', fionreadSafe: true, language: 'go', runtime: 'go' });
});

test('C and broken ELF files are not Go', () => {
  const whole = elfWithSections(['.text', '.go.buildinfo']);
  const hugeOffset = Buffer.from(whole);
  hugeOffset.writeBigUInt64LE(0xffff_ffff_ffff_ffffn, 0x28);
  const contents = {
    plain: elfWithSections(['.text']),
    text: Buffer.from('#!/bin/sh'),
    cut: whole.subarray(0, 100),
    empty: Buffer.alloc(0),
    hugeOffset,
    bits32: Buffer.from(whole).fill(1, 4, 5),
  };
  for (const [name, content] of Object.entries(contents))
    expect([name, traitsOf({ exe: proc.write(`files/${name}`, content) }).language]).toEqual([name, undefined]);
});

test('a .NET app that just began is told by the file beside it', () => {
  const exe = '/opt/shop/Shop';
  proc.write('10/root/opt/shop/Shop.runtimeconfig.json', '{}');
  const procFs = new ProcDirectory(proc.root);
  const traits = new TraitReader(procFs).read({ pid: 10, exe, cmdline: [exe] });
  expect(traits).toMatchObject({ executionModel: 'multiplexed', language: 'dotnet' });
});

test.each([
  ['/usr/bin/node', 'nodejs', 'nodejs', true],
  ['/usr/bin/python3.12', 'python', 'cpython', true],
  ['/usr/bin/pypy3', 'python', 'pypy', false],
  ['/usr/bin/ruby3.1', 'ruby', undefined, true],
  ['/usr/bin/java', 'java', undefined, false],
  ['/usr/sbin/php-fpm8.2', 'php', undefined, false],
  ['/usr/sbin/nginx', undefined, undefined, false],
])('%s: language %s, runtime %s, FIONREAD safe %s', (exe, language, runtime, fionreadSafe) => {
  expect(traitsOf({ exe })).toMatchObject({ language, runtime, fionreadSafe });
});

test('the configuration extends and overrides', () => {
  expect(traitsOf({ exe: '/opt/evloop' }, { multiplexed: ['evloop'] }).executionModel).toBe('multiplexed');
  expect(traitsOf({ exe: '/usr/bin/node' }, { threaded: ['*/node'] }).executionModel).toBe('threads');
  expect(traitsOf({ exe: '/opt/mine' }, { fionreadSafe: ['mine'] }).fionreadSafe).toBe(true);
  expect(traitsOf({ exe: '/usr/bin/node' }, { fionreadSafe: ['mine'] }).fionreadSafe).toBe(false);
});

test('a process that is gone is neither', () => {
  const traits = new TraitReader(new ProcDirectory(proc.root)).read({ pid: 404, exe: '/opt/gone', cmdline: [] });
  expect(traits).toEqual({ executionModel: 'threads', fionreadSafe: false, language: undefined, runtime: undefined });
});
