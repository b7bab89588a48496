// SPDX-License-Identifier: Apache-2.0
import { rmSync } from 'node:fs';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { TraitReader } from '../../src/process/execution-model';
import { ProcDirectory } from '../../src/process/proc-directory';
import { ProcessTable, type ProcessTableOptions } from '../../src/process/process-table';
import { type SelectionConfig, SelectionRules } from '../../src/process/selection-rules';
import { ServiceResources } from '../../src/process/service-resource';
import { FakeProc, type FakeProcess } from './fake-proc';
import { UnreadableProc } from './unreadable-proc';

const OBI = 500;
const PYTHON: FakeProcess = { exe: '/usr/bin/python3', args: ['python3', 'gateway.py'] };

let proc: FakeProc;
let resources: ServiceResources;
/** What the listener was told: `+pid name` and `-pid reason`. */
let told: string[];
beforeEach(async () => {
  proc = new FakeProc();
  told = [];
  resources = await ServiceResources.create({ version: '1' }, resourceFromAttributes({ 'host.name': 'h' }));
});
afterEach(() => proc.dispose());

function table(config: Partial<SelectionConfig>, options: Partial<ProcessTableOptions> = {}): ProcessTable {
  const procFs = new ProcDirectory(proc.root);
  const listener: ProcessTableOptions['listener'] = {
    selected: ({ pid, resource }) => told.push(`+${pid} ${resource.attributes['service.name']}`),
    deselected: (pid, reason) => told.push(`-${pid} ${reason}`),
  };
  const rules = new SelectionRules({ instrument: [], exclude: [], ...config });
  return new ProcessTable({ procFs, rules, traits: new TraitReader(procFs), resources, listener, ownPid: OBI, ...options });
}
const news = () => told.splice(0);
const ALL_PYTHON = { instrument: [{ exe_path: '*/python3' }] };

describe('advice after the first scan', () => {
  test('names each rule that selects no process, and what it looked for', () => {
    proc.set(10, { ...PYTHON, listens: [8080] });
    const instrument = [
      { exe_path: '*/python3', open_ports: '8080' },
      { exe_path: '*/jav', open_ports: '9090-9091' },
      { target_pids: [77] },
      { cmd_args: '*x*' },
    ];
    const processes = table({ instrument });
    processes.scan();
    expect(processes.advice).toBe(
      'selection: no process that runs now is traced because of exe_path "*/jav" and open_ports 9090-9091 (discovery.instrument[1]); target_pids 77 (discovery.instrument[2]); cmd_args "*x*" (discovery.instrument[3]); processes that match are traced as soon as they appear',
    );
  });

  test('is silent when every rule selects something', () => {
    proc.set(10, PYTHON);
    const processes = table(ALL_PYTHON);
    processes.scan();
    expect(processes.advice).toBeUndefined();
  });

  test('names the cgroup when it keeps processes out, or is empty', () => {
    proc.set(10, { ...PYTHON, cgroup: '/other' });
    const some = table({ ...ALL_PYTHON, cgroup: '/shop' });
    some.scan();
    expect(some.advice).toMatch(/in cgroup \/shop is traced because of exe_path "\*\/python3"/);
    const all = table({ cgroup: '/shop' });
    all.scan();
    expect(all.advice).toMatch(/no process to trace runs now in cgroup \/shop/);
    const other = table({ cgroup: '/other' });
    other.scan();
    expect(other.advice).toBeUndefined();
  });
});

describe('processes that may not be looked at', () => {
  let procFs: UnreadableProc;
  beforeEach(() => {
    procFs = new UnreadableProc(proc.root);
  });
  const tellingTable = (config: Partial<SelectionConfig>) => {
    const listener: ProcessTableOptions['listener'] = {
      selected: ({ pid }) => told.push(`+${pid}`),
      deselected: (pid, reason) => told.push(`-${pid} ${reason}`),
      unreadable: (pids) => told.push(`?${pids.join(',')}`),
    };
    return table(config, { procFs, listener });
  };
  const hide = (pid: number, process: FakeProcess) => {
    proc.set(pid, process);
    procFs.unreadable.add(pid);
  };

  test('are told once, by those that the rules may want', () => {
    hide(10, { cgroup: '/shop' });
    hide(11, { cgroup: '/shop/a' });
    hide(12, { cgroup: '/other' });
    hide(13, { cgroup: '/shop', state: 'Z' });
    proc.set(14, { cgroup: '/shop' });
    const processes = tellingTable({ cgroup: '/shop' });
    processes.scan();
    expect(news()).toEqual(['+14', '?10,11']);
    hide(15, { cgroup: '/shop' });
    processes.onExec(15);
    processes.scan();
    expect(news()).toEqual([]);
  });

  test.each([
    ['a wanted pid', { instrument: [{ target_pids: [10] }] }, ['?10']],
    ['a wanted command', { instrument: [{ cmd_args: 'shop *' }] }, ['?10,11']],
    ['another command', { instrument: [{ cmd_args: 'bakery *', exe_path: '*' }] }, []],
    ['an executable, which cannot be seen', { instrument: [{ exe_path: '*/shop' }] }, ['?10,11']],
    ['a port, which cannot be seen', { instrument: [{ open_ports: '80' }] }, ['?10,11']],
    ['a command that is excluded', { instrument: [{ open_ports: '80' }], exclude: [{ cmd_args: '*a' }] }, ['?11']],
    ['an exclusion by what cannot be seen', { instrument: [{ open_ports: '80' }], exclude: [{ cmd_args: '*a', exe_path: '*/x' }] }, ['?10,11']],
    ['no rule and no cgroup', {}, []],
  ])('rules that name %s', (_what, config, expected) => {
    hide(10, { args: ['shop', 'a'] });
    hide(11, { args: ['shop', 'b'] });
    tellingTable(config).scan();
    expect(news()).toEqual(expected);
  });

  test('the child of a traced process is wanted like its parent', () => {
    proc.set(10, PYTHON);
    hide(11, { parent: 10, args: ['sudo'] });
    hide(12, { parent: 1, args: ['sudo'] });
    tellingTable({ instrument: [{ exe_path: '*/python3', cmd_args: 'python3 *' }] }).scan();
    expect(news()).toEqual(['+10', '?11']);
  });

  test.each<[string, (processes: ProcessTable) => void]>([
    ['an exec', (processes) => processes.onExec(10)],
    ['a listen', (processes) => processes.onListen(10, 80)],
  ])('the first that comes after the start is told at %s', (_what, event) => {
    const processes = tellingTable({ cgroup: '/shop' });
    processes.scan();
    expect(processes.advice).toMatch(/no process to trace runs now/);
    hide(10, { cgroup: '/shop' });
    event(processes);
    expect(news()).toEqual(['?10']);
  });

  test('the advice does not say then that nothing runs', () => {
    hide(10, { cgroup: '/shop' });
    const all = tellingTable({ cgroup: '/shop' });
    all.scan();
    expect(all.advice).toBeUndefined();
    const some = tellingTable({ cgroup: '/shop', instrument: [{ exe_path: '*/x' }] });
    some.scan();
    expect(some.advice).toBe('selection: no process that can be looked at in cgroup /shop is traced because of exe_path "*/x" (discovery.instrument[0])');
  });
});

describe('scan', () => {
  test('selects what matches, with all that is known of it', () => {
    const startTime = proc.set(10, { ...PYTHON, env: { OTEL_SERVICE_NAME: 'gw' } });
    proc.set(11, { exe: '/usr/bin/vi' });
    proc.set(12, { exe: undefined });
    proc.set(13, { ...PYTHON, state: 'Z' });
    const processes = table(ALL_PYTHON);
    processes.scan();
    expect(news()).toEqual(['+10 gw']);
    expect(processes.get(10)).toMatchObject({
      pid: 10,
      startTime,
      exe: '/usr/bin/python3',
      cmdline: ['python3', 'gateway.py'],
      executionModel: 'threads',
      fionreadSafe: true,
    });
    expect(processes.resource(10)?.attributes['process.pid']).toBe(10);
    expect(processes.resource(11)).toBeUndefined();
  });

  test('finds open ports in the network namespace of each process', () => {
    proc.set(10, { ...PYTHON, listens: [8080] });
    proc.set(11, { ...PYTHON, listens: [9090] });
    proc.set(12, { ...PYTHON, listens: [8080], netns: 'net:[2]' });
    proc.set(13, { ...PYTHON, openFiles: ['socket:[77777]'] });
    const processes = table({ instrument: [{ open_ports: '8000-8999' }] });
    processes.scan();
    expect(news()).toEqual(['+10 gateway', '+12 gateway']);
    expect(processes.serverPorts(10)).toEqual([8080]);
    expect(processes.serverPorts(11)).toEqual([]);
  });

  test('only members of the cgroup and of those below it', () => {
    proc.set(10, { ...PYTHON, cgroup: '/shop' });
    proc.set(11, { ...PYTHON, cgroup: '/shop/a/b' });
    proc.set(12, { ...PYTHON, cgroup: '/shopping' });
    table({ cgroup: '/shop' }).scan();
    expect(news()).toEqual(['+10 gateway', '+11 gateway']);
  });

  test('children of selected processes are selected under their name, whatever the order of pids', () => {
    proc.set(30, { ...PYTHON, env: { OTEL_SERVICE_NAME: 'gw' } });
    proc.set(20, { exe: '/usr/bin/curl', parent: 30 });
    proc.set(10, { exe: '/usr/bin/helper', parent: 20 });
    table(ALL_PYTHON).scan();
    expect(news()).toEqual(['+30 gw', '+20 gw', '+10 gw']);
  });

  test('once more, after lost events: finds what was missed, drops what ended', () => {
    proc.set(10, PYTHON);
    const processes = table(ALL_PYTHON);
    processes.scan();
    news();
    processes.scan();
    expect(news()).toEqual([]);
    proc.remove(10);
    proc.set(11, PYTHON);
    processes.scan();
    expect(news()).toEqual(['+11 gateway', '-10 exit']);
  });
});

describe('a process that ends while it is looked at', () => {
  /** `end` happens when the kernel is told: just before or after its own hook of the exit, which then has nothing to tell. */
  const endingTable = (end: () => void) => {
    const listener: ProcessTableOptions['listener'] = {
      selected: ({ pid }) => {
        told.push(`+${pid}`);
        end();
      },
      deselected: (pid, reason) => told.push(`-${pid} ${reason}`),
    };
    return table(ALL_PYTHON, { listener });
  };

  test.each<[string, () => void]>([
    ['is gone', () => proc.remove(10)],
    ['is a zombie', () => proc.set(10, { ...PYTHON, startTime: 5, state: 'Z' })],
    ['has left its pid to another', () => proc.set(10, { ...PYTHON, startTime: 6 })],
  ])('%s: it does not stay in the table', (_what, end) => {
    proc.set(10, { ...PYTHON, startTime: 5 });
    const processes = endingTable(end);
    processes.onExec(10);
    expect(news()).toEqual(['+10', '-10 exit']);
    expect(processes.size).toBe(0);
    expect(processes.resource(10)?.attributes['process.pid']).toBe(10); // its spans may still come
  });

  test('who only looks is not counted as a span that was not written', () => {
    proc.set(10, PYTHON);
    const processes = table(ALL_PYTHON);
    processes.scan();
    proc.remove(10);
    processes.refresh(10);
    expect([10, 11].map((pid) => processes.look(pid)?.attributes['process.pid'])).toEqual([10, undefined]);
    expect(processes.unknown).toBe(0);
    processes.resource(11);
    expect(processes.unknown).toBe(1);
  });

  test('its first thread only: it stays', () => {
    proc.set(10, { ...PYTHON, startTime: 5 });
    const processes = endingTable(() => proc.set(10, { ...PYTHON, startTime: 5, state: 'Z', threads: ['a', 'b'] }));
    processes.onExec(10);
    expect(news()).toEqual(['+10']);
  });

  test('a look a while later finds what ended unseen', () => {
    proc.set(10, PYTHON);
    const processes = table(ALL_PYTHON);
    processes.scan();
    proc.remove(10);
    processes.refresh(10);
    expect(news()).toEqual(['+10 gateway', '-10 exit']);
  });
});

describe('exec', () => {
  test('selects a new program, and drops a process that runs another one', () => {
    const processes = table(ALL_PYTHON);
    const startTime = proc.set(10, PYTHON);
    processes.onExec(10);
    proc.set(10, { exe: '/usr/bin/vi', startTime });
    processes.onExec(10);
    processes.onExec(10);
    expect(news()).toEqual(['+10 gateway', '-10 rules']);
    expect(processes.resource(10)).toBeUndefined();
  });

  test('tells about a changed program under the same resource id', () => {
    const processes = table({ instrument: [{ exe_path: '*' }] });
    const startTime = proc.set(10, { exe: '/bin/sh', args: ['sh', '-c', 'exec node x.js'] });
    processes.onExec(10);
    const before = processes.resource(10);
    proc.set(10, { exe: '/usr/bin/node', args: ['node', 'x.js'], startTime });
    processes.onExec(10);
    expect(news()).toEqual(['+10 sh', '+10 x']);
    expect(processes.get(10)?.executionModel).toBe('multiplexed');
    expect(processes.resource(10)?.id).toBe(before?.id);
    expect(before?.attributes['service.name']).toBe('sh');
  });

  test('a program that multiplexes is not one any longer after an exec', () => {
    const processes = table({ instrument: [{ exe_path: '*' }] });
    const startTime = proc.set(10, { exe: '/usr/bin/node', args: ['node', 'x.js'] });
    processes.onExec(10);
    proc.set(10, { ...PYTHON, startTime });
    processes.onExec(10);
    expect(processes.get(10)?.executionModel).toBe('threads');
  });
});

describe('exec of the same program again', () => {
  test('is told, though nothing that can be read has changed', () => {
    const processes = table(ALL_PYTHON);
    proc.set(10, PYTHON);
    processes.onExec(10);
    const before = processes.get(10);
    processes.onExec(10);
    processes.onExec(10);
    expect(news()).toEqual(['+10 gateway', '+10 gateway', '+10 gateway']);
    expect(processes.get(10)).toEqual({ ...before, execs: 2 });
    expect(processes.resource(10)).toBe(before?.resource);
  });

  test('a look at a process is none', () => {
    const processes = table(ALL_PYTHON);
    proc.set(10, { ...PYTHON, listens: [80] });
    processes.scan();
    processes.onExec(10);
    news();
    processes.scan();
    processes.refresh(10);
    processes.onListen(10, 80);
    expect(news()).toEqual([]);
    expect(processes.get(10)?.execs).toBe(1);
  });

  test('in another process of that number is counted anew, and a child does not have its parent’s', () => {
    const processes = table(ALL_PYTHON);
    proc.set(10, PYTHON);
    processes.scan();
    processes.onExec(10);
    proc.set(11, { ...PYTHON, parent: 10 });
    processes.onFork(10, 11);
    expect(processes.get(11)?.execs).toBe(0);
    proc.set(10, PYTHON);
    processes.onExec(10);
    expect(processes.get(10)?.execs).toBe(0);
  });
});

describe('fork', () => {
  test('a worker keeps the identity of its parent, as an instance of its own', () => {
    proc.set(10, { ...PYTHON, listens: [8080], env: { OTEL_RESOURCE_ATTRIBUTES: 'team=a' } });
    const processes = table({ instrument: [{ open_ports: '8080', name: 'gw', namespace: 'shop' }] });
    processes.scan();
    proc.set(11, { ...PYTHON, parent: 10 });
    processes.onFork(10, 11);
    expect(news()).toEqual(['+10 gw', '+11 gw']);
    expect(processes.resource(11)?.attributes).toMatchObject({ team: 'a', 'service.namespace': 'shop', 'process.pid': 11, 'service.instance.id': 'h:11' });
    expect(processes.resource(11)?.id).not.toBe(processes.resource(10)?.id);
    expect(processes.serverPorts(11)).toEqual([8080]);
  });

  test('an executed child keeps the name, unless it has one of its own, a rule selects it, or one excludes it', () => {
    proc.set(10, PYTHON);
    const processes = table({
      instrument: [
        { exe_path: '*/python3', name: 'gw' },
        { exe_path: '*/node', name: 'leaf' },
      ],
      exclude: [{ exe_path: '*/secret' }],
    });
    processes.scan();
    const child = (pid: number, program: FakeProcess) => {
      const startTime = proc.set(pid, { ...PYTHON, parent: 10 });
      processes.onFork(10, pid);
      proc.set(pid, { ...program, parent: 10, startTime });
      processes.onExec(pid);
    };
    news();
    child(11, { exe: '/usr/bin/curl' });
    child(12, { exe: '/usr/bin/curl', env: { OTEL_SERVICE_NAME: 'own' } });
    child(13, { exe: '/usr/bin/node', args: ['node', 'x.js'] });
    child(14, { exe: '/usr/bin/secret' });
    expect(news()).toEqual(['+11 gw', '+11 gw', '+12 gw', '+12 own', '+13 gw', '+13 leaf', '+14 gw', '-14 rules']);
    expect(processes.get(11)).toMatchObject({ exe: '/usr/bin/curl', fionreadSafe: false });
    processes.onExit(10);
    processes.refresh(11);
    expect(processes.resource(11)?.attributes['service.name']).toBe('gw');
  });

  test('an exec without the fork event (it was lost) is still a child', () => {
    proc.set(10, PYTHON);
    const processes = table(ALL_PYTHON);
    processes.scan();
    proc.set(11, { exe: '/usr/bin/curl', parent: 10 });
    processes.onExec(11);
    expect(news()).toEqual(['+10 gateway', '+11 gateway']);
  });

  test('of a process that is not traced is nothing', () => {
    const processes = table(ALL_PYTHON);
    proc.set(9, { exe: '/bin/sh' });
    proc.set(11, { exe: '/bin/sh', parent: 9 });
    processes.onFork(9, 11);
    processes.onFork(9, 404);
    expect(news()).toEqual([]);
    expect(processes.resource(404)).toBeUndefined();
  });

  test('a child that ended before its fork was told still has a resource for its spans, as its parent was', () => {
    proc.set(10, { ...PYTHON, env: { OTEL_RESOURCE_ATTRIBUTES: 'team=a' } });
    const processes = table({ instrument: [{ exe_path: '*/python3', name: 'gw', namespace: 'shop' }] });
    processes.scan();
    news();
    const parent = processes.resource(10);
    processes.onFork(10, 11);
    proc.set(12, { ...PYTHON, parent: 10, state: 'Z' });
    processes.onFork(10, 12);
    processes.onExit(11);
    processes.onExit(12);
    expect(news()).toEqual([]);
    expect(processes.size).toBe(1);
    for (const pid of [11, 12]) {
      expect(processes.resource(pid)?.attributes).toEqual({ ...parent?.attributes, 'process.pid': pid, 'service.instance.id': `h:${pid}` });
      expect(processes.resource(pid)?.id).not.toBe(parent?.id);
    }
    expect(processes.resource(11)?.id).not.toBe(processes.resource(12)?.id);

    proc.set(11, { exe: '/usr/bin/vi' });
    processes.onFork(1, 11);
    expect(processes.resource(11)).toBeUndefined();
  });

  test('a program that ended before its exec was told is described by its file, where a rule selects it', () => {
    const processes = table({ cgroup: '/shop', exclude: [{ exe_path: '*/otelcol' }] });
    processes.scan();
    processes.onExec(11, '/usr/bin/curl');
    processes.onExec(12, '/usr/bin/otelcol');
    proc.set(10, { ...PYTHON, cgroup: '/shop' });
    processes.onExec(10, '/usr/bin/python3');
    proc.set(13, { ...PYTHON, parent: 10, cgroup: '/shop' });
    processes.onFork(10, 13);
    proc.remove(13);
    processes.onExec(13, '/usr/bin/wget');
    expect(news()).toEqual(['+10 gateway', '+13 gateway', '-13 exit']);
    expect(processes.resource(11)?.attributes).toMatchObject({ 'service.name': 'curl', 'process.pid': 11, 'process.executable.path': '/usr/bin/curl' });
    expect(processes.resource(12)).toBeUndefined();
    expect(processes.resource(13)?.attributes['service.name']).toBe('wget');
  });

  test('a child whose pid is used again at once is the new one', () => {
    proc.set(10, PYTHON);
    const processes = table(ALL_PYTHON);
    processes.scan();
    processes.onFork(10, 11);
    const gone = processes.resource(11);
    proc.set(11, { ...PYTHON, parent: 10 });
    processes.onFork(10, 11);
    expect(processes.get(11)?.resource).toBe(processes.resource(11));
    expect(processes.resource(11)?.id).not.toBe(gone?.id);
  });
});

describe('exit and pids used again', () => {
  test('the resource is still there for the last spans, until the pid is somebody else', () => {
    proc.set(10, PYTHON);
    const processes = table(ALL_PYTHON);
    processes.scan();
    const resource = processes.resource(10);
    proc.remove(10);
    processes.onExit(10);
    processes.onExit(10);
    expect(news()).toEqual(['+10 gateway', '-10 exit']);
    expect(processes.resource(10)).toBe(resource);
    expect(processes.size).toBe(0);
    processes.onFork(1, 10);
    expect(processes.resource(10)).toBeUndefined();
  });

  test('without the exit event the start time, or a fork, shows that the pid has a new owner', () => {
    proc.set(10, { ...PYTHON, env: { OTEL_SERVICE_NAME: 'old' } });
    const processes = table(ALL_PYTHON);
    processes.scan();
    proc.set(10, { ...PYTHON, env: { OTEL_SERVICE_NAME: 'new' } });
    processes.onListen(10, 80);
    expect(news()).toEqual(['+10 old', '-10 replaced', '+10 new']);
    processes.onFork(1, 10);
    expect(news()).toEqual(['-10 replaced']);
  });

  test('ids of ended processes come back, but not soon', () => {
    const processes = table(ALL_PYTHON);
    const ids = new Set<number>();
    for (let round = 0; round < 4200; round++) {
      if (round === 0) proc.set(10, PYTHON);
      processes.onExec(10);
      ids.add(processes.resource(10)?.id ?? -1);
      processes.onExit(10);
    }
    expect(ids.size).toBe(4097);
    expect(Math.max(...ids)).toBe(4097);
  });
});

describe('listen', () => {
  test('selects by port when the process begins to listen', () => {
    const processes = table({ instrument: [{ open_ports: '8080' }] });
    proc.set(10, PYTHON);
    processes.onExec(10);
    processes.onListen(10, 9090);
    expect(news()).toEqual([]);
    processes.onListen(10, 8080);
    expect(news()).toEqual(['+10 gateway']);
    expect(processes.serverPorts(10)).toEqual([8080]);
    processes.onListen(10, 9090);
    expect(processes.serverPorts(10)).toEqual([8080, 9090]);
    processes.refresh(10);
    expect(news()).toEqual([]);
  });

  test('workers that were forked before that was told are found with it', () => {
    const processes = table({ instrument: [{ open_ports: '8080' }] });
    processes.scan();
    proc.set(10, { ...PYTHON, listens: [8080] });
    proc.set(11, { ...PYTHON, parent: 10, listens: [8080] });
    proc.set(12, { exe: '/usr/bin/curl', parent: 11 });
    processes.onListen(10, 8080);
    expect(news()).toEqual(['+10 gateway', '+11 gateway', '+12 gateway']);
    processes.onFork(10, 11); // told after all: nothing new
    expect(news()).toEqual([]);
  });

  test('the runtime that was loaded meanwhile changes the execution model, for good', () => {
    const processes = table(ALL_PYTHON);
    const startTime = proc.set(10, PYTHON);
    processes.onExec(10);
    expect(processes.get(10)?.executionModel).toBe('threads');
    proc.set(10, { ...PYTHON, startTime, maps: ['/usr/lib/python3/uvloop/loop.so'] });
    processes.onListen(10, 80);
    expect(processes.get(10)?.executionModel).toBe('multiplexed');
    proc.set(10, { ...PYTHON, startTime });
    processes.refresh(10);
    expect(processes.get(10)?.executionModel).toBe('multiplexed');
    expect(news()).toEqual(['+10 gateway', '+10 gateway']);
  });

  test('a better rule may match then', () => {
    const processes = table({ instrument: [{ open_ports: '8080', name: 'api' }, { exe_path: '*/python3' }] });
    proc.set(10, PYTHON);
    processes.onExec(10);
    processes.onListen(10, 8080);
    expect(news()).toEqual(['+10 gateway', '+10 api']);
  });
});

describe('never traced', () => {
  test('obi and its children', () => {
    proc.set(OBI, PYTHON);
    proc.set(501, { ...PYTHON, parent: OBI });
    proc.set(502, { ...PYTHON, parent: 501 });
    table(ALL_PYTHON).scan();
    expect(news()).toEqual([]);
    table(ALL_PYTHON, { traceOwnChildren: true }).scan();
    expect(news()).toEqual(['+501 gateway', '+502 gateway']);
  });

  test('who receives the spans, in the network namespace of obi', () => {
    proc.set(OBI, { exe: '/bin/obi' });
    proc.set(10, { ...PYTHON, listens: [4318] });
    proc.set(11, { ...PYTHON, listens: [4318], netns: 'net:[2]' });
    proc.set(12, PYTHON);
    const processes = table(ALL_PYTHON, { exporterPorts: [4318] });
    processes.scan();
    expect(news()).toEqual(['+11 gateway', '+12 gateway']);
    processes.onListen(12, 4318);
    expect(news()).toEqual(['-12 rules']);
  });
});

test('processes that vanish at any step of being read are no error', () => {
  const parts = ['stat', 'exe', 'cmdline', 'environ', 'maps', 'task', 'fd', 'net', 'cgroup', 'ns'];
  for (const part of parts) {
    proc.set(10, { ...PYTHON, listens: [8080] });
    rmSync(`${proc.root}/10/${part}`, { recursive: true });
    const processes = table({ instrument: [{ exe_path: '*/python3', cmd_args: '*' }], exclude: [{ open_ports: '1' }], cgroup: '/' });
    expect(() => {
      processes.scan();
      processes.onExec(10);
      processes.onListen(10, 80);
      processes.serverPorts(10);
    }).not.toThrow();
  }
});
