// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readlinkSync } from 'node:fs';
import { Container, Kernel, type LoadedObject, Logger, type MapHandle, ProbeSection, silentLogger } from '@obi/core';
import { testRuntime } from '@obi/probe-kit';
import { nodeConfig } from '../src/config.js';
import { NodeRuntime } from '../src/node-runtime.js';

/** Whether the script is there, or the inspector still open that brought it in. */
const SAYS_WHAT_IS_INSIDE = `
  const { url } = require('inspector');
  process.stdin.on('data', () => console.log(Symbol.for('obi.node') in globalThis || url() !== undefined));
  console.log('runs');`;
// Not the port that everybody's inspector has: other tests run beside this one.
const freePort = execFileSync(
  process.execPath,
  ['-e', `const s = require('net').createServer().listen(0, '127.0.0.1', () => { console.log(s.address().port); s.close(); })`],
  { encoding: 'utf8' },
).trim();

/**
 * The kernel's only part here: who handles SIGUSR1. These processes have no handler but Node's, so that its address may be any in Node's code.
 * It must not be asked before a process is known for certain to be Node.js.
 */
const askedOfOthers: string[] = [];
const kernel = {
  open: () => ({
    load: () => {
      const answer = Buffer.alloc(20);
      const object: Partial<LoadedObject> = {
        testRun: (_, { context }) => {
          const pid = Number(Buffer.from(context as Uint8Array).readBigUInt64LE());
          const exe = readlinkSync(`/proc/${pid}/exe`);
          if (exe !== process.execPath) askedOfOthers.push(exe);
          const code = readFileSync(`/proc/${pid}/maps`, 'utf8').match(/^([0-9a-f]+)-\S+ r-xp .*\/(?:node|libnode\.so\S*)$/m)?.[1];
          answer.writeBigUInt64LE(BigInt(`0x${code ?? 0}`));
          answer.writeUInt32LE(1, 16);
          return { returned: 0 } as never;
        },
        map: () => ({ lookup: () => answer }) as unknown as MapHandle,
        [Symbol.dispose]: () => {},
      };
      return object as LoadedObject;
    },
  }),
} as unknown as Kernel;

testRuntime({
  makeDriver: () =>
    Container.create()
      .registerValue<Kernel>(Kernel, kernel)
      .registerValue<Logger>(Logger, silentLogger)
      .registerValue(ProbeSection, nodeConfig.parse({}))
      .registerClass(NodeRuntime, NodeRuntime)
      .resolve(NodeRuntime),
  runtimes: ['nodejs'],
  program: 'node',
  real: { command: [process.execPath, `--inspect-port=${freePort}`, '-e', SAYS_WHAT_IS_INSIDE], isInside },
});

test('the kernel was asked about no other program', () => expect(askedOfOthers).toEqual([]));

async function isInside({ stdin, stdout }: ChildProcess): Promise<boolean> {
  const answer = once(stdout as NodeJS.EventEmitter, 'data');
  stdin?.write('?\n');
  return String(await answer).trim() === 'true';
}
