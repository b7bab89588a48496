// SPDX-License-Identifier: Apache-2.0
/** `obi new-probe NAME`: a probe package that builds and passes its tests, to be changed into one for another protocol. */
import { relative, resolve } from 'node:path';
import { AuthorError, loadKit } from './kit.js';

export interface NewProbeOptions {
  /** Default: `obi-probe-NAME` in the working directory. */
  readonly dir?: string;
}

/** @throws AuthorError for a name or a folder that cannot be taken. */
export async function newProbe(name: string, { dir = `obi-probe-${name}` }: NewProbeOptions): Promise<void> {
  const { createProbe } = await loadKit('new-probe');
  const directory = resolve(dir);
  let files: readonly string[];
  try {
    files = createProbe({ name, directory });
  } catch (cause) {
    throw new AuthorError((cause as Error).message, { cause });
  }
  const near = relative(process.cwd(), directory) || '.';
  const folder = near.startsWith('..') ? directory : near;
  console.log(`${folder}: ${files.length} files. Next:

  cd ${folder}
  npm install
  npm run build        needs clang, llvm-strip and libbpf's headers (Debian: clang llvm libbpf-dev)
  npm test
  obi probes --plugins .

Then make it yours: bpf/protocol.bpf.h says how the protocol is recognised and where its messages end; DEV.md says the rest.`);
}
