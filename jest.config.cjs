// SPDX-License-Identifier: Apache-2.0
// The unit tier of all packages in one run. Each package's own jest.config.cjs serves `nx test <package>`.
const fs = require('node:fs');
const path = require('node:path');

const packages = path.join(__dirname, 'packages');
const base = require('./tests/jest.base.cjs');
/** Tests of the repository as a whole that need nothing. */
const tests = { ...base('unit', { testMatch: ['<rootDir>/tests/**/*.test.ts'] }), displayName: 'tests' };
tests.testPathIgnorePatterns.push('\\.live\\.test\\.ts$', '\\.native\\.test\\.ts$');

module.exports = {
  projects: [
    tests,
    ...fs
      .readdirSync(packages)
      .filter((name) => fs.existsSync(path.join(packages, name, 'jest.config.cjs')))
      .map((name) => {
        const folder = path.join(packages, name);
        // The preset takes the working folder for the root, which is right only when jest starts in the package.
        return { ...require(path.join(folder, 'jest.config.cjs')), rootDir: folder };
      }),
  ],
};
