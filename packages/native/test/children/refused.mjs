// SPDX-License-Identifier: Apache-2.0
// Loads an object that the verifier refuses: nothing but our own line may be printed.
import { readFileSync } from 'node:fs';
import { createKernel } from '../../dist/index.js';

try {
  createKernel().open('refused', readFileSync(process.argv[2])).load();
} catch (error) {
  console.log(error.code);
}
