// SPDX-License-Identifier: Apache-2.0
// What the compiler makes of gRPC's NewStream, piece by piece; real programs: tests/live/go-grpc-client.live.test.ts.
import type { ElfImage } from '@obi/core/probe';
import { findGrpcSites, GRPC_CLIENT_FUNCTIONS, GRPC_ENCODES } from '../src/binary/grpc-sites.js';

const [ASK = '', QUEUE = '', CLOSE = '', ENCODE = '', FRAME = ''] = GRPC_CLIENT_FUNCTIONS;
const CLIENT = [ASK, QUEUE, CLOSE];
const [AT, QUEUE_AT, CLOSE_AT] = [0x1000, 0x3000, 0x4000];
const TEST = '4885db';
const [JNE, JNE_NEAR] = ['7510', '0f8500010000'];

/** The code of NewStream: after each call of executeAndPut what is given, in hexadecimal. */
function find(behind: readonly string[], names: readonly string[] = CLIENT) {
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

/** What hangs in writeHeader whose code is a prologue, then calls of WriteHeaders, each with what is given behind it. */
function framing(...behind: readonly string[]) {
  const code = Buffer.alloc(256, 0x90);
  Buffer.from(`e800000000${TEST}${JNE}`, 'hex').copy(code, 4);
  code.writeInt32LE(QUEUE_AT - (AT + 9), 5);
  Buffer.from('4c8d6424d84d3b66100f8697030000', 'hex').copy(code, 128);
  behind.forEach((text, n) => {
    const at = 160 + n * 32;
    Buffer.from(`e800000000${text}`, 'hex').copy(code, at);
    code.writeInt32LE(FRAME_AT - (AT + at + 5), at + 1);
  });
  const image = { read: (address: number, length: number) => code.subarray(address - AT, address - AT + length) } as unknown as ElfImage;
  const places = { [ASK]: [AT, ENCODE_AT], [QUEUE]: [QUEUE_AT, 0], [CLOSE]: [CLOSE_AT, 0], [ENCODE]: [ENCODE_AT, AT + 256], [FRAME]: [FRAME_AT, 0] };
  const sites = findGrpcSites(image, new Map(Object.entries(places).map(([name, [address = 0, end = 0]]) => [name, { address, end }])));
  if (typeof sites !== 'object') throw new Error(`${sites}`);
  return [...sites].filter(([program]) => program === GRPC_ENCODES || program === 'go_rpc_framed');
}
const ENCODE_AT = AT + 128;
const FRAME_AT = 0x6000;

test.each([
  ['short', '31c9eb6d', 2],
  ['near', '31c9e96d010000', 2],
  ['behind a nop', '31c990eb7e', 3],
  ['behind a nop of five bytes', '31c90f1f440000eb7e', 7],
])('the frame of a header block is made: a jump, %s', (_, text, skipped) => {
  const call = AT + 160;
  expect(framing(text)).toEqual([
    ['go_rpc_framed', [call + 5 + skipped]],
    [GRPC_ENCODES, [ENCODE_AT + 9]],
  ]);
});

test.each([
  ['no call', []],
  ['two calls', ['31c9eb6d', '31c9eb6d']],
  ['another instruction first', ['4889c1eb6d']],
  ['another instruction in between', ['31c94889c1eb6d']],
  ['no jump', ['31c9c3']],
])('%s: nothing is written, the calls have spans', (_, behind) => {
  expect(framing(...behind)).toEqual([]);
});
