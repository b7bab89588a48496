// SPDX-License-Identifier: Apache-2.0
/**
 * @obi/probe-kit, for the commands of authors. Not a dependency, since nothing of it runs when obi traces: who only traces does not install it.
 * It is an optional peer instead, found beside obi or in the project that obi was started in, which is where an author has it.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export type Kit = typeof import('@obi/probe-kit');

/** Put together when it is needed, so that no bundler takes the kit along. */
const kitName = () => ['@obi', 'probe-kit'].join('/');

/** Something that the author can mend: one message and exit code 2, as for a wrong command line. */
export class AuthorError extends Error {}

/** @throws AuthorError that says what to install. */
export async function loadKit(command: string): Promise<Kit> {
  try {
    return (await import(kitName())) as Kit;
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
  try {
    return (await import(pathToFileURL(createRequire(join(process.cwd(), 'package.json')).resolve(kitName())).href)) as Kit;
  } catch (error) {
    if (!isAbsent(error)) throw error;
    throw new AuthorError(`obi ${command} needs @obi/probe-kit, which is neither beside obi nor in this project: npm install --save-dev @obi/probe-kit`);
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
}
