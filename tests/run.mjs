// SPDX-License-Identifier: Apache-2.0
// Runs all tests, tier by tier, and ends with one table and one line of totals.
// usage: node tests/run.mjs [--tier unit,live] [--filter REGEX] [--strict]   exit code: 0 when nothing failed and, with a filter, some test has such a name
// A tier that cannot run says why and counts as one skipped test (with --strict: fails); one that should be able to run and cannot counts as failed.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { tiers } from './tiers.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);
mkdirSync('.cache', { recursive: true });

const { values } = parseArgs({ options: { tier: { type: 'string' }, filter: { type: 'string' }, strict: { type: 'boolean' } } });
const wanted = values.tier?.split(',') ?? tiers.map((tier) => tier.name);
const unknown = wanted.filter((name) => !tiers.some((tier) => tier.name === name || tier.group === name));
if (unknown.length) {
  console.error(`tests: no tier ${unknown.join(', ')}; there are ${tiers.map((tier) => tier.name).join(', ')}`);
  process.exit(2);
}

/** @type {{ name: string, passed: number, failed: number, skipped: number, seconds: number, note: string, filtered: boolean }[]} */
const rows = [];
for (const tier of tiers) {
  if (!wanted.includes(tier.name) && !wanted.includes(tier.group ?? '')) continue;
  console.log(`\n== ${tier.name}: ${tier.what}`);
  const begin = Date.now();
  /** @type {import('./tiers.mjs').Result} */
  let result;
  try {
    result = await tier.run(values.filter);
  } catch (error) {
    result = { passed: 0, failed: 1, skipped: 0, failures: [error instanceof Error ? error.message : String(error)] };
  }
  if (values.filter && result.skippedNames) result = onlyMatching(result, result.skippedNames, values.filter);
  for (const failure of result.failures ?? []) console.log(`\n✗ ${failure}`);
  for (const name of result.skippedNames ?? []) console.log(`○ skipped: ${name}`);
  if (result.note) console.log(`○ ${result.note}`);
  const seconds = Math.round((Date.now() - begin) / 1000);
  rows.push({
    name: tier.name,
    passed: result.passed,
    failed: result.failed,
    skipped: result.skipped,
    seconds,
    note: result.note ?? '',
    filtered: result.skippedNames !== undefined,
  });
  console.log(`== ${tier.name}: ${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped in ${seconds} s`);
}

const total = (/** @type {'passed' | 'failed' | 'skipped'} */ key) => rows.reduce((sum, row) => sum + row[key], 0);
console.log(`\n${'tier'.padEnd(10)}${'passed'.padStart(8)}${'failed'.padStart(8)}${'skipped'.padStart(9)}${'time'.padStart(8)}`);
for (const row of rows) {
  const figures = `${row.name.padEnd(10)}${String(row.passed).padStart(8)}${String(row.failed).padStart(8)}${String(row.skipped).padStart(9)}${`${row.seconds} s`.padStart(8)}`;
  console.log(row.note ? `${figures}  ${row.note}` : figures);
}
console.log(`\n${total('passed')} passed, ${total('failed')} failed, ${total('skipped')} skipped`);
process.exitCode = total('failed') > 0 ? 1 : 0;
if (values.strict && rows.some((row) => row.passed + row.failed === 0)) {
  console.error('tests: a tier could not run');
  process.exitCode = 1;
}
const filtered = rows.filter((row) => row.filtered);
if (values.filter && filtered.length > 0 && filtered.every((row) => row.passed + row.failed + row.skipped === 0)) {
  console.error(`tests: no test has a name that matches ${values.filter}`);
  process.exitCode = 1;
}

/**
 * jest calls every test skipped that the filter leaves out; those that it does not leave out and that are skipped all the same are the skipped ones.
 * @param {import('./tiers.mjs').Result} result @param {string[]} skippedNames `file: name` @param {string} filter as jest reads it
 */
function onlyMatching(result, skippedNames, filter) {
  const pattern = new RegExp(filter, 'i');
  const names = skippedNames.filter((name) => pattern.test(name.slice(name.indexOf(': ') + 2)));
  return { ...result, skipped: names.length, skippedNames: names };
}
