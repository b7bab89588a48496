// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { Btf } from '../src/btf/btf.js';
import { type Exports, readExports } from '../src/events/event-exports.js';
import { camelCase, pascalCase, withoutPrefix } from '../src/events/naming.js';
import { readBpfObject } from '../src/object/bpf-object.js';
import { describeWith, Workshop } from './support/clang.js';

const workshop = new Workshop();
afterAll(() => workshop.dispose());

test('C names become TypeScript names', () => {
  expect(['hdr.start_ns', 'path_len', 'ip4', 'x'].map(camelCase)).toEqual(['hdrStartNs', 'pathLen', 'ip4', 'x']);
  expect(pascalCase('http_role')).toBe('HttpRole');
  expect(withoutPrefix('http_role', ['HTTP_ROLE_CLIENT', 'HTTP_ROLE_SERVER'])).toEqual(['CLIENT', 'SERVER']);
  expect(withoutPrefix('other', ['ROLE_A_CLIENT', 'ROLE_A_SERVER'])).toEqual(['CLIENT', 'SERVER']);
  expect(withoutPrefix('other', ['ROLE_', 'ROLE_B'])).toEqual(['ROLE_', 'ROLE_B']);
  expect(withoutPrefix('other', ['_A', '_B'])).toEqual(['A', 'B']);
  expect(withoutPrefix('other', ['ONLY_ONE'])).toEqual(['ONLY_ONE']);
  expect(withoutPrefix('only_flag', ['ONLY_ONE'])).toEqual(['ONE']);
});

describeWith('clang')('events of an object', () => {
  let exports: Exports;
  beforeAll(() => {
    exports = readExports(readBpfObject(readFileSync(workshop.fixture('sample.bpf.c')), 'sample').btf);
  });
  const refusal = (body: string): string => {
    try {
      readExports(readBpfObject(workshop.snippet(body), 'snippet').btf);
      return 'accepted';
    } catch (error) {
      return (error as Error).message;
    }
  };

  test('are listed with kind, size and smallest size', () => {
    expect(exports.events.map(({ struct, kind, size, minSize }) => ({ struct, kind, size, minSize }))).toEqual([
      { struct: 'sample_exchange_event', kind: 1, size: 112, minSize: 76 },
      { struct: 'sample_end_event', kind: 2, size: 24, minSize: 24 },
    ]);
  });

  test('have their counters without prefix and without the closing mark, and the enums that are used or named', () => {
    expect(exports.counters).toEqual(['truncated_path', 'no_room']);
    expect(exports.enums.map(({ name }) => name)).toEqual(['sample_role', 'sample_state']);
  });

  test('have a digest that any change of the layout changes', () => {
    const digest = (members: string) =>
      readExports(readBpfObject(workshop.snippet(`struct x_event { struct obi_event_hdr hdr; ${members} }; OBI_EVENT(x_event, 1);`), 'x').btf).events[0]
        ?.digest;
    const digests = [
      'u32 a; u32 b;',
      'u32 b; u32 a;',
      'u32 a; int b;',
      'u32 a; u16 b; u16 c;',
      'u32 a; u16 b[2];',
      'u32 a; u8 b[4];',
      'u32 a; u32 b : 16, c : 16;',
    ].map(digest);
    expect(digests.every((value) => /^[0-9a-f]{16}$/.test(value ?? ''))).toBe(true);
    expect(new Set(digests).size).toBe(digests.length);
    expect(digest('u32 a; u32 b;')).toBe(digests[0]);
  });

  describe('whose spans can be explained', () => {
    const TYPES = `struct obi_trace { u8 trace_id[16]; u8 span_id[8]; u8 parent_id[8]; u8 flags; u8 _pad[7]; };
      struct obi_cause { u64 scope; u64 scope_started_ns; u64 request; u64 request_start_ns; u64 request_scope; u8 rule; u8 _pad[7]; };`;
    const explainOf = (members: string) =>
      readExports(readBpfObject(workshop.snippet(`${TYPES} struct x_event { struct obi_event_hdr hdr; ${members} }; OBI_EVENT(x_event, 1);`), 'x').btf)
        .events[0]?.explain;

    test('say where the trace and the cause are, whatever the members are called', () => {
      expect(explainOf('struct obi_cause why; u64 other; struct obi_trace where;')).toEqual({
        scope: 8,
        scopeStartedNs: 16,
        request: 24,
        requestStartNs: 32,
        requestScope: 40,
        rule: 48,
        traceId: 64,
        spanId: 80,
        parentId: 88,
      });
    });

    test.each([
      ['without a cause', 'struct obi_trace trace;'],
      ['without a trace', 'struct obi_cause cause;'],
      ['with two causes', 'struct obi_trace trace; struct obi_cause one; struct obi_cause two;'],
      ['with structs of its own', 'u64 trace; u64 cause;'],
    ])('are not those %s', (_what, members) => expect(explainOf(members)).toBeUndefined());
  });

  test('keep the kind 0', () => {
    expect(readExports(readBpfObject(workshop.snippet('struct x_event { u32 a; }; OBI_EVENT(x_event, 0);'), 'x').btf).events[0]?.kind).toBe(0);
  });

  test.each([
    ['a pointer', 'struct x_event { u64 a; void *p; }; OBI_EVENT(x_event, 1);', 'x_event.p: a pointer'],
    ['a union', 'struct x_event { union { u32 a; u8 b[4]; } u; }; OBI_EVENT(x_event, 1);', 'x_event.u: a reader cannot know'],
    ['an anonymous union', 'struct x_event { union { u32 a; u8 b[4]; }; }; OBI_EVENT(x_event, 1);', 'x_event.(anonymous): a reader cannot know'],
    ['a nested pointer', 'struct y { void *p; }; struct x_event { struct y inner; }; OBI_EVENT(x_event, 1);', 'x_event.inner.p: a pointer'],
    [
      'padding between members',
      'struct x_event { u8 a; u32 b; }; OBI_EVENT(x_event, 1);',
      'x_event: 3 byte(s) of implicit padding before x_event.b (offset 1)',
    ],
    ['padding at the end', 'struct x_event { u64 b; u8 a; }; OBI_EVENT(x_event, 1);', 'x_event: 7 byte(s) of implicit padding at the end (offset 9)'],
    [
      'padding inside a nested struct',
      'struct y { u8 a; u16 b; }; struct x_event { struct y inner; }; OBI_EVENT(x_event, 1);',
      'x_event.inner: 1 byte(s) of implicit padding before x_event.inner.b',
    ],
    ['unnamed bits', 'struct x_event { u32 a : 3; u32 : 5; u32 b : 24; }; OBI_EVENT(x_event, 1);', 'x_event: 5 unnamed bit(s) before x_event.b'],
    ['a wide bit-field', 'struct x_event { u64 a : 40, b : 24; }; OBI_EVENT(x_event, 1);', 'x_event.a: a bit-field of 40 bits'],
    ['an array of structs', 'struct y { u32 a; }; struct x_event { struct y many[2]; }; OBI_EVENT(x_event, 1);', 'x_event.many[]: an array of structs'],
    ['a 128-bit integer', 'struct x_event { __int128 a; }; OBI_EVENT(x_event, 1);', 'x_event.a: an integer of 16 bytes'],
    ['a flexible array', 'struct x_event { u32 a; char rest[]; }; OBI_EVENT(x_event, 1);', 'x_event.rest: array without elements'],
    ['a struct without definition', 'OBI_EVENT(x_event, 1);', 'OBI_EVENT(x_event): struct x_event is not defined'],
    [
      'an event without kind',
      'struct x_event { u32 a; }; const struct x_event *obi_event__x_event SEC(".obi.events") = 0;',
      'OBI_EVENT(x_event): no kind beside it',
    ],
    [
      'one kind twice',
      'struct x_event { u32 a; }; struct y_event { u32 a; }; OBI_EVENT(x_event, 1); OBI_EVENT(y_event, 1);',
      'events x_event and y_event have the same kind 1',
    ],
    ['counters with gaps', 'enum c { C_A, C_B = 2 }; OBI_COUNTERS(c);', 'enum c: C_B is 2, expected 1'],
    ['two enums of counters', 'enum c { C_A }; enum d { D_A }; OBI_COUNTERS(c); OBI_COUNTERS(d);', 'OBI_COUNTERS is used more than once'],
    ['an enum whose sign is lost', 'enum c { C_A = -1 }; OBI_ENUM(c);', 'enum c: C_A is negative or above'],
  ])('%s is refused by name', (_, body, message) => expect(refusal(body)).toContain(message));

  test('a trailing array that is padding by name cannot be cut', () => {
    const { btf } = readBpfObject(workshop.snippet('struct x_event { u32 a; u8 _pad[4]; }; OBI_EVENT(x_event, 1);'), 'x');
    expect(btf).toBeInstanceOf(Btf);
    expect(readExports(btf).events[0]?.minSize).toBe(8);
  });
});
