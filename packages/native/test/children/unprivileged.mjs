// SPDX-License-Identifier: Apache-2.0
// What somebody without any right sees. Argument: object.
import { readFileSync } from 'node:fs';
import { createKernel } from '../../dist/index.js';

const image = readFileSync(process.argv[2]);
const kernel = createKernel();
kernel.open('warm-up', image);
process.setgroups([]);
process.setgid(65534);
process.setuid(65534);
const { release, architecture, btf, ...found } = kernel.features();
let refused;
try {
  kernel.open('basic', image).load();
} catch ({ message, stage, code }) {
  refused = { message, stage, code };
}
console.log(JSON.stringify({ found, refused }));
