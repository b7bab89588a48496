// SPDX-License-Identifier: Apache-2.0
import { SocketAddress } from 'node:net';
import { formatAddress, formatEndpoint } from '../src/addresses.js';
import { Authority } from '../src/authority.js';

const LEAD = 3;

function format(hex: string): string {
  const bytes = Buffer.concat([Buffer.alloc(LEAD, 0xa5), Buffer.from(hex, 'hex')]);
  return formatAddress(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), LEAD);
}

describe('formatAddress', () => {
  test.each([
    ['00000000000000000000ffff7f000001', '127.0.0.1'],
    ['00000000000000000000ffffffffffff', '255.255.255.255'],
    ['00000000000000000000ffff00000000', '0.0.0.0'],
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['fe800000000000000000000000000000', 'fe80::'],
    ['20010db8000000000001000000000001', '2001:db8::1:0:0:1'], // the first of two runs of equal length
    ['20010db8000000010001000100010001', '2001:db8:0:1:1:1:1:1'], // one group alone stays
    ['20010db8000000000001000100010001', '2001:db8::1:1:1:1'],
    ['20010000000000010000000000000001', '2001:0:0:1::1'], // the longer run
    ['ABCDEF0100020003000400050006000A', 'abcd:ef01:2:3:4:5:6:a'],
    ['00010002000300040005000600070000', '1:2:3:4:5:6:7:0'],
    ['00010002000300040005000600000000', '1:2:3:4:5:6::'],
  ])('%s → %s', (hex, text) => {
    expect(format(hex)).toBe(text);
    expect(format(hex)).toBe(text); // once more, from what was kept
  });

  test('says what Node says, for many', () => {
    let state = 1;
    const byte = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 24;
    };
    for (let i = 0; i < 2_000; i++) {
      const bytes = Buffer.from([0x20, ...Array.from({ length: 15 }, () => (byte() < 128 ? 0 : byte()))]);
      const written = Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(2 * group).toString(16)).join(':');
      expect(format(bytes.toString('hex'))).toBe(new SocketAddress({ address: written, family: 'ipv6' }).address);
    }
  });

  test('goes on when more peers come than are kept', () => {
    for (let i = 0; i < 5_000; i++) expect(format(`00000000000000000000ffff0a00${i.toString(16).padStart(4, '0')}`)).toBe(`10.0.${i >> 8}.${i & 255}`);
  });
});

test.each([
  ['10.0.0.1', 80, '10.0.0.1'],
  ['10.0.0.1', 81, '10.0.0.1:81'],
  ['::1', 80, '[::1]'],
  ['::1', 81, '[::1]:81'],
])('formatEndpoint %s %d', (address, port, text) => {
  expect(formatEndpoint(address, port, 80)).toBe(text);
});

test.each<[string, string, number | undefined, string]>([
  ['h', 'h', undefined, 'h'],
  ['h:80', 'h', 80, 'h:80'],
  ['h:', 'h', undefined, 'h:'],
  ['h:0', 'h', undefined, 'h:0'],
  ['h:65536', 'h', undefined, 'h:65536'],
  ['h:8o', 'h', undefined, 'h:8o'],
  ['[::1]', '::1', undefined, '[::1]'],
  ['[::1]:81', '::1', 81, '[::1]:81'],
  ['[::1', '[::1', undefined, '[::1'],
  ['::1', '::1', undefined, '::1'],
  ['u@h', 'h', undefined, 'h'],
  ['u:p@h:1', 'h', 1, 'h:1'],
  ['u:p@w@[::1]:1', '::1', 1, '[::1]:1'],
  [':80', '', 80, ':80'],
  ['', '', undefined, ''],
])('authority %j', (text, name, port, shown) => {
  const bytes = Buffer.from(`xx${text}:99`); // what stands behind is not part of it
  const authority = new Authority();
  authority.read(bytes, 2, 2 + text.length);
  expect([bytes.toString('utf8', authority.nameStart, authority.nameEnd), authority.port, bytes.toString('utf8', authority.start, authority.end)]).toEqual([
    name,
    port,
    shown,
  ]);
  expect(authority.isEmpty).toBe(name === '');
});
