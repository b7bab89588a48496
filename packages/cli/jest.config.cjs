const preset = require('../../jest.preset.cjs');

// commander is published as ES modules only.
module.exports = {
  ...preset,
  displayName: 'cli',
  transform: { ...preset.transform, '/node_modules/commander/.+\\.js$': preset.transform['^.+\\.ts$'] },
  transformIgnorePatterns: ['/node_modules/(?!commander/)'],
};
