// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { testProbe, testRuntime } from '@obi/probe-kit';
import probe, { GoRuntime } from '../src/index.js';
import { goProgram } from './support/go-program.js';

// Fewer than usual: records of the Auto SDK's spans are thirty times as long as others.
testProbe(probe, { packageDirectory: join(__dirname, '..'), fuzzRecords: 500 });
testRuntime({ makeDriver: () => new GoRuntime({ pools: false }), runtimes: ['go'], program: 'service', real: goProgram() });
