const preset = require('../../jest.preset.cjs');

// The harness's .mjs modules (tests/harness/node-versions.mjs) go through the same transform.
module.exports = {
  ...preset,
  displayName: 'probe-node',
  moduleFileExtensions: ['ts', 'mjs', 'js', 'cjs', 'json', 'node'],
  transform: { ...preset.transform, '^.+\\.mjs$': preset.transform['^.+\\.ts$'] },
};
