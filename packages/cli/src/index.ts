// SPDX-License-Identifier: Apache-2.0
/** Parses the command line and calls the command; every error becomes one message and an exit code. */
import { isObiError, type KernelError } from '@obi/core';
import { Command, CommanderError } from 'commander';
import { doctor } from './commands/doctor.js';
import { listProbes } from './commands/probes.js';
import { run } from './commands/run.js';
import { VERSION } from './host.js';
import type { GlobalOptions } from './load.js';

function program(): Command {
  const obi = new Command('obi')
    .description('Automatic distributed tracing for Linux processes with eBPF: no SDK, no restart, no code change.')
    .version(VERSION)
    .option('-p, --plugins <names>', 'probes to run: short names, package names or paths, separated by commas (default: all installed)')
    .option('-c, --config <file>', 'configuration file (YAML); the environment wins over it')
    .exitOverride();
  obi
    .command('run', { isDefault: true })
    .description('trace (the default)')
    .action(() => run(obi.opts<GlobalOptions>()));
  obi
    .command('probes')
    .description('what is installed, what each probe needs, and whether it can run here')
    .action(() => listProbes(obi.opts<GlobalOptions>()));
  obi
    .command('doctor')
    .description('what this kernel and these rights allow: which taps and carriers are on, and why the others are off')
    .action(() => doctor(obi.opts<GlobalOptions>()));
  return obi;
}

/** Sets `process.exitCode`; never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  try {
    await program().parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** @returns the exit code: 2 for a wrong command line or configuration, 1 for all else. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // commander has printed it
  if (isObiError(error)) {
    console.error(`${error.message} [${error.code}]`);
    return error.code.startsWith('OBI_ERR_CONFIG') || error.code.startsWith('OBI_ERR_PLUGIN') ? 2 : 1;
  }
  if (error instanceof Error && ((error as Partial<KernelError>).stage !== undefined || error.message.startsWith('@obi/native'))) {
    console.error(`obi: ${error.message}`); // the addon, or the kernel through it
    return 1;
  }
  console.error('obi: internal error, please report it:', error);
  return 1;
}
