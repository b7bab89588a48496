// SPDX-License-Identifier: Apache-2.0
import { FileSink } from '../../src/logging/file-sink.js';

const failure = (code: string) => Object.assign(new Error(code), { code });

/** A file that does what `script` says, a step for each attempt to write: takes so many bytes, or fails; after the script it takes all. */
function file(...script: (number | string)[]) {
  let text = '';
  let attempts = 0;
  const sink = new FileSink(2, (_fd, bytes) => {
    attempts++;
    const step = script.shift() ?? bytes.length;
    if (typeof step === 'string') throw failure(step);
    text += Buffer.from(bytes.subarray(0, step)).toString();
    return Math.min(step, bytes.length);
  });
  return { sink, text: () => text, attempts: () => attempts };
}

test('a line that is taken in parts arrives whole, whatever its letters take', () => {
  const { sink, text } = file(1, 1, 2);
  sink.write('Größe\n');
  expect(text()).toBe('Größe\n');
});

test.each(['ENOSPC', 'EPIPE', 'EIO', 'EBADF'])('%s: that line is lost, the next one is not', (code) => {
  const { sink, text, attempts } = file(code);
  sink.write('lost\n');
  expect(attempts()).toBe(1);
  sink.write('kept\n');
  expect(text()).toBe('kept\n');
});

test('after the beginning of a line the next starts on its own', () => {
  const { sink, text } = file(4, 'ENOSPC', 'ENOSPC');
  sink.write('first line\n');
  sink.write('second\n');
  sink.write('third\n');
  sink.write('fourth\n');
  expect(text()).toBe('firs\nthird\nfourth\n');
});

test('a reader that is slow for a moment costs no line', () => {
  const { sink, text } = file('EAGAIN', 3, 'EAGAIN', 'EAGAIN');
  sink.write('whole\n');
  expect(text()).toBe('whole\n');
});

test('a reader that reads no more is waited for once, not for each line', () => {
  const { sink, text, attempts } = file(...Array<string>(10_000).fill('EAGAIN'));
  const start = performance.now();
  sink.write('lost\n');
  const waited = performance.now() - start;
  const before = attempts();
  for (let i = 0; i < 100; i++) sink.write('lost too\n');
  expect(attempts() - before).toBe(100);
  expect(performance.now() - start - waited).toBeLessThan(waited);
  expect(text()).toBe('');
});
