#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The installed command. A Node that is too old gets a sentence, not a syntax error.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  console.error(`obi: needs Node.js 22.15 or newer, this is ${process.versions.node}`);
  process.exit(1);
}
const { createRequire, enableCompileCache } = await import('node:module');
const { existsSync } = await import('node:fs');
// In the user's own cache folder or nowhere: Node's default is one below /tmp that all users share.
if (process.env.XDG_CACHE_HOME || process.env.HOME) enableCompileCache(`${process.env.XDG_CACHE_HOME || `${process.env.HOME}/.cache`}/obi/compiled`);
// A checkout has no bundle and runs what was built last.
const bundle = new URL('../bundle/obi.cjs', import.meta.url);
const { main } = existsSync(bundle) ? createRequire(import.meta.url)('../bundle/obi.cjs') : await import('../dist/index.js');
await main(process.argv);
