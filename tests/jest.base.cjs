// SPDX-License-Identifier: Apache-2.0
// One jest configuration for a whole tier: the preset's transform, other test files, and the harness's .mjs modules made loadable.
const path = require('node:path');
const preset = require('../jest.preset.cjs');

const root = path.resolve(__dirname, '..');
const swc = preset.transform['^.+\\.ts$'];

/** @param {string} tier file suffix: x.<tier>.test.ts @param {Record<string, unknown>} [options] */
module.exports = (tier, options = {}) => ({
  ...preset,
  rootDir: root,
  roots: ['<rootDir>/packages', '<rootDir>/tests', '<rootDir>/bpf', '<rootDir>/examples'].filter((folder) =>
    require('node:fs').existsSync(folder.replace('<rootDir>', root)),
  ),
  displayName: tier,
  testMatch: [`**/*.${tier}.test.ts`],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/target/'],
  // Import maps and builds of packages must not look like second copies of a module to jest.
  modulePathIgnorePatterns: ['/dist/', '/target/'],
  moduleFileExtensions: ['ts', 'mjs', 'js', 'cjs', 'json', 'node'],
  transform: { ...preset.transform, '^.+\\.mjs$': swc },
  ...options,
});
