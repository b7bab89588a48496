// SPDX-License-Identifier: Apache-2.0
/** Places inside gRPC's clients that have a call in hand: before its header block is queued, where it shows whether it was, and at its end. */
import type { ElfImage } from '@obi/core/probe';
import { CALL_BYTES, callsOf } from './direct-calls.js';
import type { GoFunction, GoFunctions } from './function-table.js';

const TRANSPORT = 'google.golang.org/grpc/internal/transport';
const ASK = `${TRANSPORT}.(*http2Client).NewStream`;
const QUEUE = `${TRANSPORT}.(*controlBuffer).executeAndPut`;
const CLOSE = `${TRANSPORT}.(*http2Client).closeStream`;

export const GRPC_CLIENT_FUNCTIONS = [ASK, QUEUE, CLOSE];
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
  return new Map([
    ['go_rpc_asked', [check]],
    ['go_rpc_asks', [call]],
  ]);
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
