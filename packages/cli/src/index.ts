// SPDX-License-Identifier: Apache-2.0
/** Parses the command line and calls the command; every error becomes one message and an exit code. */
import { isObiError, type KernelError, nearest } from '@obi/core';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { doctor } from './commands/doctor.js';
import { type ExplainOptions, explain } from './commands/explain.js';
import { AuthorError } from './commands/kit.js';
import { type NewProbeOptions, newProbe } from './commands/new-probe.js';
import { listProbes } from './commands/probes.js';
import { type RecordOptions, record } from './commands/record.js';
import { run } from './commands/run.js';
import { VERSION } from './host.js';
import type { GlobalOptions } from './load.js';
import { watchOutput } from './output.js';

function program(): Command {
  const obi = new Command('obi')
    .description('Automatic distributed tracing for Linux processes with eBPF: no SDK, no restart, no code change.')
    .version(VERSION)
    .option('-p, --plugins <names>', 'probes to run: short names, package names or paths, separated by commas (default: all installed)')
    .option('-c, --config <file>', 'configuration file (YAML); the environment wins over it')
    .exitOverride()
    .hook('preSubcommand', refuseUnknown);
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
  obi
    .command('explain <id>')
    .description('why a span has its parent, or none: the id of a span or a trace, asked of the obi that runs here')
    .option('--json', 'everything that is known, for machines and for reports')
    .option('--pid <n>', 'ask only this obi (default: all that run)', wholeUpTo(MAX_PID))
    .action((id: string, options: Omit<ExplainOptions, keyof GlobalOptions>) => explain(id, { ...obi.opts<GlobalOptions>(), ...options }));
  obi
    .command('record')
    .description('for authors of probes: keep the records of a live run as test data (needs @obi/probe-kit)')
    .requiredOption('-o, --out <file>', 'file to write, JSON; an old one is replaced')
    .option('--seconds <n>', 'stop after so many seconds (default: on a signal)', wholeUpTo(MAX_SECONDS))
    .option('--max <n>', 'stop after so many records', wholeUpTo(MAX_RECORDS), 1000)
    .option('--probe <id>', 'only records of this probe')
    .action((options: Omit<RecordOptions, keyof GlobalOptions>, command: Command) =>
      forAuthors(command, () => record({ ...obi.opts<GlobalOptions>(), ...options })),
    );
  obi
    .command('new-probe <name>')
    .description('for authors of probes: a package that builds and passes its tests, to start from (needs @obi/probe-kit)')
    .option('--dir <folder>', 'where to put it (default: obi-probe-<name>)')
    .action((name: string, options: NewProbeOptions, command: Command) => forAuthors(command, () => newProbe(name, options)));
  return obi;
}

/** A first word that is no command is not an argument of the default one. */
function refuseUnknown(obi: Command): void {
  const [name] = obi.args;
  const names = [...obi.commands.map((command) => command.name()), 'help'];
  if (name === undefined || name.startsWith('-') || names.includes(name)) return;
  const near = nearest(name, names);
  obi.error(`error: unknown command "${name}"${near === undefined ? '' : ` (did you mean "${near}"?)`}; there are: ${names.join(', ')}`);
}

async function forAuthors(command: Command, action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (error instanceof AuthorError) command.error(`error: ${error.message}`);
    throw error;
  }
}

/** The longest that a timer of Node.js waits; a longer one ends at once. */
const MAX_SECONDS = Math.floor((2 ** 31 - 1) / 1000);
/** PID_MAX_LIMIT of 64-bit kernels. */
const MAX_PID = 2 ** 22;
/** All of them are kept in memory until the end. */
const MAX_RECORDS = 1_000_000;

function wholeUpTo(most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < 1 || value > most) throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
    return value;
  };
}

/** Sets `process.exitCode`; never throws. */
export async function main(argv: readonly string[]): Promise<void> {
  using output = watchOutput();
  try {
    await program().parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
  if (await output.failed()) process.exitCode ||= 1;
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
