// SPDX-License-Identifier: Apache-2.0
// What the compiler makes of routers, piece by piece; real programs: tests/live/go-routes.live.test.ts.
import type { ElfImage } from '@obi/core/probe';
import { findRouterSites, ROUTER_FUNCTIONS } from '../src/binary/router-sites.js';

const named = (part: string) => ROUTER_FUNCTIONS.find((name) => name.includes(part)) ?? '';
const GIN = named('handleHTTPRequest');
const GET_VALUE = named('getValue');
const CHI = named('routeHTTP');
const FIND_ROUTE = named('FindRoute');
const OLD = named('serveMux121).handler');
const DEFERRED = named('deferwrap1');

const bytes = (text: string) => Buffer.from(text.replaceAll(/\s/g, ''), 'hex');
/** A displacement of four bytes. */
const at = (offset: number) => Buffer.from(Int32Array.of(offset).buffer).toString('hex');
const CALL = 'e800000000';

/** Functions by their code; a CALL in `within` is one of `callee`. */
function sites(code: Readonly<Record<string, string>>, within: string, callee: string) {
  const places = new Map(Object.entries(code).map(([name, text], n) => [name, { address: 0x1000 * (n + 1), bytes: bytes(text) }]));
  const target = places.get(callee);
  const caller = places.get(within);
  const call = caller?.bytes.indexOf(bytes(CALL)) ?? -1;
  if (caller && target && call >= 0) caller.bytes.writeInt32LE(target.address - (caller.address + call + 5), call + 1);
  const image = {
    read: (address: number, length: number) => {
      const one = [...places.values()].find((place) => address >= place.address && address < place.address + place.bytes.length);
      return one ? one.bytes.subarray(address - one.address, address - one.address + length) : Buffer.alloc(0);
    },
  } as unknown as ElfImage;
  const functions = new Map([...places].map(([name, place]) => [name, { address: place.address, end: place.address + place.bytes.length }]));
  return findRouterSites(image, functions);
}

describe('gin', () => {
  const STORES = ['48898424', '48899c24', '48898c24', '4889bc24', '4088b424', '4c898424', '4c898c24'];
  const stored = (place: number, stores = STORES) => stores.map((store, n) => store + at(place + 8 * n)).join('');
  const find = (behind: string) => sites({ [GIN]: `90 ${CALL} ${behind}`, [GET_VALUE]: 'c3' }, GIN, GET_VALUE);

  test('what getValue returns is put onto the stack in a row', () => {
    const found = find(`${stored(0xa0)} 4885d2 743c`);
    expect(found.places.ginValue).toBe(0xa0);
    expect([...found.jumps]).toEqual([['go_route_gin', [0x1000 + 6 + 56 + 3]]]);
    expect(found.unknown).toEqual([]);
  });

  test.each([
    ['in another order', `${stored(0xa0, STORES.toReversed())} 4885d2 743c`],
    ['with a gap', `${stored(0xa0).slice(0, -8)}${at(0x200)} 4885d2 743c`],
    ['at an odd place', `${stored(0xa1)} 4885d2 743c`],
    ['and nothing asks for it', `${stored(0xa0)} c3`],
    ['not at all', '4885d2 743c'],
  ])('%s: left alone, and said', (_, behind) => {
    const found = find(behind);
    expect({ places: found.places.ginValue, jumps: [...found.jumps], unknown: found.unknown }).toEqual({ places: 0, jumps: [], unknown: [GIN] });
  });
});

describe('chi', () => {
  const RESET = '48c783a800000000000000';
  const find = (load: string, { reset = RESET, behind = '4885c9 0f85c3000000' } = {}) =>
    sites({ [CHI]: `${'90'.repeat(40)} ${load} ${CALL} ${behind} c3`, [FIND_ROUTE]: `90 ${reset} c3` }, CHI, FIND_ROUTE);

  test.each([
    ['near', '488b5c2448', 0x48],
    ['far', `488b9c24${at(0x148)}`, 0x148],
    ['the last of several', '488b5c2440 488b5c2448', 0x48],
  ])('the Context is taken from the stack, %s', (_, load, place) => {
    const found = find(load);
    const call = 0x1000 + 40 + bytes(load).length;
    expect(found.places.chiContext).toBe(place);
    expect([...found.jumps]).toEqual([['go_route_chi', [call + 5 + 3]]]);
  });

  test.each([
    ['the Context comes from elsewhere', '4889c3', {}],
    ['its pattern lies elsewhere', '488b5c2448', { reset: '48c783b000000000000000' }],
    ['the handler is written over', '488b5c2448', { behind: '4889c1 4885c9 7401' }],
    ['an odd place', '488b5c2447', {}],
  ])('%s: left alone, and said', (_, load, other) => {
    const found = find(load, other);
    expect({ place: found.places.chiContext, jumps: [...found.jumps], unknown: found.unknown }).toEqual({ place: 0, jumps: [], unknown: [CHI] });
  });
});

describe('ServeMux as before Go 1.22', () => {
  const RESULTS = `ffd0 488b8424${at(0x30)} 488b8c24`;
  const find = (code: string) => sites({ [OLD]: code, [DEFERRED]: 'c3' }, OLD, DEFERRED);

  test.each([
    ['a frame by lea', `488dac24${at(0x90)} ${RESULTS}${at(0x38)}`],
    ['a frame by push and sub', `55 4889e5 4881ec${at(0x90)} ${RESULTS}${at(0x38)}`],
  ])('the pattern lies below the frame pointer: %s', (_, code) => {
    const found = find(code);
    expect(found.places.oldPattern).toBe(0x90 - 0x38);
    expect(found.entries[DEFERRED]).toBe('go_route_old');
    expect(found.unknown).toEqual([]);
  });

  test.each([
    ['no frame', `${RESULTS}${at(0x38)}`],
    ['results elsewhere', `488dac24${at(0x90)} ffd0 488b8424${at(0x30)} 90909090${at(0x38)}`],
    ['nothing that is deferred', `488dac24${at(0x90)} c3`],
    ['a pattern above the frame', `488dac24${at(0x90)} ${RESULTS}${at(0x98)}`],
  ])('%s: left alone, and said', (_, code) => {
    const found = find(code);
    expect([found.places.oldPattern, found.entries[DEFERRED], found.unknown]).toEqual([0, undefined, [OLD]]);
  });
});

test('a program without routers', () => {
  const found = sites({ 'main.main': 'c3' }, 'main.main', '');
  expect({ jumps: [...found.jumps], unknown: found.unknown, places: found.places }).toEqual({
    jumps: [],
    unknown: [],
    places: { oldPattern: 0, ginValue: 0, chiContext: 0 },
  });
});
