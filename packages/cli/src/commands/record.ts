// SPDX-License-Identifier: Apache-2.0
/** `obi record --out FILE`: the records of a live run, in the form that probe-kit's `replay` reads. */
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { type Config, createLogger, hostArchitecture, nearest, ProcessDirectory } from '@obi/core';
import { createKernel } from '@obi/native';
import { installedProbes } from '../installed.js';
import { type GlobalOptions, load } from '../load.js';
import { isReaderGone, print } from '../output.js';
import { AuthorError, loadKit } from './kit.js';
import { RecordSink } from './record-sink.js';
import { trace } from './run.js';

export interface RecordOptions extends GlobalOptions {
  readonly out: string;
  readonly seconds?: number;
  readonly max: number;
  readonly probe?: string;
}

/** Ends the process after a signal, `seconds` or `max` records. @throws what `run` throws, and AuthorError when the file cannot be written or there is no such probe. */
export async function record(options: RecordOptions): Promise<void> {
  const { out, seconds, max: limit, probe } = options;
  // Before the run: nobody records for an hour to learn that there is no such folder.
  try {
    accessSync(dirname(out), constants.W_OK);
  } catch (cause) {
    throw new AuthorError(`--out ${out}: cannot write into ${dirname(out)} (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
  const kit = await loadKit('record');
  const { config, warnings } = load(options);
  if (probe !== undefined) requireProbe(probe, config);
  const log = createLogger({ level: config.log_level, format: config.log_format });
  for (const warning of warnings) log.warn(warning);

  const { promise: over, resolve: stop } = Promise.withResolvers<string>();
  let sink: RecordSink | undefined;
  try {
    await trace(config, log, {
      exporterPorts: [],
      warnings: [],
      make: (container) => {
        const directory = container.resolve<ProcessDirectory>(ProcessDirectory);
        // Not at once: this is called while a batch is being read, and stopping reads the last one.
        sink = new RecordSink({ directory, kit, limit, probe, onFull: () => setImmediate(() => stop(`${limit} records`)) });
        return [sink];
      },
      onReady: () => {
        if (seconds !== undefined) setTimeout(() => stop(`${seconds} s`), seconds * 1000);
      },
      until: over,
    });
  } finally {
    log.flush();
  }
  const events = sink?.events ?? [];
  kit.writeRecordedEvents(out, events);
  const failure = await print(
    `${out}: ${events.length} records. They hold what the applications sent and received, as far as the probe keeps it: look before you share them.\n`,
  );
  process.exit(failure === undefined || isReaderGone(failure) ? 0 : 1);
}

/** Nobody records for an hour to learn that a name was misspelt. @throws AuthorError. */
function requireProbe(id: string, config: Config): void {
  const architecture = hostArchitecture();
  if (!architecture) return; // the run says it
  const ids = installedProbes(config, createKernel().features(), architecture).map((probe) => probe.id);
  if (ids.includes(id)) return;
  const near = nearest(id, ids);
  const hint = near === undefined ? '' : ` (did you mean "${near}"?)`;
  throw new AuthorError(`--probe: there is no probe "${id}"${hint} in this run; it has: ${ids.sort().join(', ') || 'none'}`);
}
