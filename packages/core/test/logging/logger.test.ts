// SPDX-License-Identifier: Apache-2.0
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatLine } from '../../src/logging/format-line.js';
import { createLogger } from '../../src/logging/pino-logger.js';

function collect(options: Parameters<typeof createLogger>[0] = {}) {
  const lines: string[] = [];
  return { lines, log: createLogger({ ...options, output: { write: (line) => void lines.push(line) } }) };
}

test('text: clock, level, message, fields', () => {
  const { lines, log } = collect();
  log.warn('probe http: refused', { code: 'OBI_ERR_X', why: 'two words', n: 3 });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} WARN {2}probe http: refused code=OBI_ERR_X why="two words" n=3\n$/);
});

test('json: one object a line, no pid or host name of obi', () => {
  const { lines, log } = collect({ format: 'json' });
  log.error('boom', { err: Object.assign(new Error('reason'), { code: 'EPERM' }) });
  const record = JSON.parse(lines[0] ?? '');
  expect(Object.keys(record)).toEqual(['level', 'time', 'err', 'message']);
  expect(record).toMatchObject({ level: 'ERROR', message: 'boom', err: { message: 'reason', code: 'EPERM' } });
});

test('text shows message and code of an error, not its stack', () => {
  const { lines, log } = collect();
  log.error('boom', { err: Object.assign(new Error('reason'), { code: 'EPERM' }) });
  expect(lines[0]).toMatch(/ERROR boom error=reason code=EPERM\n$/);
});

test('levels', () => {
  const { lines, log } = collect({ level: 'WARN' });
  log.debug('a');
  log.info('b');
  log.warn('c');
  expect(lines).toHaveLength(1);
  expect([log.isEnabled('INFO'), log.isEnabled('WARN'), log.isEnabled('ERROR')]).toEqual([false, true, true]);
});

test('a child repeats its fields', () => {
  const { lines, log } = collect();
  log.child({ probe: 'http' }).info('ready');
  expect(lines[0]).toMatch(/INFO {2}ready probe=http\n$/);
});

test('text: what comes from outside makes no line of its own and steers no terminal', () => {
  const { lines, log } = collect();
  const evil = 'x\n00:00:00.000 ERROR forged\u001b[2J\u009b\u202e';
  log.warn(`name ${evil}`, { bare: 'a\u001bb', [`k\n`]: 'v', list: [evil], err: Object.assign(new Error(evil), { code: 'E\u0007' }) });
  expect(lines).toHaveLength(1);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be there
  expect(lines[0]).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e]+\n$/);
  expect(lines[0]?.slice(13)).toBe(
    String.raw`WARN  name x\u000a00:00:00.000 ERROR forged\u001b[2J\u009b\u202e bare="a\u001bb" k\u000a=v ` +
      String.raw`list=["x\n00:00:00.000 ERROR forged\u001b[2J\u009b\u202e"] error="x\n00:00:00.000 ERROR forged\u001b[2J\u009b\u202e" code="E\u0007"` +
      '\n',
  );
});

test('a full disk: logging and flushing go on and end', () => {
  const fd = openSync('/dev/full', 'w');
  try {
    const log = createLogger({ output: fd, format: 'json' });
    for (let i = 0; i < 10; i++) log.info('lost');
    log.child({ a: 1 }).error('lost');
    log.flush();
    expect(() => writeSync(fd, 'x')).toThrow('ENOSPC');
  } finally {
    closeSync(fd);
  }
});

test('each line is in the file when it was logged', () => {
  const folder = mkdtempSync(join(tmpdir(), 'obi-log-'));
  const file = join(folder, 'log');
  const fd = openSync(file, 'w');
  try {
    const log = createLogger({ output: fd });
    log.info('first');
    log.child({ a: 1 }).info('second');
    expect(
      readFileSync(file, 'utf8')
        .split('\n')
        .map((l) => l.slice(13)),
    ).toEqual(['INFO  first', 'INFO  second a=1', '']);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});

test('a line that is not JSON passes through', () => {
  expect(formatLine('plain\n')).toBe('plain\n');
});
