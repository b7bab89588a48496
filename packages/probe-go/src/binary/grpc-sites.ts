// SPDX-License-Identifier: Apache-2.0
/** Places inside gRPC's clients that have a call in hand: before its header block is queued, where it shows whether it was, before that is encoded and when its frame is made, and at its end. */
import type { ElfImage } from '@obi/core/probe';
import { CALL_BYTES, callsOf } from './direct-calls.js';
import type { GoFunction, GoFunctions } from './function-table.js';
import { cheapEntry, PROLOGUE } from './patch-point.js';

const TRANSPORT = 'google.golang.org/grpc/internal/transport';
const ASK = `${TRANSPORT}.(*http2Client).NewStream`;
const QUEUE = `${TRANSPORT}.(*controlBuffer).executeAndPut`;
const CLOSE = `${TRANSPORT}.(*http2Client).closeStream`;
export const GRPC_ENCODE = `${TRANSPORT}.(*loopyWriter).writeHeader`;
const FRAME = 'golang.org/x/net/http2.(*Framer).WriteHeaders';
/** The program at the entry of the first of these: of use only where traceparent can be written. */
export const GRPC_ENCODES = 'go_rpc_encodes';

export const GRPC_CLIENT_FUNCTIONS = [ASK, QUEUE, CLOSE, GRPC_ENCODE, FRAME];
/** Function → program of its entry. */
export const GRPC_CLIENT_ENTRY: Readonly<Record<string, string>> = { [CLOSE]: 'go_rpc_over' };

/** Program → addresses. The one that opens comes last. */
export type GrpcSites = ReadonlyMap<string, readonly number[]>;

/** @returns undefined for a program without such clients; the name of the function that looks different from what Go's releases make of it, where one does. */
export function findGrpcSites(image: ElfImage, functions: GoFunctions): GrpcSites | string | undefined {
  const ask = functions.get(ASK);
  if (!ask) return undefined;
  if (!functions.has(CLOSE)) return CLOSE;
  const [call, ...others] = callsOf(image, ask, functions.get(QUEUE));
  const check = call === undefined ? undefined : checkOf(image, ask, call + CALL_BYTES);
  if (call === undefined || check === undefined || others.length > 0) return ASK;
  return new Map([...findFraming(image, functions), ['go_rpc_asked', [check]], ['go_rpc_asks', [call]]]);
}

/** @returns empty where the function that encodes looks different: then nothing is written */
function findFraming(image: ElfImage, functions: GoFunctions): [string, number[]][] {
  const encode = functions.get(GRPC_ENCODE);
  const [call, ...others] = encode ? callsOf(image, encode, functions.get(FRAME)) : [];
  const jump = encode === undefined || call === undefined ? undefined : jumpOn(image, encode, call + CALL_BYTES);
  if (encode === undefined || jump === undefined || others.length > 0) return [];
  return [
    ['go_rpc_framed', [jump]],
    [GRPC_ENCODES, [encode.address + cheapEntry(image.read(encode.address, PROLOGUE))]],
  ];
}

/** `xor %ecx,%ecx`: the next frame of the block is not the first. */
const NOT_FIRST = Buffer.from([0x31, 0xc9]);
/** `jmp`, short or near. */
const JUMPS: ReadonlySet<number> = new Set([0xeb, 0xe9]);

/** Where the code behind `address` goes on elsewhere: by a jump, which the kernel emulates. */
function jumpOn(image: ElfImage, { end }: GoFunction, address: number): number | undefined {
  const code = image.read(address, Math.min(NOT_FIRST.length + LONGEST_NOP + 1, end - address));
  const behind = code.subarray(NOT_FIRST.length);
  const at = behind.findIndex((byte) => JUMPS.has(byte));
  const isNext = at === 0 || (at > 0 && NOPS.has(behind[0] ?? 0));
  return isNext && code.indexOf(NOT_FIRST) === 0 ? address + NOT_FIRST.length + at : undefined;
}

/** `test %rbx,%rbx; jne`, short or near: is there an error? */
const CHECKS = [Buffer.from([0x48, 0x85, 0xdb, 0x75]), Buffer.from([0x48, 0x85, 0xdb, 0x0f, 0x85])] as const;
const TEST_BYTES = 3;
/** At most one nop stands in front of it, so that what follows lies at a multiple of 16. */
const LONGEST_NOP = 9;
/** First bytes of nops of all lengths. */
const NOPS: ReadonlySet<number> = new Set([0x90, 0x0f, 0x66]);

/** Where the error of the call in front of `address` is looked at, while %al still says whether that was done: a jump, which the kernel emulates. */
function checkOf(image: ElfImage, { end }: GoFunction, address: number): number | undefined {
  const code = image.read(address, Math.min(LONGEST_NOP + 5, end - address));
  const at = Math.max(...CHECKS.map((check) => code.indexOf(check)));
  return at === 0 || (at > 0 && NOPS.has(code[0] ?? 0)) ? address + at + TEST_BYTES : undefined;
}
