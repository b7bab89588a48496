// SPDX-License-Identifier: Apache-2.0
// Makes bundle/obi.cjs of dist/: what is published. A checkout runs dist/ itself, so that a rebuilt package counts at once.
// Why a bundle: less memory (bench/footprint.mjs prints how much). Probes stay packages of their own; they are imported when obi runs.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { lazyModules } from './lazy-modules.mjs';
import { npmNotices } from './notices.mjs';

const folder = fileURLToPath(new URL('..', import.meta.url));
process.chdir(folder);
rmSync('bundle', { recursive: true, force: true });
if (process.argv[2] === '--remove') process.exit(0);

const { metafile } = await build({
  absWorkingDir: folder,
  entryPoints: ['./dist/index.js'],
  outfile: 'bundle/obi.cjs',
  bundle: true,
  platform: 'node',
  target: 'node22.15',
  // Not ESM: importing a module of Node there reads all its exports, and one of http's loads the whole of undici.
  format: 'cjs',
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  minify: true,
  keepNames: true,
  legalComments: 'none', // all of them are in the notices
  // These bring files of their own: the addon and the BPF objects.
  external: ['@obi/native', '@obi/bpf'],
  plugins: [lazyModules],
  metafile: true,
  logLevel: 'warning',
});
mkdirSync('bundle', { recursive: true });
writeFileSync('bundle/THIRD-PARTY-NOTICES.txt', npmNotices(Object.keys(metafile.inputs)));
