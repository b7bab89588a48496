// SPDX-License-Identifier: Apache-2.0
/** Compares the table of runtimes with one process, reading no more of it than the comparison needs. */
import { readElfSectionNames } from '../elf/elf-sections.js';
import { compilePathGlobs, compileTextGlobs } from './glob.js';
import type { ProcFs } from './proc-fs.js';
import type { Evidence } from './runtime-table.js';

/** The programs that are read once per file, not once per process; forgotten all at once when there are many. */
const MAX_CACHED_FILES = 512;
export type SectionCache = Map<string, ReadonlySet<string>>;

/** What is known of one process at one moment; each source is read at most once. */
export class ProcessEvidence {
  readonly executable: string;
  readonly commandLine: string;
  readonly #procFs: ProcFs;
  readonly #pid: number;
  readonly #cache: SectionCache;
  #sections: ReadonlySet<string> | undefined;
  #mappedFiles: readonly string[] | undefined;
  #threadNames: readonly string[] | undefined;
  #openFiles: readonly string[] | undefined;

  constructor(procFs: ProcFs, cache: SectionCache, process: { readonly pid: number; readonly exe: string; readonly cmdline: readonly string[] }) {
    this.#procFs = procFs;
    this.#cache = cache;
    this.#pid = process.pid;
    this.executable = process.exe;
    this.commandLine = joinCommandLine(process.cmdline);
  }

  hasSibling(ending: string): boolean {
    return this.#procFs.fileExists(this.#pid, this.executable + ending);
  }

  get sections(): ReadonlySet<string> {
    this.#sections ??= this.#readSections();
    return this.#sections;
  }

  get mappedFiles(): readonly string[] {
    this.#mappedFiles ??= this.#procFs.mappedFiles(this.#pid);
    return this.#mappedFiles;
  }

  get threadNames(): readonly string[] {
    this.#threadNames ??= this.#procFs.threadNames(this.#pid);
    return this.#threadNames;
  }

  get openFiles(): readonly string[] {
    this.#openFiles ??= this.#procFs.openFiles(this.#pid);
    return this.#openFiles;
  }

  #readSections(): ReadonlySet<string> {
    using file = this.#procFs.openExecutable(this.#pid);
    if (!file) return new Set();
    const known = this.#cache.get(file.identity);
    if (known) return known;
    const sections = readElfSectionNames(file);
    if (this.#cache.size >= MAX_CACHED_FILES) this.#cache.clear();
    this.#cache.set(file.identity, sections);
    return sections;
  }
}

/** A compiled row of the table. */
export type EvidenceTest = (process: ProcessEvidence) => boolean;

/** Compiles a row; its tests run cheapest first and stop at the first that fails. */
export function compileEvidence(row: Evidence): EvidenceTest {
  const tests: EvidenceTest[] = [];
  if (row.executables) {
    const matches = compilePathGlobs(row.executables);
    tests.push((process) => matches(process.executable));
  }
  if (row.commandLine) {
    const matches = compileTextGlobs(row.commandLine);
    tests.push((process) => matches(process.commandLine));
  }
  const { sections, siblings } = row;
  if (sections) tests.push((process) => sections.some((name) => process.sections.has(name)));
  if (siblings) tests.push((process) => siblings.some((ending) => process.hasSibling(ending)));
  if (row.threadNames) {
    const matches = compileTextGlobs(row.threadNames);
    tests.push((process) => process.threadNames.some(matches));
  }
  if (row.mappedFiles) {
    const matches = compileTextGlobs(row.mappedFiles);
    tests.push((process) => process.mappedFiles.some(matches));
  }
  if (row.openFiles) {
    const matches = compileTextGlobs(row.openFiles);
    tests.push((process) => process.openFiles.some(matches));
  }
  return (process) => tests.every((test) => test(process));
}

/** As globs see a command line: control characters (a program given to `-c`) would end a `*`. */
export function joinCommandLine(args: readonly string[]): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
  return args.join(' ').replace(/[\u0000-\u001f]/g, ' ');
}
