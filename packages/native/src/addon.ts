// SPDX-License-Identifier: Apache-2.0
// Finds the compiled addon: in this package (a checkout that built it), else in the platform package.
import { createRequire } from 'node:module';
import type * as Binding from '../index.js';

export type Addon = typeof Binding;

let loaded: Addon | undefined;

/** @throws when there is no addon for this platform, naming what was tried. */
export function addon(): Addon {
  loaded ??= load();
  return loaded;
}

function load(): Addon {
  const platform = `${process.platform}-${process.arch}`;
  // npm installs the package of this libc only; what was built for the other one does not load.
  const builds = ['gnu', 'musl'].map((libc) => `${platform}-${libc}`);
  const candidates = [...builds.map((build) => `../obi-native.${build}.node`), ...builds.map((build) => `@obi/native-${build}`)];
  const require = createRequire(import.meta.url);
  const failures: string[] = [];
  for (const candidate of candidates) {
    try {
      return require(candidate) as Addon;
    } catch (error) {
      failures.push(`${candidate}: ${(error as Error).message.split('\n', 1)[0]}`);
    }
  }
  throw new Error(
    `@obi/native: no addon for ${platform} (prebuilt ones: README, Platforms). In a checkout run \`npm run build -w @obi/native\`. Tried ${failures.join('; ')}`,
  );
}
