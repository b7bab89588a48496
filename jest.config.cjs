// SPDX-License-Identifier: Apache-2.0
// The unit tier of all packages in one run. Each package's own jest.config.cjs serves `nx test <package>`.
const fs = require('node:fs');
const path = require('node:path');

const packages = ['packages', 'examples'].flatMap((group) => {
  const folder = path.join(__dirname, group);
  return fs.readdirSync(folder).map((name) => path.join(folder, name));
});
const base = require('./tests/jest.base.cjs');
/** Tests of the repository as a whole that need nothing. */
const tests = { ...base('unit', { testMatch: ['<rootDir>/tests/**/*.test.ts'] }), displayName: 'tests' };
tests.testPathIgnorePatterns.push('\\.live\\.test\\.ts$', '\\.native\\.test\\.ts$');

module.exports = {
  projects: [
    tests,
    // The preset takes the working folder for the root, which is right only when jest starts in the package.
    ...packages
      .filter((folder) => fs.existsSync(path.join(folder, 'jest.config.cjs')))
      .map((folder) => ({ ...require(path.join(folder, 'jest.config.cjs')), rootDir: folder })),
  ],
};
