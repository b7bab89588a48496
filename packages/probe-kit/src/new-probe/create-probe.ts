// SPDX-License-Identifier: Apache-2.0
/** `obi new-probe`: a probe package of a template, under another name. The template is itself a probe that builds, for the protocol "parrot". */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NAME_LIMIT } from '../conformance/checks.js';

/** What stands for the name in texts and file names of the template, in three spellings. */
const PLACEHOLDER = 'parrot';
/** Longest ending of a program's or a map's name in the template. */
const ENDING = '_conns';
const LONGEST = NAME_LIMIT - ENDING.length;
/** npm would take these names for its own. */
const RENAMED: Readonly<Record<string, string>> = { gitignore: '.gitignore' };

export interface NewProbe {
  /** The probe's id: lower case letters and digits, at most 9. */
  readonly name: string;
  /** Folder of the package. Must not exist, or be empty. */
  readonly directory: string;
  /** Default: the template of this package. */
  readonly template?: string;
}

/** @returns paths of the files written, relative to the folder, sorted. @throws Error saying what is wrong with name or folder; nothing is written then. */
export function createProbe({ name, directory, template = protocolTemplate() }: NewProbe): string[] {
  if (!new RegExp(`^[a-z][a-z0-9]{0,${LONGEST - 1}}$`).test(name))
    throw new Error(
      `"${name}" cannot be the name of a probe: lower case letters and digits, a letter first, at most ${LONGEST} (the kernel keeps ${NAME_LIMIT} characters of a program's name)`,
    );
  if (existsSync(directory) && (!statSync(directory).isDirectory() || readdirSync(directory).length > 0))
    throw new Error(`${directory} exists and is not an empty folder`);
  const renamed = spell(name);
  const files = templateFiles(template).map((file) => ({ from: join(template, file), to: renamed(file), mode: statSync(join(template, file)).mode }));
  for (const { from, to, mode } of files) {
    const path = join(directory, ...to.split('/').map((part) => RENAMED[part] ?? part));
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, renamed(readFileSync(from, 'utf8')));
    chmodSync(path, mode & 0o777);
  }
  useCheckout(directory);
  return files.map(({ to }) => RENAMED[to] ?? to).sort();
}

/** Each spelling of the placeholder becomes the same spelling of `name`. */
function spell(name: string): (text: string) => string {
  const spellings = [(word: string) => word, (word: string) => word.toUpperCase(), (word: string) => word.charAt(0).toUpperCase() + word.slice(1)];
  return (text) => spellings.reduce((result, spelling) => result.replaceAll(spelling(PLACEHOLDER), spelling(name)), text);
}

/** What git would not commit of a template that somebody has built in place is no part of it. */
const BUILT = new Set(['node_modules', 'dist', 'generated']);

function templateFiles(template: string, folder = ''): string[] {
  return readdirSync(join(template, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [path];
    return BUILT.has(entry.name) ? [] : templateFiles(template, path);
  });
}

/** A kit that lies in a checkout and not in node_modules: the packages of that checkout are used, since they may not be published yet. */
function useCheckout(directory: string): void {
  const kit = packageDirectory();
  if (kit.split('/').includes('node_modules')) return;
  const checkout: Readonly<Record<string, string>> = { '@obi/bpf': join(kit, '../../bpf'), '@obi/core': join(kit, '../core'), '@obi/probe-kit': kit };
  const path = join(directory, 'package.json');
  const json = JSON.parse(readFileSync(path, 'utf8')) as { devDependencies: Record<string, string> };
  const from = realpathSync(directory);
  for (const [name, folder] of Object.entries(checkout)) json.devDependencies[name] = `file:${relative(from, resolve(folder))}`;
  writeFileSync(path, `${JSON.stringify(json, null, 2)}\n`);
}

function protocolTemplate(): string {
  return join(packageDirectory(), 'templates/protocol');
}

/** Compiled code and sources lie equally deep in this package. */
function packageDirectory(): string {
  return realpathSync(fileURLToPath(new URL('../..', import.meta.url))).replace(/\/$/, '');
}
