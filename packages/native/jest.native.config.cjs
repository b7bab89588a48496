// Tests that talk to the kernel: root, clang, libbpf's headers, and the built addon (`npm run build`).
module.exports = {
  ...require('../../jest.preset.cjs'),
  displayName: 'native (root)',
  testMatch: ['<rootDir>/test/**/*.native.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  testTimeout: 30_000,
};
