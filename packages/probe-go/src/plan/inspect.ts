// SPDX-License-Identifier: Apache-2.0
/** From a Go program to what has to be set up for a process of it: by reading its file alone. */
import { ElfImage, openFile } from '@obi/core/probe';
import { type GoVersion, readGoVersion } from '../binary/build-info.js';
import { CHANNEL_FUNCTIONS, findChannelSites } from '../binary/channel-sites.js';
import { callsOf } from '../binary/direct-calls.js';
import { findFunctions, type GoFunctions } from '../binary/function-table.js';
import { goroutineSlot } from '../binary/goroutine-slot.js';
import { findGrpcSites, GRPC_CLIENT_ENTRY, GRPC_CLIENT_FUNCTIONS, GRPC_ENCODE, GRPC_ENCODES } from '../binary/grpc-sites.js';
import { cheapEntry, PROLOGUE } from '../binary/patch-point.js';
import { findRouterSites, ROUTER_FUNCTIONS, type RouterPlaces } from '../binary/router-sites.js';
import { findTlsSites, TLS_FUNCTIONS } from '../binary/tls-sites.js';
import { AUTO_SDK_FUNCTIONS, findAutoSdkSites } from './auto-sdk.js';
import { HTTP2_FUNCTIONS, http2Programs } from './http2.js';
import { LAYOUTS, type Landmark, type Layout, NEWEST, OLDEST } from './layouts.js';

export interface Hook {
  readonly program: string;
  /** In the file. */
  readonly offset: number;
}

export interface Plan {
  /** Of Go, as the program names it. */
  readonly version: string;
  readonly layout: Layout;
  /** From the thread pointer to the goroutine's address. */
  readonly slot: number;
  readonly hooks: readonly Hook[];
  /** What in it is left alone, in words; undefined: nothing. */
  readonly limit: string | undefined;
  /** Where the program begins, and its landmarks, as addresses of the file. */
  readonly entry: number;
  readonly landmarks: Readonly<Record<Landmark, number | undefined>>;
  /** Programs hang on crypto/tls. */
  readonly tls: boolean;
  readonly places: RouterPlaces;
}

/** Without it nothing is known. */
const EXIT = 'runtime.goexit1';
/** All or none: a writer without users would keep what it was started for. The linker leaves them out of programs that do not use them. */
const CLIENT: Readonly<Record<string, string>> = {
  'net/http.(*persistConn).writeLoop': 'go_writer',
  'net/http.(*persistConn).roundTrip': 'go_client_used',
  'net/http.(*persistConn).readLoop': 'go_helper',
  'net/http.(*Transport).dialConnFor': 'go_helper',
};
/** First methods, by name, of what stands behind a net.Conn and an io.Writer: their addresses tell these types from others. */
const LANDMARKS: Readonly<Record<Landmark, string>> = {
  tcpClose: 'net.(*TCPConn).Close',
  bufferWrite: 'bufio.(*Writer).Write',
  batchWrite: 'google.golang.org/grpc/internal/transport.(*bufWriter).Write',
};
/** Where a header block is sent before the body is there (a body of unknown kind, Expect: 100-continue): calls of the second in the first. */
const FLUSHED = { within: 'net/http.(*Request).write', callee: 'bufio.(*Writer).Flush', program: 'go_head_flushed' } as const;
/** Where a request's header block lies ready. */
const WRITING: Readonly<Record<string, string>> = {
  'net/http.(*transferWriter).writeBody': 'go_head_written',
  'net/http.(*http2Framer).WriteHeaders': 'go_h2_framed',
  'net/http/internal/http2.(*Framer).WriteHeaders': 'go_h2_framed',
  'golang.org/x/net/http2.(*Framer).WriteHeaders': 'go_h2_framed',
};

/**
 * @param path of the program, as obi can open it @param arch of this machine, as Node names it
 * @returns a sentence for what is not served @throws when it cannot be opened, or is no proper program
 */
export function inspect(path: string, arch: string = process.arch): Plan | string {
  if (arch !== 'x64') return `where a thread keeps its goroutine is not known on ${arch}`;
  using image = ElfImage.open(openFile(path));
  const version = image && readGoVersion(image);
  if (!image || !version) return `it was not built by Go 1.${OLDEST} or newer, or its section headers were removed`;
  const layout = LAYOUTS[version.minor];
  if (!layout) return unknown(version);
  const wanted = [
    EXIT,
    ...Object.keys(CLIENT),
    ...Object.keys(WRITING),
    FLUSHED.within,
    FLUSHED.callee,
    ...Object.values(LANDMARKS),
    ...CHANNEL_FUNCTIONS,
    ...TLS_FUNCTIONS,
    ...HTTP2_FUNCTIONS,
    ...GRPC_CLIENT_FUNCTIONS,
    ...AUTO_SDK_FUNCTIONS,
    ...ROUTER_FUNCTIONS,
  ];
  const functions = findFunctions(image, wanted);
  if (!functions) return `${version.text}: its table of functions (.gopclntab) is missing, or of a kind that is not known`;
  if (!functions.has(EXIT) || !functions.has('runtime.newproc1')) return `${version.text}: ${EXIT} or runtime.newproc1 is not in its table of functions`;
  const slot = goroutineSlot(image);
  if (slot === undefined) return `${version.text}: it has thread-local variables of C code, and no symbol tells which is Go's (build it without -s)`;
  // All of them: a goroutine that takes from a channel could not be told from one that goes on with what it has.
  const sites = findChannelSites(image, functions);
  if (typeof sites === 'string') return `${version.text}: ${sites} is not as in Go's own releases (built with a profile, PGO?)`;

  const tls = findTlsSites(image, functions);
  const autoSdk = findAutoSdkSites(image, functions);
  const grpc = findGrpcSites(image, functions);
  const client = entryHooks(image, functions, CLIENT);
  const flushed = functions.get(FLUSHED.within);
  const routers = findRouterSites(image, functions);
  const hooks = [
    ...entryHooks(image, functions, { [EXIT]: 'go_exited' }),
    ...[...sites].flatMap(([program, addresses]) => hooksAt(image, program, addresses)),
    ...entryHooks(image, functions, WRITING),
    ...hooksAt(image, FLUSHED.program, flushed ? callsOf(image, flushed, functions.get(FLUSHED.callee)) : []),
    ...entryHooks(image, functions, http2Programs(functions)),
    ...(typeof grpc === 'object'
      ? [...entryHooks(image, functions, GRPC_CLIENT_ENTRY), ...[...grpc].flatMap(([program, addresses]) => hooksAt(image, program, addresses))]
      : []),
    ...(client.length === Object.keys(CLIENT).length ? client : []),
    ...(typeof tls === 'object' ? [...tls].flatMap(([program, addresses]) => hooksAt(image, program, addresses)) : []),
    ...(typeof autoSdk === 'object' ? [...autoSdk].flatMap(([program, addresses]) => hooksAt(image, program, addresses)) : []),
    ...entryHooks(image, functions, routers.entries),
    ...[...routers.jumps].flatMap(([program, addresses]) => hooksAt(image, program, addresses)),
  ];
  const limits = [
    ...(typeof tls === 'string' ? [`its TLS connections have no spans: ${changed(tls)}`] : []),
    ...(typeof grpc === 'string' ? [`the calls of its gRPC clients have no spans: ${changed(grpc)}`] : []),
    ...(typeof grpc === 'object' && !grpc.has(GRPC_ENCODES) ? [`the calls of its gRPC clients get no traceparent: ${changed(GRPC_ENCODE)}`] : []),
    ...(typeof autoSdk === 'string' ? [`spans that it makes itself are not seen: ${changed(autoSdk)}`] : []),
    ...routers.unknown.map((name) => `routes are not known: ${changed(name)}`),
  ];
  return {
    version: version.text,
    layout,
    slot,
    hooks,
    limit: limits.length > 0 ? limits.join('; ') : undefined,
    entry: image.entry,
    landmarks: {
      tcpClose: functions.get(LANDMARKS.tcpClose)?.address,
      bufferWrite: functions.get(LANDMARKS.bufferWrite)?.address,
      batchWrite: functions.get(LANDMARKS.batchWrite)?.address,
    },
    tls: typeof tls === 'object',
    places: routers.places,
  };
}

const changed = (name: string): string => `${name} is not as in the releases that are known (built with a profile, PGO, or without optimisation?)`;

function unknown({ text, minor }: GoVersion): string {
  const nearest = minor < OLDEST ? OLDEST : NEWEST;
  return `${text} is not known: the layout of its runtime was looked at for Go 1.${OLDEST} to 1.${NEWEST} (the nearest: 1.${nearest}), so none of its requests has a known parent; a newer @obi/probe-go may know it`;
}

function entryHooks(image: ElfImage, functions: GoFunctions, programs: Readonly<Record<string, string>>): Hook[] {
  return Object.entries(programs).flatMap(([name, program]) => {
    const address = functions.get(name)?.address;
    return address === undefined ? [] : hooksAt(image, program, [address + cheapEntry(image.read(address, PROLOGUE))]);
  });
}

function hooksAt(image: ElfImage, program: string, addresses: readonly number[]): Hook[] {
  return addresses.flatMap((address) => {
    const offset = image.offsetOf(address);
    return offset === undefined ? [] : [{ program, offset }];
  });
}
