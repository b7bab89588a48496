// SPDX-License-Identifier: Apache-2.0
/** Is an executable really Node.js? By what it exports, not by its name: other runtimes are installed as `node` too. */
import { ElfImage, openFile } from '@obi/core/probe';
import { list, readLink, readText } from './process-status.js';

/** node::Start(int, char**): in every build, or in the libnode that a distribution's small executable is linked to. Nobody else has it. */
const NODE_START = '_ZN4node5StartEiPPc';
const MAX_KNOWN = 512;
const known = new Map<string, boolean>();

/** @returns why not, or undefined when it is */
export function whyNotNode(pid: number): string | undefined {
  const exe = readLink(`/proc/${pid}/exe`);
  if (exe === undefined) return 'it has no executable (ended, or not ours to read)';
  if (definesNodeStart(`/proc/${pid}/exe`)) return undefined;
  const library = libnodeOf(pid);
  if (library && definesNodeStart(library)) return undefined;
  return `${exe} is not Node.js: it exports no node::Start`;
}

/** The file that holds Node's code, as /proc/<pid>/maps names it. */
export const isNodeCode = (file: string, exe: string | undefined): boolean => file === exe || /\/libnode\.so[.\d]*$/.test(file);

/** By a link that works from any mount namespace. */
function libnodeOf(pid: number): string | undefined {
  const range = (readText(`/proc/${pid}/maps`) ?? '').match(/^(\S+) .*\/libnode\.so[.\d]*$/m)?.[1];
  return range && list(`/proc/${pid}/map_files`).includes(range) ? `/proc/${pid}/map_files/${range}` : undefined;
}

function definesNodeStart(path: string): boolean {
  let file: ReturnType<typeof openFile>;
  try {
    file = openFile(path);
  } catch {
    return false; // gone meanwhile
  }
  const before = known.get(file.identity);
  if (before !== undefined) {
    file[Symbol.dispose]();
    return before;
  }
  using image = ElfImage.open(file);
  const answer = image?.symbols(new Set([NODE_START])).has(NODE_START) ?? false;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(file.identity, answer);
  return answer;
}
