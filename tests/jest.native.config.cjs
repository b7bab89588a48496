// SPDX-License-Identifier: Apache-2.0
// BPF unit tests and tests of the addon against this kernel, without services: *.native.test.ts. Run as root, one file at a time (--runInBand).
module.exports = require('./jest.base.cjs')('native', { testTimeout: process.env.OBI_VM ? 300_000 : 60_000 });
