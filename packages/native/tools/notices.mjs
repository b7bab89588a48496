// SPDX-License-Identifier: Apache-2.0
// Writes THIRD-PARTY-NOTICES.txt: what is linked into the addon. usage: node tools/notices.mjs [--check]   (needs cargo and the crates' sources)
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeNotices } from '../../../tools/release/notices.mjs';

const folder = fileURLToPath(new URL('..', import.meta.url));
const file = path.join(folder, 'THIRD-PARTY-NOTICES.txt');
const INTRODUCTION = `The addon of @obi/native (obi-native.<platform>.node) contains the following crates and C libraries.
Written by tools/notices.mjs; do not edit.

libelf is used under the LGPL version 3. Its source is part of the crate libbpf-sys. To use the addon with a changed libelf, change it there (a [patch]
entry in Cargo.toml) and run \`npm run build:addon\`: everything that is needed for it is published, under the Apache License 2.0, with this repository.`;

/** C libraries in the sources of the crate libbpf-sys, with the licence that is chosen where there is a choice. */
const C_LIBRARIES = [
  { name: 'libbpf', licence: 'BSD-2-Clause', texts: ['libbpf/LICENSE.BSD-2-Clause'] },
  { name: 'elfutils libelf', licence: 'LGPL-3.0-or-later', texts: ['elfutils/COPYING-LGPLV3', 'elfutils/COPYING'] },
  { name: 'zlib', licence: 'Zlib', texts: ['zlib/LICENSE'] },
];

const MIT = (/** @type {string[]} */ authors) => `Copyright (c) ${authors.join(', ')}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS
FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY,
WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

/** @typedef {{ id: string, name: string, version: string, license: string | null, authors: string[], manifest_path: string, targets: { kind: string[] }[] }} Crate */

function notices() {
  const options = ['metadata', '--format-version', '1', '--locked', '--filter-platform', 'x86_64-unknown-linux-gnu'];
  const metadata = JSON.parse(execFileSync('cargo', options, { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 26 }));
  const crates = linkedCrates(metadata);
  const libbpfSys = crates.find(({ name }) => name === 'libbpf-sys');
  if (!libbpfSys) throw new Error('notices: libbpf-sys is not linked any more; the C libraries must be listed anew');
  return writeNotices(INTRODUCTION, [...crates.map(crateNotice), ...cLibraries(libbpfSys), rustLibrary(crates)]);
}

/** Crates that end up in the addon: no build dependencies, no procedural macros, not the addon's own. @returns {Crate[]} */
function linkedCrates(/** @type {any} */ { packages, resolve }) {
  const crates = new Map(packages.map((/** @type {Crate} */ crate) => [crate.id, crate]));
  const nodes = new Map(resolve.nodes.map((/** @type {any} */ node) => [node.id, node]));
  const seen = new Set([resolve.root]);
  for (const id of seen) {
    for (const { pkg, dep_kinds } of nodes.get(id).deps) {
      const isMacro = crates.get(pkg).targets.some((/** @type {any} */ { kind }) => kind.includes('proc-macro'));
      if (!isMacro && dep_kinds.some((/** @type {any} */ { kind }) => kind === null)) seen.add(pkg);
    }
  }
  seen.delete(resolve.root);
  return [...seen].map((id) => crates.get(id));
}

/** @param {Crate} crate */
function crateNotice({ name, version, license, authors, manifest_path }) {
  const directory = path.dirname(manifest_path);
  if (!license) throw new Error(`notices: crate ${name} names no licence`);
  const files = readdirSync(directory).filter((entry) => /^(licen[cs]e|copying|notice|unlicense)/i.test(entry));
  // Of a choice with MIT, MIT is taken: the shortest. LGPL never.
  const mit = files.filter((entry) => /^licen[cs]e-mit/i.test(entry));
  const chosen = (mit.length > 0 ? mit : files).filter((entry) => !/lgpl/i.test(entry)).sort();
  const own = chosen.map((entry) => readFileSync(path.join(directory, entry), 'utf8'));
  // Some crates are published without the file.
  const texts = own.length > 0 ? own : license === 'MIT' && authors.length > 0 ? [MIT(authors)] : [];
  return { name, version, licence: license, texts };
}

/** @param {Crate} libbpfSys */
function cLibraries({ version, manifest_path }) {
  const read = (/** @type {string} */ name) => readFileSync(path.join(path.dirname(manifest_path), name), 'utf8');
  return C_LIBRARIES.map(({ name, licence, texts }) => ({ name, version: `of libbpf-sys ${version}`, licence, texts: texts.map(read) }));
}

/** Its version is the compiler's. Its licence is the one of most crates, whose Apache text stands in LICENSE. @param {Crate[]} crates */
function rustLibrary(crates) {
  const [libc] = crates.filter(({ name }) => name === 'libc');
  if (!libc) throw new Error('notices: libc is not linked any more');
  const text = readFileSync(path.join(path.dirname(libc.manifest_path), 'LICENSE-MIT'), 'utf8');
  return { name: 'Rust standard library', version: 'of the compiler', licence: 'MIT OR Apache-2.0', texts: [text] };
}

const text = notices();
if (process.argv[2] !== '--check') writeFileSync(file, text);
else if (readFileSync(file, 'utf8') !== text) {
  console.error('packages/native/THIRD-PARTY-NOTICES.txt is not what the crates of Cargo.lock say; run: npm run gen:notices -w @obi/native');
  process.exitCode = 1;
}
