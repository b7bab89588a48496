// SPDX-License-Identifier: Apache-2.0
/** Places inside routers that have just found by which pattern a request is served, or that there is none. */
import type { ElfImage } from '@obi/core/probe';
import { CALL_BYTES, callsOf } from './direct-calls.js';
import type { GoFunction, GoFunctions } from './function-table.js';
import { nextJump, RCX, RSI } from './next-jump.js';

const SERVE_MUX = 'net/http.(*ServeMux)';
const STD = { within: `${SERVE_MUX}.ServeHTTP`, callee: `${SERVE_MUX}.findHandler` };
const GIN = { within: 'github.com/gin-gonic/gin.(*Engine).handleHTTPRequest', callee: 'github.com/gin-gonic/gin.(*node).getValue' };
const CHI = { within: 'github.com/go-chi/chi/v5.(*Mux).routeHTTP', callee: 'github.com/go-chi/chi/v5.(*node).FindRoute' };
/** ServeMux as it was before Go 1.22, and as it is kept since for programs whose go.mod says an older Go: what is deferred there runs when the pattern is known. */
const OLD = [
  { within: `${SERVE_MUX}.handler`, callee: `${SERVE_MUX}.handler.func1` },
  { within: 'net/http.(*serveMux121).handler', callee: 'net/http.(*serveMux121).handler.deferwrap1' },
] as const;
const MUX = 'github.com/gorilla/mux.requestWithRoute';

export const ROUTER_FUNCTIONS = [STD, GIN, CHI, ...OLD].flatMap(({ within, callee }) => [within, callee]).concat(MUX);

export interface RouterSites {
  /** Function → program. */
  readonly entries: Readonly<Record<string, string>>;
  /** Program → addresses. */
  readonly jumps: ReadonlyMap<string, readonly number[]>;
  readonly places: RouterPlaces;
  /** Functions that look different from what is known. */
  readonly unknown: readonly string[];
}

/** Where they keep on the stack what they have found; 0: it is not there. */
export interface RouterPlaces {
  /** ServeMux as before Go 1.22: the pattern, below the frame pointer. */
  readonly oldPattern: number;
  /** gin's handleHTTPRequest: what getValue has returned, from the stack pointer. */
  readonly ginValue: number;
  /** chi's routeHTTP: its Context, from the stack pointer. */
  readonly chiContext: number;
}

export function findRouterSites(image: ElfImage, functions: GoFunctions): RouterSites {
  const old = OLD.find(({ within, callee }) => functions.has(within) && functions.has(callee));
  const oldPattern = (old && findOld(image, functions, old)) ?? 0;
  const gin = findGin(image, functions);
  const chi = findChi(image, functions);
  const found = [
    { program: 'go_route_std', router: STD, jump: firstJump(image, functions, STD, RSI) },
    { program: 'go_route_gin', router: GIN, jump: gin?.jump },
    { program: 'go_route_chi', router: CHI, jump: chi?.jump },
  ];
  // Before Go 1.22 ServeHTTP has another callee.
  const isUsed = ({ within }: Router) => functions.has(within) && !(within === STD.within && functions.has(OLD[0].within));
  return {
    entries: { ...(old && oldPattern ? { [old.callee]: 'go_route_old' } : {}), [MUX]: 'go_route_mux' },
    jumps: new Map(found.flatMap(({ program, jump }) => (jump === undefined ? [] : [[program, [jump]]]))),
    places: { oldPattern, ginValue: gin?.value ?? 0, chiContext: chi?.context ?? 0 },
    unknown: [
      ...found.flatMap(({ router, jump }) => (jump === undefined && isUsed(router) ? [router.within] : [])),
      ...(old && oldPattern === 0 ? [old.within] : []),
    ],
  };
}

type Router = typeof STD;

/** Behind the first call: gin's second one asks for other methods. */
function callIn(image: ElfImage, functions: GoFunctions, { within, callee }: Router): { call: number; fn: GoFunction } | undefined {
  const fn = functions.get(within);
  const call = fn && callsOf(image, fn, functions.get(callee))[0];
  return fn && call !== undefined ? { call, fn } : undefined;
}

function firstJump(image: ElfImage, functions: GoFunctions, router: Router, kept?: number): number | undefined {
  const site = callIn(image, functions, router);
  return site && nextJump(image, site.fn, site.call + CALL_BYTES, kept);
}

/** `lea n(%rsp),%rbp` where there is no `push %rbp`; else `sub n,%rsp` behind that. */
const FRAME = Buffer.from('488dac24', 'hex');
const ROOM = Buffer.from('4881ec', 'hex');
const PROLOGUE = 48;
const MAX_OLD_BYTES = 4096;
/** `call *%rax`, `mov n(%rsp),%rax`, `mov m(%rsp),%rcx`: what is deferred, then the results, of which the second is the pattern. */
const DEFERRED = Buffer.from('ffd0488b8424', 'hex');
const PATTERN = Buffer.from('488b8c24', 'hex');

/** A word's place on the stack; what is none was another instruction. */
const placeOf = (offset: number): number | undefined => (offset > 0 && offset % 8 === 0 ? offset : undefined);

function findOld(image: ElfImage, functions: GoFunctions, { within }: Router): number | undefined {
  const fn = functions.get(within);
  const code = fn && image.read(fn.address, Math.min(fn.end - fn.address, MAX_OLD_BYTES));
  const deferred = code ? code.indexOf(DEFERRED) : -1;
  if (!code || deferred < 0) return undefined;
  const pattern = deferred + DEFERRED.length + 4;
  const prologue = code.subarray(0, PROLOGUE);
  const frame = [FRAME, ROOM].find((bytes) => prologue.includes(bytes));
  if (!frame || !code.subarray(pattern, pattern + PATTERN.length).equals(PATTERN)) return undefined;
  return placeOf(code.readInt32LE(code.indexOf(frame) + frame.length) - code.readInt32LE(pattern + PATTERN.length));
}

/** `mov`s of what getValue returns (handlers, params, whether a slash is to be added, the route) to the stack, in a row; each with four bytes of displacement. */
const RETURNED = ['48898424', '48899c24', '48898c24', '4889bc24', '4088b424', '4c898424', '4c898c24'].map((hex) => Buffer.from(hex, 'hex'));
const STORE_BYTES = 8;

function findGin(image: ElfImage, functions: GoFunctions): { jump: number; value: number } | undefined {
  const site = callIn(image, functions, GIN);
  const jump = site && nextJump(image, site.fn, site.call + CALL_BYTES);
  if (!site || jump === undefined) return undefined;
  const code = image.read(site.call + CALL_BYTES, RETURNED.length * STORE_BYTES);
  if (code.length < RETURNED.length * STORE_BYTES) return undefined;
  const value = placeOf(code.readInt32LE(4));
  if (value === undefined) return undefined;
  const isStored = RETURNED.every((store, i) => {
    const at = i * STORE_BYTES;
    return code.subarray(at, at + store.length).equals(store) && code.readInt32LE(at + store.length) === value + i * 8;
  });
  return isStored ? { jump, value } : undefined;
}

/** `mov n(%rsp),%rbx`: the Context, as FindRoute's second argument. */
const LOAD_SHORT = Buffer.from('488b5c24', 'hex');
const LOAD_LONG = Buffer.from('488b9c24', 'hex');
const BEFORE_CALL = 40;
/** `movq $0,0xa8(%rbx)` at the beginning of FindRoute: routePattern, which stands in front of RoutePatterns (since chi 5.0.1). */
const RESET = Buffer.from('48c783a800000000000000', 'hex');
const RESET_WITHIN = 96;

function findChi(image: ElfImage, functions: GoFunctions): { jump: number; context: number } | undefined {
  const site = callIn(image, functions, CHI);
  const find = functions.get(CHI.callee);
  const jump = site && nextJump(image, site.fn, site.call + CALL_BYTES, RCX);
  if (!find || !site || jump === undefined || !image.read(find.address, RESET_WITHIN).includes(RESET)) return undefined;
  const code = image.read(site.call - BEFORE_CALL, BEFORE_CALL);
  const [short, long] = [code.lastIndexOf(LOAD_SHORT), code.lastIndexOf(LOAD_LONG)];
  if (short < 0 && long < 0) return undefined;
  const context = placeOf(short > long ? code.readInt8(short + LOAD_SHORT.length) : code.readInt32LE(long + LOAD_LONG.length));
  return context === undefined ? undefined : { jump, context };
}
