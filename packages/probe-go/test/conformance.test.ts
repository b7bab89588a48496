// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { testProbe, testRuntime } from '@obi/probe-kit';
import probe, { GoRuntime } from '../src/index.js';
import { goProgram } from './support/go-program.js';

testProbe(probe, { packageDirectory: join(__dirname, '..') });
testRuntime({ makeDriver: () => new GoRuntime({ pools: false }), runtimes: ['go'], program: 'service', real: goProgram() });
