// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { testProbe } from '@obi/probe-kit';
import probe from '../src/index.js';

testProbe(probe, { packageDirectory: join(__dirname, '..') });
