// SPDX-License-Identifier: Apache-2.0
/** What this package is to the rest: where installed probes are looked for, and which version runs. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Probes are dependencies of this package, or of the project that obi was started in. */
export const hostDirectory = fileURLToPath(new URL('..', import.meta.url));

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
export const VERSION = manifest.version;

/** Said where no probe is found at all. */
export const NONE_INSTALLED = `no probe is installed: looked among the dependencies of ${hostDirectory} and of the working directory; npm install @obi/probe-http, or name a probe's folder with --plugins`;
