// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { testProbe, testRuntime } from '@obi/probe-kit';
import probe, { PythonRuntime } from '../src/index.js';

testProbe(probe, { packageDirectory: join(__dirname, '..') });
testRuntime({ makeDriver: () => new PythonRuntime(), runtimes: ['cpython'], program: 'python3.11' });
