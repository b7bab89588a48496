#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// Holds src/plan/layouts.ts and bpf/go.h against the DWARF of programs that each Go release built, and looks for the places where hooks hang. The toolchains come through Go's module proxy.
// usage: node packages/probe-go/tools/offsets.mjs [1.26.8 …]     without versions: the first and the newest release of every minor version that is served
//        node packages/probe-go/tools/offsets.mjs --releases     lists the releases since Go 1.18, and builds nothing
// exit: 0 when all agree, 1 when one does not or a minor version is not served (it is named), 2 when the module proxy or a toolchain is missing; the package must be built
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from '../dist/plan/inspect.js';
import { LAYOUTS } from '../dist/plan/layouts.js';

/** What is the same in all versions stands in the C header. @type {Record<string, string>} member → macro */
const FIXED = {
  'runtime.g.m': 'GO_G_M',
  'runtime.g.sched': 'GO_G_SCHED',
  'runtime.m.g0': 'GO_M_G0',
  'runtime.gobuf.g': 'GO_GOBUF_G',
  'runtime.sudog.g': 'GO_SUDOG_G',
  'runtime.hchan.dataqsiz': 'GO_HCHAN_DATAQSIZ',
  'runtime.hchan.buf': 'GO_HCHAN_BUF',
  'runtime.hchan.elemsize': 'GO_HCHAN_ELEMSIZE',
  'crypto/tls.Conn.conn': 'GO_TLS_CONN',
  'crypto/tls.Conn.isClient': 'GO_TLS_IS_CLIENT',
  'internal/poll.FD.Sysfd': 'GO_FD_SYSFD',
  'net/http.Request.URL': 'GO_REQUEST_URL',
  'net/http.Request.RequestURI': 'GO_REQUEST_TARGET',
  'net/url.URL.Path': 'GO_URL_PATH',
};
/** Structures that bpf/tls.bpf.h and client.bpf.h take for their first member. */
const FIRST = ['net/http.transportRequest.Request', 'net.TCPConn.conn', 'net.conn.fd', 'net.netFD.pfd'];
/** It had another name. */
const ITAB = { name: 'GO_ITAB_FUN', old: 'runtime.itab.fun', member: 'internal/abi.ITab.Fun', since: 23 };
/** net/http's HTTP/2, which is a package of its own since Go 1.27. @type {(minor: number) => Record<string, number>} */
const http2 = (minor) => {
  const [prefix, connection] = minor < 27 ? ['net/http.http2', 'GO_SERVER_CONN'] : ['net/http/internal/http2.', 'GO_SERVER_CONN_1_27'];
  return {
    [`${prefix}serverConn.conn`]: macro(connection),
    [`${prefix}ClientConn.tconn`]: macro('GO_CLIENT_CONN'),
    [`${prefix}MetaHeadersFrame.Fields`]: macro('GO_META_FIELDS'),
    [`${prefix}responseWriter.rws`]: macro('GO_RESPONSE_STATE'),
    [`${prefix}responseWriterState.stream`]: macro('GO_RESPONSE_STREAM'),
    [`${prefix}writeResHeaders.httpResCode`]: macro('GO_HEADERS_STATUS'),
    // The last one, a byte, in words.
    'vendor/golang.org/x/net/http2/hpack.HeaderField.Sensitive': macro('GO_HEADER_FIELD_BYTES') - 8,
  };
};
/** A pattern of ServeMux begins with three strings, since Go 1.22. @type {(minor: number) => Record<string, number>} */
const pattern = (minor) => (minor < 22 ? {} : { 'net/http.pattern.str': 0, 'net/http.pattern.method': 16, 'net/http.pattern.host': 32 });
const MEMBERS = [...Object.keys(FIXED), ...FIRST, 'runtime.m.curg', 'runtime.hchan.elemtype', 'runtime.hchan.recvx', 'net/http.Request.ctx'];

/** Has all that is looked for. */
const SAMPLE = `package main

import (
	"crypto/tls"
	"net/http"
)

func main() {
	go http.ListenAndServeTLS("localhost:0", "", "", http.DefaultServeMux)
	go http.Get("http://localhost:0")
	connection, err := tls.Dial("tcp", "localhost:0", nil)
	if err != nil {
		<-make(chan int)
	}
	connection.Read(nil)
	connection.Write(nil)
}
`;

const header = readFileSync(new URL('../bpf/go.h', import.meta.url), 'utf8');
const macro = (/** @type {string} */ name) => Number(new RegExp(`#define ${name} (\\d+)`).exec(header)?.[1]);
const OLDEST = Math.min(...Object.keys(LAYOUTS).map(Number));

const folder = mkdtempSync(join(tmpdir(), 'obi-offsets-'));
/** @param {string} program @param {string[]} args @param {string} cwd @param {Record<string, string>} [env] */
const go = (program, args, cwd, env = {}) =>
  execFileSync(program, args, { cwd, env: { ...process.env, CGO_ENABLED: '0', ...env }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** All final releases that are served or newer, oldest first. @returns {Map<number, string[]>} by minor version */
function releases() {
  const all = go('go', ['list', '-m', '-versions', 'golang.org/toolchain'], folder, { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod' });
  /** @type {Map<number, string[]>} */ const byMinor = new Map();
  for (const [, version = '', minor] of all.matchAll(/-go(1\.(\d+)(?:\.\d+)?)\.linux-amd64/g))
    if (Number(minor) >= OLDEST) byMinor.set(Number(minor), [...(byMinor.get(Number(minor)) ?? []), version]);
  const patch = (/** @type {string} */ version) => Number(version.split('.')[2] ?? 0);
  for (const list of byMinor.values()) list.sort((a, b) => patch(a) - patch(b));
  if (byMinor.size === 0) throw new Error('the module proxy lists no release of golang.org/toolchain');
  return new Map([...byMinor].sort(([a], [b]) => a - b));
}

/** @param {Map<number, string[]>} byMinor */
function list(byMinor) {
  for (const [minor, versions] of byMinor) {
    const isServed = LAYOUTS[minor] !== undefined;
    if (!isServed) process.exitCode = 1;
    console.log(`go1.${minor}: ${versions[0]} to ${versions.at(-1)}, ${isServed ? 'served' : 'not known'}`);
  }
}

/** @param {readonly string[]} versions */
function check(versions) {
  const reader = join(folder, 'offsets');
  go('go', ['build', '-o', reader, '.'], new URL('offsets', import.meta.url).pathname);
  writeFileSync(join(folder, 'main.go'), SAMPLE);
  for (const version of versions) {
    const sample = join(folder, `go${version}`);
    // By its file: Go 1.19 from the module proxy finds no folder.
    go('go', ['build', '-o', sample, 'main.go'], folder, { GOTOOLCHAIN: `go${version}` });
    const minor = Number(version.split('.')[1]);
    const itab = minor < ITAB.since ? ITAB.old : ITAB.member;
    const found = JSON.parse(go(reader, [sample, ...MEMBERS, ...Object.keys(http2(minor)), ...Object.keys(pattern(minor)), itab], folder));
    const layout = LAYOUTS[minor];
    const told = {
      ...Object.fromEntries(Object.entries(FIXED).map(([member, name]) => [member, macro(name)])),
      ...Object.fromEntries(FIRST.map((member) => [member, 0])),
      [itab]: macro(ITAB.name),
      ...http2(minor),
      ...pattern(minor),
      'runtime.m.curg': layout?.curg,
      'runtime.hchan.elemtype': layout?.elemtype,
      'net/http.Request.ctx': layout?.requestContext,
      'runtime.hchan.recvx': layout && layout.elemtype + macro('GO_HCHAN_RECVX'),
    };
    const wrong = Object.entries(told).filter(([member, offset]) => found[member] !== offset);
    const plan = inspect(sample, 'x64');
    const faults = [
      ...wrong.map(([member, offset]) => `${member} is ${found[member]}, not ${offset}`),
      ...(typeof plan === 'string'
        ? [plan]
        : plan.limit
          ? [plan.limit]
          : [
              ...(plan.tls ? [] : ['crypto/tls was not found in it']),
              ...(['go_h2_opened', 'go_h2_encodes'].every((wanted) => plan.hooks.some(({ program }) => program === wanted))
                ? []
                : ['HTTP/2 was not found in it']),
              ...(['go_route_old', ...(minor < 22 ? [] : ['go_route_std'])].every((wanted) => plan.hooks.some(({ program }) => program === wanted))
                ? []
                : ['ServeMux was not found in it']),
            ]),
    ];
    if (faults.length > 0) process.exitCode = 1;
    console.log(`go${version}: ${faults.length === 0 ? 'as known' : faults.join('; ')}`);
  }
}

try {
  writeFileSync(join(folder, 'go.mod'), 'module sample\n\ngo 1.18\n');
  const asked = process.argv.slice(2);
  if (asked[0] === '--releases') list(releases());
  else if (asked.length > 0) check(asked);
  else check([...releases().values()].flatMap((versions) => [...new Set([versions[0] ?? '', versions.at(-1) ?? ''])]));
} catch (error) {
  console.error(`offsets: ${error instanceof Error ? `${error.message}\n${/** @type {any} */ (error).stderr ?? ''}` : error}`);
  process.exitCode = 2;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
