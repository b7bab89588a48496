// SPDX-License-Identifier: Apache-2.0
// The scope contract (docs/reference/scopes.md), call by call, and against a model with random calls: a parent is the right one or none.
import { readFileSync } from 'node:fs';
import { openFile } from '../../packages/core/src/elf/open-file.js';
import { ObiCounter } from '../../packages/core/src/generated/core.events.js';
import { chainBytes } from '../../packages/core/src/lifecycle/scope-chain.js';
import { loadTestProgram, type TestProgram } from './test-program.js';

const TGID = 77n;
const THREAD = (TGID << 32n) | 77n;
const OTHER_THREAD = (TGID << 32n) | 78n;
const CLIENT = 0xc0n; // key of the connection that is written to
const MULTIPLEXED = 1;
const PROXY = 8;
const UNJUDGED = 16;

let program: TestProgram;
beforeAll(() => {
  program = loadTestProgram('bpf', 'scopes');
});
afterAll(() => program?.[Symbol.dispose]());

function call(name: string, ...values: bigint[]): bigint {
  const input = Buffer.alloc(24);
  for (const [n, value] of values.entries()) input.writeBigUInt64LE(BigInt.asUintN(64, value), 8 * n);
  expect(program.run(`t_${name}`, input)).toBe(0);
  return program.value('t_output').readBigUInt64LE(0);
}

/** @returns the request that causes what `thread` writes now, and the rule. */
function parent(thread = THREAD, connection = CLIENT): { request: bigint; rule: string } {
  const request = call('parent', connection, thread);
  const output = program.value('t_output');
  const rule = output.readUInt8(8 + 40);
  expect(output.readBigUInt64LE(8 + 16)).toBe(request); // cause.request
  return { request, rule: Object.entries(ObiCounter).find(([, value]) => value === rule)?.[0] ?? String(rule) };
}

const keysOfDeclared = () =>
  program
    .map('obi_declared')
    .keys()
    .map((key) => Buffer.from(key).readBigUInt64LE())
    .sort();

const begin = (connection: bigint, scope = THREAD) => call('request_begin', connection, scope, TGID);
const declared = (raw: bigint) => call('scope_id', TGID, raw);

function setProcess(flags: number, runtime = 1): void {
  const key = Buffer.alloc(4);
  key.writeUInt32LE(Number(TGID));
  const value = Buffer.alloc(8);
  value.writeUInt32LE(flags, 0);
  value.writeUInt32LE(runtime, 4);
  program.map('obi_processes').update(key, value);
}

beforeEach(() => {
  for (const table of ['obi_scopes', 'obi_declared', 'obi_requests', 'obi_connections', 'obi_loads', 'obi_written', 'obi_spans', 'obi_named']) {
    const map = program.map(table);
    for (const key of map.keys()) map.delete(key);
  }
  setProcess(0);
  for (const key of [CLIENT, 1n, 2n, 3n]) call('connect', key);
});

describe('threads', () => {
  test('a thread works for what it read, until that is answered', () => {
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_NO_REQUEST' });
    const request = begin(1n);
    expect(parent()).toEqual({ request, rule: 'PARENT_THREAD' });
    expect(parent(OTHER_THREAD).request).toBe(0n);
    call('request_end', request, 0n);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_ENDED' });
  });

  test('two open requests of different connections: none of them', () => {
    begin(1n);
    begin(2n);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_AMBIGUOUS' });
  });

  test('waiting for events with a request open: an event loop', () => {
    begin(1n);
    call('event_wait', THREAD);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_AMBIGUOUS' });
  });

  test('of a process whose program has just begun: none that its threads read, until it was judged', () => {
    setProcess(UNJUDGED);
    const request = begin(1n);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_UNJUDGED' });
    setProcess(0);
    expect(parent()).toEqual({ request, rule: 'PARENT_THREAD' });
  });

  test('of a process that multiplexes: none', () => {
    setProcess(MULTIPLEXED);
    begin(1n);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_MULTIPLEXED' });
  });
});

describe('declared scopes', () => {
  beforeEach(() => setProcess(MULTIPLEXED));

  test('a scope works for the request that it was given, and ends', () => {
    const scope = declared(0x1000n);
    const request = begin(1n);
    call('scope_set_request', scope, request);
    call('scope_run', THREAD, scope);
    expect(parent()).toEqual({ request, rule: 'PARENT_DECLARED' });
    call('scope_run', THREAD, 0n);
    expect(parent().rule).toBe('ORPHAN_MULTIPLEXED');
    call('scope_run', THREAD, scope);
    call('scope_end', scope);
    expect(parent().request).toBe(0n);
  });

  test('a scope that claimed its request ends with it, and only it', () => {
    const [own, child, other] = [declared(1n), declared(2n), declared(3n)];
    const request = begin(1n);
    call('scope_claim', own, request);
    call('scope_start', child, own, TGID);
    call('scope_set_request', other, request);
    call('scope_run', THREAD, own);
    expect(parent()).toEqual({ request, rule: 'PARENT_DECLARED' });
    expect(keysOfDeclared()).toEqual([own, child, other].sort());
    call('request_end', request, 0n);
    expect(keysOfDeclared()).toEqual([child, other].sort());
    call('scope_run', THREAD, child);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_ENDED' });
    // The number is used again, for a request that cannot be claimed.
    call('scope_claim', own, begin(2n));
    call('scope_claim', own, 0n);
    call('scope_run', THREAD, own);
    expect(parent().request).toBe(0n);
  });

  test('what a scope was started for stays, whatever its creator does later', () => {
    const [creator, child] = [declared(1n), declared(2n)];
    const first = begin(1n);
    call('scope_set_request', creator, first);
    call('scope_start', child, creator, TGID);
    const second = begin(2n);
    call('scope_set_request', creator, second);
    call('scope_run', THREAD, child);
    expect(parent().request).toBe(first);
    call('request_end', first, 0n);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_ENDED' });
    call('scope_run', THREAD, creator);
    expect(parent().request).toBe(second);
  });

  test('a scope of a connection takes one request after the other; what it starts meanwhile belongs to one of them', () => {
    const [task, helper] = [declared(1n), declared(2n)];
    call('scope_follow', task, 1n);
    const inner = declared(3n);
    call('scope_start', inner, task, TGID); // before any request: follows too
    const first = begin(1n, declared(9n));
    call('scope_run', THREAD, task);
    expect(parent().request).toBe(first);
    call('scope_run', THREAD, inner);
    expect(parent().request).toBe(first);
    call('scope_start', helper, task, TGID);
    call('request_end', first, 0n);
    const second = begin(1n, declared(9n));
    expect(parent().request).toBe(second);
    call('scope_run', THREAD, helper);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_ENDED' });
  });

  test('a connection whose place another took serves nothing any more', () => {
    const task = declared(1n);
    call('scope_follow', task, 1n);
    call('scope_run', THREAD, task);
    call('disconnect', 1n);
    call('connect', 1n);
    begin(1n, declared(9n));
    expect(parent().request).toBe(0n);
  });

  test('an id that is used again is another scope', () => {
    const [creator, id] = [declared(1n), declared(2n)];
    call('scope_set_request', creator, begin(1n));
    call('scope_start', id, creator, TGID);
    call('scope_start', id, declared(99n), TGID); // started again, by one that works for nothing
    call('scope_run', THREAD, id);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_NO_REQUEST' });
  });

  test('numbers of one process say nothing about another', () => {
    const ids = new Set<bigint>();
    for (let owner = 0n; owner < 40n; owner++) for (let raw = 1n; raw <= 40n; raw++) ids.add(call('scope_id', owner, raw * 16n));
    expect(ids.size).toBe(1600);
    for (const id of ids) expect(id >> 63n).toBe(1n);
  });
});

describe('a chain of pointers', () => {
  /** Where the first bytes of this process's own program are mapped, and those: as good a pointer as any. */
  const place = () => BigInt(`0x${/^([0-9a-f]+)-/.exec(readFileSync('/proc/self/maps', 'latin1'))?.[1]}`);
  const POINTER = openFile(process.execPath).read(0, 8).readBigUInt64LE();

  function setChain(base: bigint, exhaustive: boolean): void {
    const key = Buffer.alloc(4);
    key.writeUInt32LE(Number(TGID));
    program.map('obi_chains').update(key, chainBytes({ base, offsets: [0], exhaustive }));
  }
  afterEach(() => {
    for (const key of program.map('obi_chains').keys()) program.map('obi_chains').delete(key);
  });

  test('leads to a scope that was declared; to the thread, where nobody declared it', () => {
    setChain(place(), false);
    expect(call('current', THREAD)).toBe(THREAD);
    call('scope_start', declared(POINTER), 0n, TGID);
    expect(call('current', THREAD)).toBe(declared(POINTER));
  });

  test('one that is exhaustive leads to a scope in any case, which may own what it reads', () => {
    setChain(place(), true);
    const scope = declared(POINTER);
    expect(call('current', THREAD)).toBe(scope);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_NO_REQUEST' });
    call('connect', 1n);
    const request = begin(1n, scope);
    expect(parent()).toEqual({ request, rule: 'PARENT_DECLARED' });
    expect(call('scope_request', scope, TGID)).toBe(request);
    call('request_end', request, 0n);
    expect(call('scope_request', scope, TGID)).toBe(0n);
  });

  test('what leads nowhere is the thread, also where the chain is exhaustive', () => {
    setChain(8n, true);
    expect(call('current', THREAD)).toBe(THREAD);
  });
});

describe('announced causes', () => {
  test('used once, and stronger than the scope', () => {
    const [mine, theirs] = [begin(1n), begin(2n, OTHER_THREAD)];
    call('announce', CLIENT, theirs);
    expect(parent()).toEqual({ request: theirs, rule: 'PARENT_ANNOUNCED' });
    expect(parent()).toEqual({ request: mine, rule: 'PARENT_THREAD' });
  });

  test('by nothing that is known, or by what is answered: none, whatever the thread read', () => {
    const request = begin(1n);
    call('announce', CLIENT, 0n);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_UNDECLARED' });
    const ended = begin(2n, OTHER_THREAD);
    call('announce', CLIENT, ended);
    call('request_end', ended, 0n);
    expect(parent()).toEqual({ request: 0n, rule: 'ORPHAN_ENDED' });
    expect(parent().request).toBe(request);
  });

  test('a request can be claimed while it is the only one of its connection', () => {
    expect(call('claimable', 1n)).toBe(0n);
    const first = begin(1n);
    expect(call('claimable', 1n)).toBe(first);
    const second = begin(1n);
    expect(call('claimable', 1n)).toBe(0n);
    call('request_end', first, second);
    expect(call('claimable', 1n)).toBe(second);
    call('request_end', second, 0n);
    expect(call('claimable', 1n)).toBe(0n);
  });
});

describe('a proxy that notes for whom it sends', () => {
  beforeEach(() => setProcess(MULTIPLEXED | PROXY, 0));
  /** As obi_proxy_cause does with what it finds in the proxy's memory. */
  const note = (request: bigint) => call('announce', CLIENT, request);

  test('the request that it has noted for the connection, and no other', () => {
    const [first, second] = [begin(1n), begin(2n)];
    expect(parent(THREAD, CLIENT)).toEqual({ request: 0n, rule: 'ORPHAN_NO_REQUEST' });
    note(first);
    expect(parent(THREAD, CLIENT)).toEqual({ request: first, rule: 'PARENT_PROXY' });
    note(second);
    expect(parent(THREAD, CLIENT)).toEqual({ request: second, rule: 'PARENT_PROXY' });
    call('request_end', second, 0n);
    expect(parent(THREAD, CLIENT)).toEqual({ request: 0n, rule: 'ORPHAN_ENDED' });
  });

  test('what was read from last says nothing', () => {
    begin(1n);
    call('thread_set_socket', THREAD, 1n);
    expect(parent(THREAD, CLIENT)).toEqual({ request: 0n, rule: 'ORPHAN_NO_REQUEST' });
  });

  test('a request that came before the one ahead of it was answered is unknown, also when it is the next', () => {
    const [first, second] = [begin(1n), begin(1n)];
    note(first);
    expect(parent(THREAD, CLIENT)).toEqual({ request: first, rule: 'PARENT_PROXY' });
    call('request_end', first, second);
    note(second);
    expect(parent(THREAD, CLIENT)).toEqual({ request: 0n, rule: 'ORPHAN_PIPELINED' });
  });
});

test('random calls: a parent is the one that the model knows, or none', () => {
  setProcess(MULTIPLEXED);
  let state = 12345;
  const random = (n: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % n;
  };
  const scopes = Array.from({ length: 12 }, (_, n) => declared(BigInt(n + 1) * 16n));
  /** What each scope really works for, and whether that request is open. */
  const works = new Map<bigint, bigint>();
  const open = new Map<bigint, bigint>(); // request → connection
  const served = new Map<bigint, bigint>();
  let found = 0;
  for (let step = 0; step < 4000; step++) {
    const scope = scopes[random(12)] as bigint;
    const connection = BigInt(1 + random(3));
    switch (random(6)) {
      case 0: {
        if (served.has(connection)) break;
        const request = begin(connection, declared(1n << 40n));
        open.set(request, connection);
        served.set(connection, request);
        break;
      }
      case 1: {
        const request = served.get(connection);
        if (request === undefined) break;
        call('request_end', request, 0n);
        open.delete(request);
        served.delete(connection);
        break;
      }
      case 2: {
        const request = call('claimable', connection);
        expect(request).toBe(served.get(connection) ?? 0n);
        if (request === 0n) break;
        call(random(2) ? 'scope_claim' : 'scope_set_request', scope, request);
        works.set(scope, request);
        break;
      }
      case 3: {
        const child = scopes[random(12)] as bigint;
        if (child === scope) break;
        call('scope_start', child, scope, TGID);
        const request = works.get(scope);
        if (request !== undefined && open.has(request)) works.set(child, request);
        else works.delete(child);
        break;
      }
      case 4:
        call('scope_end', scope);
        works.delete(scope);
        break;
      default: {
        call('scope_run', THREAD, scope);
        const { request } = parent();
        const truth = works.get(scope);
        expect(request).toBe(truth !== undefined && open.has(truth) ? truth : 0n);
        if (request !== 0n) found++;
      }
    }
  }
  expect(found).toBeGreaterThan(50);
});

describe('a traceparent that a runtime probe wrote inside the process', () => {
  const TRACE = 8 + 48;
  const outcome = () => {
    const output = program.value('t_output');
    return { rule: output.readUInt8(8 + 40), cause: output.readBigUInt64LE(8 + 16), trace: output.subarray(TRACE, TRACE + 33).toString('hex') };
  };

  test('is known again when its bytes pass by: ids, parent and rule as they were then, once', () => {
    call('connect', 0xa1n);
    call('connect', CLIENT);
    const request = begin(0xa1n);
    const span = call('write', 0n, THREAD);
    const before = outcome();
    expect(before.cause).toBe(request);
    // Another thread sends the bytes, when the request is over.
    call('request_end', request);
    expect(call('sent', CLIENT, OTHER_THREAD)).toBe(span);
    expect(outcome()).toEqual(before);
    expect(program.map('obi_written').keys()).toEqual([]);

    call('sent', CLIENT, OTHER_THREAD);
    expect(outcome()).toMatchObject({ cause: 0n });
  });

  test('is not taken for one of another trace with the same span id', () => {
    call('connect', 0xa1n);
    call('connect', CLIENT);
    const request = begin(0xa1n);
    call('write', 0n, THREAD);
    expect(outcome().cause).toBe(request);
    call('sent', CLIENT, OTHER_THREAD, 1n);
    expect(outcome()).toMatchObject({ cause: 0n });
    expect(program.map('obi_written').keys()).toHaveLength(1);
  });

  test('is another process’s to hand on, not to take over', () => {
    call('connect', 0xa1n);
    call('connect', CLIENT);
    begin(0xa1n);
    call('write', 0n, THREAD);
    call('sent', CLIENT, (TGID + 1n) << 32n);
    expect(outcome()).toMatchObject({ cause: 0n });
    expect(program.map('obi_written').keys()).toHaveLength(1);
  });
});

describe('spans that a program makes itself', () => {
  const SPAN = 0x5an;
  /** What goes out now. */
  function outgoing(forwarded = 0n) {
    call('outgoing', CLIENT, THREAD, forwarded);
    return sent();
  }
  /** … with a traceparent that names the span of this id. */
  function naming(id: bigint) {
    call('naming', THREAD, id);
    return sent();
  }
  function sent() {
    const output = program.value('t_output');
    const word = (at: number) => output.readBigUInt64LE(8 + at);
    const rule = Object.entries(ObiCounter).find(([, value]) => value === output.readUInt8(8 + 40))?.[0];
    return { rule, request: word(16), trace: word(48), span: word(64), parent: word(72) };
  }

  test('what goes out for a scope is the child of the span that it is in, else of its request', () => {
    const request = begin(1n);
    expect(outgoing()).toMatchObject({ rule: 'PARENT_THREAD', request, parent: request });
    call('enter', THREAD, SPAN);
    expect(outgoing()).toMatchObject({ rule: 'PARENT_SPAN', request: SPAN, parent: SPAN, trace: SPAN });
    call('enter', OTHER_THREAD, 0x77n);
    expect(outgoing().parent).toBe(SPAN);
    call('enter', THREAD, 0n);
    expect(outgoing()).toMatchObject({ rule: 'PARENT_THREAD', parent: request });
  });

  test('a span is a parent without a request too', () => {
    call('enter', THREAD, SPAN);
    expect(outgoing()).toMatchObject({ rule: 'PARENT_SPAN', parent: SPAN, trace: SPAN });
  });

  test("the caller's traceparent that is handed on inside a span: its span id is taken, ours differs", () => {
    const request = begin(1n);
    const forwarded = outgoing(request);
    expect([forwarded.parent, forwarded.span === 0n]).toEqual([request, false]);
    call('enter', THREAD, SPAN);
    // Of another trace than that of the field: it is no parent.
    const inSpan = outgoing(request);
    expect(inSpan).toMatchObject({ rule: 'PARENT_THREAD', parent: request, trace: forwarded.trace });
    expect(inSpan.span).not.toBe(0n);
  });

  test('one that the application names is the parent, whatever the scope is in, and its id is taken; any other id is adopted', () => {
    begin(1n);
    call('enter', THREAD, 0x77n);
    expect(naming(SPAN)).toMatchObject({ trace: SPAN, span: SPAN, parent: 0n });
    call('name', THREAD, SPAN);
    const named = naming(SPAN);
    expect(named).toMatchObject({ rule: 'PARENT_SPAN', request: SPAN, trace: SPAN, parent: SPAN });
    expect(named.span).not.toBe(SPAN);
  });

  test('one of another process, which that has handed over, is the parent where no request is', () => {
    call('name', (TGID + 1n) << 32n, SPAN);
    const named = naming(SPAN);
    expect(named).toMatchObject({ rule: 'ORPHAN_NO_REQUEST', trace: SPAN, parent: SPAN });
    expect(named.span).not.toBe(SPAN);
  });
});
