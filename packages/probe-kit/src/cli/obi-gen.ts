// SPDX-License-Identifier: Apache-2.0
/** The command `obi-gen`: built BPF objects in, readers, manifest and diagram out. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { parseArgs } from 'node:util';
import type { Architecture } from '@obi/core';
import { readExports } from '../events/event-exports.js';
import { type BuiltObject, buildManifest } from '../generate/manifest.js';
import { renderDiagram, withDiagram } from '../generate/mermaid.js';
import { renderReaders } from '../generate/readers.js';
import { readBpfObject } from '../object/bpf-object.js';

const USAGE = `obi-gen --id ID --object [ARCH=]PATH [--object ...] [--readers FILE] [--manifest FILE] [--mermaid FILE] [--check]
  --id        short name of the probe
  --object    a built object; ARCH is x86_64 or arm64, by default the name of a folder in PATH
  --readers   write the TypeScript readers of its events (committed); no file when it exports none
  --manifest  write the generated manifest (not committed)
  --mermaid   put the program-map-event diagram between the marks of this Markdown file (committed)
  --check     write nothing committed; fail when readers or diagram differ from what would be written
`;
const ARCHITECTURES: readonly Architecture[] = ['x86_64', 'arm64'];

/** @returns the exit code: 0 done, 1 refused or different, 2 wrong usage. Prints to stderr. */
export function main(args: readonly string[]): number {
  try {
    const options = parse(args);
    if (options === undefined) {
      process.stderr.write(USAGE);
      return 2;
    }
    return run(options);
  } catch (error) {
    process.stderr.write(`obi-gen: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

interface Options {
  readonly id: string;
  readonly objects: readonly string[];
  readonly readers: string | undefined;
  readonly manifest: string | undefined;
  readonly mermaid: string | undefined;
  readonly check: boolean;
}

function parse(args: readonly string[]): Options | undefined {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        id: text,
        object: { type: 'string', multiple: true },
        readers: text,
        manifest: text,
        mermaid: text,
        check: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
    if (values.help || values.id === undefined || values.object === undefined) return undefined;
    return { id: values.id, objects: values.object, readers: values.readers, manifest: values.manifest, mermaid: values.mermaid, check: values.check ?? false };
  } catch (error) {
    process.stderr.write(`obi-gen: ${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

function run(options: Options): number {
  const built = options.objects.map(load);
  const [first] = built;
  if (first === undefined) throw new Error('no object given');
  const different: string[] = [];
  const put = (path: string, text: string, committed: boolean): void => {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
    if (options.check && committed) different.push(path);
    else {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  };
  const { events, enums } = first.exports;
  if (options.readers !== undefined && events.length + enums.length > 0) put(options.readers, renderReaders(first.exports, basename(first.path)), true);
  if (options.mermaid !== undefined) put(options.mermaid, diagramIn(options.mermaid, first), true);
  if (options.manifest !== undefined) put(options.manifest, `${JSON.stringify(buildManifest(built, options.manifest), null, 2)}\n`, false);
  for (const path of different)
    process.stderr.write(`obi-gen: ${path} does not match the object of probe ${options.id}: run obi-gen without --check and commit the result\n`);
  return different.length === 0 ? 0 : 1;
}

function load(argument: string): BuiltObject {
  const [, named, path = argument] = /^(\w+)=(.+)$/.exec(argument) ?? [];
  const found = named ?? path.split('/').find((part) => (ARCHITECTURES as readonly string[]).includes(part));
  const architecture = ARCHITECTURES.find((known) => known === found);
  if (architecture === undefined) throw new Error(`--object ${argument}: architecture unknown; write --object ${ARCHITECTURES.join('|')}=PATH`);
  const bytes = readFileSync(path);
  const object = readBpfObject(bytes, path);
  try {
    return { architecture, path, bytes, object, exports: readExports(object.btf) };
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function diagramIn(path: string, { object, exports }: BuiltObject): string {
  try {
    return withDiagram(readFileSync(path, 'utf8'), renderDiagram(object, exports));
  } catch (cause) {
    throw new Error(`${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
