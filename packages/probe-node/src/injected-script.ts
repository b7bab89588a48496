// SPDX-License-Identifier: Apache-2.0
/** Makes the text that is evaluated inside the traced process, of the files in `inject/`. */
import { readFileSync } from 'node:fs';

const FILES = ['install', 'marks', 'http', 'undici', 'workers'];

export interface InjectionOptions {
  /** Names this installation: worker threads that have it are left alone, another one is replaced. */
  readonly run: string;
  /** obi's pid as the traced process sees it; 0 when it cannot see it. */
  readonly agent: number;
  /** Reach worker threads too; see README for the risk. */
  readonly workers: boolean;
  /** Takes the script out again. */
  readonly undo?: boolean;
}

let body: string | undefined;

/** An expression for `Runtime.evaluate` with the command line API; its value is `ok`, or why the script does not run there. */
export function injectedScript(options: InjectionOptions): string {
  body ??= FILES.map((name) => readFileSync(new URL(`../src/inject/${name}.js`, import.meta.url), 'utf8')).join('\n');
  // The function's own text is what worker threads get.
  return `(function obiNode() {
'use strict';
const options = ${JSON.stringify(options)};
${body}
return install(options, typeof require === 'function' ? require : undefined, '(' + obiNode + ')()');
})()`;
}
