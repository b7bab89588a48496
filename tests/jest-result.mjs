// SPDX-License-Identifier: Apache-2.0
// Reads what `jest --json` wrote.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * @param {string} file jest's --outputFile
 * @param {Pick<import('./run-logged.mjs').Logged, 'code' | 'end' | 'tail' | 'log'>} run how the process ended: jest that dies without a result is a failure
 * @returns {import('./tiers.mjs').Result}
 */
export function readJest(file, run) {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0, failures: [`jest wrote no result (${run.end}), see ${run.log}\n${run.tail}`] };
  const json = JSON.parse(readFileSync(file, 'utf8'));
  /** @type {string[]} */ const failures = [];
  /** @type {string[]} */ const skippedNames = [];
  for (const suite of json.testResults) {
    const where = path.relative(process.cwd(), suite.name);
    // A file that does not even load has no tests in it, only a message.
    if (suite.status === 'failed' && !suite.assertionResults.some((/** @type {any} */ test) => test.status === 'failed'))
      failures.push(`${where}\n${shorten(suite.message)}`);
    for (const test of suite.assertionResults) {
      if (test.status === 'failed') failures.push(`${where}: ${test.fullName}\n${shorten(test.failureMessages.join('\n'))}`);
      if (test.status === 'pending' || test.status === 'todo') skippedNames.push(`${where}: ${test.fullName}`);
    }
  }
  const passed = json.numPassedTests;
  const failed = json.numFailedTests + json.numRuntimeErrorTestSuites;
  const skipped = json.numPendingTests + json.numTodoTests;
  if (failed === 0 && (!json.success || run.code !== 0))
    return { passed, failed: Math.max(1, failures.length), skipped, failures: [...failures, `jest failed (${run.end}), see ${run.log}`] };
  if (passed + failed + skipped === 0) return { passed, failed: 1, skipped, failures: [`jest found no test at all, see ${run.log}`] };
  return { passed, failed, skipped, failures, skippedNames };
}

/** @param {string} message */
function shorten(message) {
  const lines = message
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the colour codes of jest are what is removed
    .replace(/\u001b\[[0-9;]*m/g, '')
    .replaceAll(`${process.cwd()}/`, '')
    .split('\n')
    .filter((line) => !/^\s+at .*node_modules/.test(line));
  return lines
    .slice(0, 25)
    .map((line) => `    ${line}`)
    .join('\n');
}
