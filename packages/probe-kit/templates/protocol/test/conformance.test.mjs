import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { testProbe } from '@obi/probe-kit';
import probe from 'obi-probe-parrot';

Object.assign(globalThis, { describe, it });
testProbe(probe, { packageDirectory: fileURLToPath(new URL('..', import.meta.url)) });
