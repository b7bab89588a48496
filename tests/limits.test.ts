// SPDX-License-Identifier: Apache-2.0
// Nothing waits for ever: every wait of the harness has a limit, and says what it waited for.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { Proc } from './harness/proc.mjs';
import { runLogged } from './run-logged.mjs';

describe('Proc.until', () => {
  let proc: Proc;
  beforeEach(async () => {
    proc = await Proc.start('waiter', ['sh', '-c', 'echo up; read -r line; exit 3'], { stdin: 'pipe' });
    await proc.line(/^up$/);
  });
  afterEach(() => proc.stop('SIGKILL'));

  test('ends when the condition holds', async () => {
    let looks = 0;
    await proc.until('three looks', async () => ++looks === 3);
    expect(looks).toBe(3);
  });

  test('ends at its limit, and names what did not come', () =>
    expect(proc.until('it held', () => false, 0.1)).rejects.toThrow(/waiter: .* s passed before it held/));

  test('ends with the process', async () => {
    const waits = proc.until(
      () => 'it held',
      () => false,
    );
    proc.child.stdin?.end('\n');
    await expect(waits).rejects.toThrow(/waiter: ended \(exit code 3\) before it held/);
  });

  test('counts what the process did last', async () => {
    proc.child.stdin?.end('\n');
    await proc.exited;
    await proc.until('it wrote', () => proc.lines.length === 1);
  });
});

describe('runLogged', () => {
  const name = 'limits';
  const log = `.cache/test-${name}.log`;
  beforeAll(() => mkdirSync('.cache', { recursive: true }));
  beforeEach(() => jest.spyOn(console, 'log').mockImplementation(() => {}));
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(log, { force: true });
  });

  test('ends what takes too long, with all that it started', async () => {
    const { code, end, output } = await runLogged(name, ['sh', '-c', 'sleep 60 & echo $!; wait'], {}, 1);
    expect({ code, end }).toEqual({ code: 124, end: expect.stringMatching(/ended after 1 s/) });
    expect(isRunning(Number(output))).toBe(false);
  });

  test('says how the others ended', async () => {
    expect(await runLogged(name, ['sh', '-c', 'echo out; echo err >&2; exit 3'])).toMatchObject({ code: 3, end: 'exit code 3', log });
    expect(await runLogged(name, ['sh', '-c', 'kill -9 $$'])).toMatchObject({ code: 1, end: 'SIGKILL' });
    await expect(runLogged(name, ['no-such-program-of-ours'])).rejects.toThrow(/limits: cannot start no-such-program-of-ours/);
  });
});

/** A zombie does not. */
function isRunning(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, 'utf8'));
}
