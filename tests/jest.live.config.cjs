// SPDX-License-Identifier: Apache-2.0
// Real services, real connections, real kernel: *.live.test.ts. Run as root, one file at a time (--runInBand).
module.exports = require('./jest.base.cjs')('live', { testTimeout: process.env.OBI_VM ? 600_000 : 120_000 });
