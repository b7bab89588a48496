// SPDX-License-Identifier: Apache-2.0
// GETs each URL, one after the other: node get-all.mjs URL… prints the bodies as JSON.
import { get } from '../../harness/get.mjs';

const bodies = [];
for (const url of process.argv.slice(2)) bodies.push(await get(url));
console.log(JSON.stringify(bodies));
