// SPDX-License-Identifier: Apache-2.0
// Attaches one of everything and waits to be killed. Arguments: object, cgroup, path of libc, offset of a function in it, process and port whose sockets it adopts.
import { readFileSync } from 'node:fs';
import { createKernel } from '../../dist/index.js';

const [object, cgroup, libc, offset, pid, port] = process.argv.slice(2);
const kernel = createKernel();
const opened = kernel.open('basic', readFileSync(object));
if (!kernel.features().kprobes) opened.setAutoload('t_kprobe', false);
opened.setGlobal('cfg_pid', new Uint8Array(new Uint32Array([process.pid]).buffer));
const loaded = opened.load();
loaded.attachRawTracepoint('t_enter', 'sys_enter');
loaded.attachTracepoint('t_tracepoint', 'syscalls', 'sys_enter_getpriority');
loaded.attachUprobe('t_uprobe', { path: libc, offset: Number(offset), pid: process.pid });
loaded.attachTrace('t_trace');
loaded.attachCgroup('t_ops', cgroup);
const sockets = loaded.map('t_sockets');
loaded.attachSkMsg('t_msg', sockets);
loaded.fillSlot('t_slot', loaded.map('t_slots'), 0);
kernel.ringReader(loaded.map('t_events'), { batchBytes: 4096, coalesceMs: 1 }, () => {}).start();
const adopted = kernel.adoptSockets(Number(pid), sockets, [Number(port)]);
const programs = loaded.programs.map((program) => program.id);
const maps = ['t_events', 't_shared', 't_percpu', 't_lru', 't_sockets', 't_storage', 't_slots'].map((name) => loaded.map(name).id);
console.log(JSON.stringify({ adopted, programs, maps }));
