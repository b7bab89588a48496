// SPDX-License-Identifier: Apache-2.0
/** Lines to a file descriptor, at once. */
import { writeSync } from 'node:fs';

/** A reader that is slow for a moment costs no line; one that reads no more costs this once, not for each line. */
const PATIENCE_MS = 500;
const PAUSE_MS = 10;

/** As `write(2)`: writes a part or all, or throws. */
type Write = (fd: number, bytes: Uint8Array) => number;

/**
 * What cannot be written is lost, and nothing else: `write` never throws, and waits for a bounded time. Not pino's own destination: on any error it
 * throws into whoever logs, keeps all lines for later, and its flush tries for ever (sonic-boom 4, `flushSync`).
 */
export class FileSink {
  /** Of the last line only the beginning is there. */
  private torn = false;
  private isStuck = false;

  constructor(
    private readonly fd: number,
    private readonly writeBytes: Write = writeSync,
  ) {}

  write(line: string): void {
    let rest: Uint8Array = Buffer.from(this.torn ? `\n${line}` : line);
    const whole = rest.length;
    const deadline = performance.now() + (this.isStuck ? 0 : PATIENCE_MS);
    while (rest.length > 0) {
      try {
        rest = rest.subarray(this.writeBytes(this.fd, rest));
      } catch (error) {
        if (!canRetry(error)) break;
        this.isStuck = performance.now() >= deadline;
        if (this.isStuck) break;
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
      }
    }
    if (rest.length === 0) this.isStuck = false;
    if (rest.length < whole) this.torn = rest.length > 0;
  }
}

function canRetry(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EAGAIN' || code === 'EBUSY' || code === 'EINTR';
}
