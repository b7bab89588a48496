// SPDX-License-Identifier: Apache-2.0
/** Messages from a receiver repeat with every request; each text is logged once. */
import type { LogFields } from '@obi/core';

const MAX_REMEMBERED = 64;

export class LogOnce {
  private readonly seen = new Set<string>();

  constructor(private readonly log: (message: string, fields?: LogFields) => void) {}

  /** Logs unless `key` was logged before. When too many keys are known, further ones stay silent: counters tell of them. */
  write(key: string, message: string, fields?: LogFields): void {
    if (this.seen.has(key) || this.seen.size >= MAX_REMEMBERED) return;
    this.seen.add(key);
    this.log(message, fields);
  }
}
