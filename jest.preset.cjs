// One jest set-up for every package: TypeScript through swc to CommonJS, `.js` import suffixes resolved to sources, and workspace packages to their sources.
const path = require('node:path');
module.exports = {
  rootDir: process.cwd(),
  testEnvironment: 'node',
  testMatch: ['<rootDir>/{src,test}/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '\\.live\\.test\\.ts$', '\\.native\\.test\\.ts$'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript', decorators: true }, transform: { legacyDecorator: true, decoratorMetadata: false }, target: 'es2022' },
        module: { type: 'commonjs' },
      },
    ],
  },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^@obi/core/probe$': path.join(__dirname, 'packages/core/src/probe-entry.ts'),
    '^@obi/(core|probe-kit|probe-http|exporter-otlp|exporter-console|cli)$': path.join(__dirname, 'packages/$1/src/index.ts'),
  },
};
