// SPDX-License-Identifier: Apache-2.0
// Probe packages as a stranger would publish them, made from the built http probe and then broken in one place each.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { readElf } from '../../../packages/probe-kit/src/elf/elf-file.js';
import { root } from './features.js';

const http = path.join(root, 'packages/probe-http');
const architecture = process.arch === 'x64' ? 'x86_64' : 'arm64';

export interface ThirdParty {
  readonly directory: string;
  readonly manifest: string;
  readonly object: string;
}

/**
 * A package that works: the http probe under another id, and, of its slots, only those of `slots`.
 * @param code the module; `http` is the definition of the http probe in it
 */
export function makePackage(folder: string, id: string, slots: Record<string, string>, code = `export default { ...http, id: '${id}' };`): ThirdParty {
  const directory = path.join(folder, id);
  mkdirSync(directory);
  const made = { directory, manifest: path.join(directory, 'manifest.json'), object: path.join(directory, 'probe.bpf.o') };
  const entry = { id, kind: 'protocol', api: 1, manifest: 'manifest.json', slots };
  writeFileSync(
    path.join(directory, 'package.json'),
    JSON.stringify({ name: `third-party-${id}`, version: '1.0.0', type: 'module', main: 'index.js', keywords: ['obi-probe'], obi: entry }),
  );
  writeFileSync(path.join(directory, 'index.js'), `import http from '${pathToFileURL(path.join(http, 'dist/index.js'))}';\n${code}\n`);
  writeFileSync(made.object, readFileSync(path.join(http, `bpf/dist/${architecture}/http.bpf.o`)));
  generate(made, id);
  return made;
}

/** Its manifest, from its object, by the author's own tool. */
export function generate({ manifest, object }: ThirdParty, id: string): void {
  execFileSync(
    process.execPath,
    [path.join(root, 'packages/probe-kit/bin/obi-gen.mjs'), '--id', id, '--object', `${architecture}=${object}`, '--manifest', manifest],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
}

/** Changes the manifest's text. */
export function edit({ manifest }: ThirdParty, change: (text: string) => string): void {
  const before = readFileSync(manifest, 'utf8');
  const after = change(before);
  if (after === before) throw new Error(`${manifest}: nothing changed`);
  writeFileSync(manifest, after);
}

/** Makes the object one that was compiled against another version of the C SDK. */
export function setAbi({ object }: ThirdParty, abi: number): void {
  const bytes = readFileSync(object);
  const elf = readElf(bytes);
  const symbol = elf.symbols.find(({ name }) => name === 'obi_abi');
  const section = symbol && elf.sections[symbol.section];
  if (!symbol || !section) throw new Error(`${object} has no obi_abi`);
  bytes.writeUInt32LE(abi, section.data.byteOffset - bytes.byteOffset + symbol.value);
  writeFileSync(object, bytes);
}
