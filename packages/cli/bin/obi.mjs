#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
// The installed command. A Node that is too old gets a sentence, not a syntax error.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  console.error(`obi: needs Node.js 22.15 or newer, this is ${process.versions.node}`);
  process.exit(1);
}
const { main } = await import('../dist/index.js');
await main(process.argv);
