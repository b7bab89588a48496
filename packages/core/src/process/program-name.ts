// SPDX-License-Identifier: Apache-2.0
/** A service's default name: that of the program, where the executable is only the interpreter of it ("gateway", not "python3"). */
import { basename, dirname } from 'node:path/posix';

/** How an interpreter's command line is read up to the program that it runs. */
interface Interpreter {
  readonly executable: RegExp;
  /** Options whose value is the next argument. */
  readonly withValue: readonly string[];
  /** Options whose next argument is the program. */
  readonly program: readonly string[];
  /** Options whose next argument is code: there is no better name then. */
  readonly code: readonly string[];
  /** Words before the program that are not the program. */
  readonly commands?: readonly string[];
}

const INTERPRETERS: readonly Interpreter[] = [
  { executable: /^(python|pypy)[\d.]*$/, withValue: ['-W', '-X', '--check-hash-based-pycs'], program: ['-m'], code: ['-c'] },
  {
    executable: /^(node|nodejs|bun|deno)$/,
    withValue: ['-r', '--require', '--import', '--loader', '--experimental-loader', '-C', '--conditions', '--title', '--preload', '-c', '--config'],
    program: [],
    code: ['-e', '--eval', '-p', '--print', 'eval'],
    commands: ['run', 'serve'],
  },
  {
    executable: /^java$/,
    withValue: [
      '-cp',
      '-classpath',
      '--class-path',
      '-p',
      '--module-path',
      '--upgrade-module-path',
      '--add-modules',
      '--add-opens',
      '--add-exports',
      '--add-reads',
      '--enable-native-access',
    ],
    program: ['-jar', '-m', '--module'],
    code: [],
  },
  { executable: /^(ruby|truffleruby)[\d.]*$/, withValue: ['-I', '-r', '-C', '-E', '-W'], program: [], code: ['-e'] },
  { executable: /^php[\d.]*$/, withValue: ['-d', '-c', '-S', '-t', '-z'], program: ['-f', '--file'], code: ['-r', '--run'] },
  { executable: /^perl[\d.]*$/, withValue: ['-I'], program: [], code: ['-e', '-E'] },
  {
    executable: /^dotnet$/,
    withValue: ['--additionalprobingpath', '--depsfile', '--runtimeconfig', '--fx-version'],
    program: [],
    code: [],
    commands: ['exec'],
  },
];

const SCRIPT_ENDING = /\.(py|pyc|pyw|[cm]?[jt]s|[jt]sx|java|rb|ru|php|phar|pl|psgi|jar|war|dll)$/i;

/**
 * @param exe path of the executable
 * @param cmdline arguments, the program's own name first
 * @returns script, jar, module or main class without path and ending for interpreters; else the executable's own name.
 */
export function programName(exe: string, cmdline: readonly string[]): string {
  const name = basename(exe);
  const interpreter = INTERPRETERS.find(({ executable }) => executable.test(name));
  if (!interpreter) return name;
  const program = findProgram(interpreter, cmdline);
  return (program && shortName(program, name)) || name;
}

function findProgram(interpreter: Interpreter, cmdline: readonly string[]): string | undefined {
  const [title = '', ...args] = cmdline;
  // A process that gave itself a title ("gunicorn: master [shop]", "puma 6.4 (tcp://…) [shop]") has no other arguments.
  if (args.length === 0) return /^([\w.-]+)(:? )/.exec(title)?.[1];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index] ?? '';
    if (interpreter.code.includes(arg)) return undefined;
    if (interpreter.program.includes(arg)) return args[index + 1];
    if (interpreter.withValue.includes(arg)) index++;
    else if (arg !== '' && !arg.startsWith('-') && !interpreter.commands?.includes(arg)) return arg;
  }
  return undefined;
}

function shortName(program: string, interpreter: string): string {
  const file = basename(program);
  if (/^__main__\.pyc?$/.test(file)) return basename(dirname(program));
  const name = file.replace(SCRIPT_ENDING, '');
  // A main class, not a file: com.example.Gateway.
  return interpreter === 'java' && name === file ? (name.split('.').at(-1) ?? name) : name;
}
