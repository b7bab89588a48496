// SPDX-License-Identifier: Apache-2.0
// What the compiler makes of gRPC's NewStream, piece by piece; real programs: tests/live/go-grpc-client.live.test.ts.
import type { ElfImage } from '@obi/core/probe';
import { findGrpcSites, GRPC_CLIENT_FUNCTIONS } from '../src/binary/grpc-sites.js';

const [ASK = '', QUEUE = '', CLOSE = ''] = GRPC_CLIENT_FUNCTIONS;
const [AT, QUEUE_AT, CLOSE_AT] = [0x1000, 0x3000, 0x4000];
const TEST = '4885db';
const [JNE, JNE_NEAR] = ['7510', '0f8500010000'];

/** The code of NewStream: after each call of executeAndPut what is given, in hexadecimal. */
function find(behind: readonly string[], names: readonly string[] = GRPC_CLIENT_FUNCTIONS) {
  const code = Buffer.concat([
    Buffer.from('90909090', 'hex'),
    ...behind.map((text) => Buffer.concat([Buffer.from('e800000000', 'hex'), Buffer.from(text, 'hex')])),
    Buffer.alloc(64),
  ]);
  for (let at = code.indexOf(0xe8); at >= 0; at = code.indexOf(0xe8, at + 1)) code.writeInt32LE(QUEUE_AT - (AT + at + 5), at + 1);
  const image = { read: (address: number, length: number) => code.subarray(address - AT, address - AT + length) } as unknown as ElfImage;
  const places: Readonly<Record<string, number>> = { [ASK]: AT, [QUEUE]: QUEUE_AT, [CLOSE]: CLOSE_AT };
  const end = (name: string) => (name === ASK ? AT + code.length : 0x5000);
  return findGrpcSites(image, new Map(names.map((name) => [name, { address: places[name] ?? 0, end: end(name) }])));
}

test.each([
  ['at once', '', JNE, 0],
  ['at once, far away', '', JNE_NEAR, 0],
  ['behind a nop', '90', JNE_NEAR, 1],
  ['behind a nop of nine bytes', '660f1f840000000000', JNE_NEAR, 9],
])('the error is looked at %s', (_, nop, jump, skipped) => {
  const call = AT + 4;
  expect([...(find([nop + TEST + jump]) ?? [])]).toEqual([
    ['go_rpc_asked', [call + 5 + skipped + 3]],
    ['go_rpc_asks', [call]],
  ]);
});

test.each([
  ['no call', []],
  ['two calls', [TEST + JNE, TEST + JNE]],
  ['a result that is put away first', [`4889442420${TEST}${JNE}`]],
  ['an error that nobody looks at', ['c3']],
])('%s: left alone, and said', (_, behind) => {
  expect(find(behind)).toBe(ASK);
});

test('closeStream is missing: left alone, and said', () => {
  expect(find([TEST + JNE], [ASK, QUEUE])).toBe(CLOSE);
});

test('a program without such clients', () => {
  expect(find([], [QUEUE])).toBeUndefined();
});
