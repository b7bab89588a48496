// SPDX-License-Identifier: Apache-2.0
/** Starting needs several times the memory that running needs; V8 keeps it for a growth that does not come. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Selecting processes that ran before obi is over by then, and their second look (core: SETTLED_MS). */
const SETTLED_MS = 2000;

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/** Gives it back to the system once: one collection of a few dozen milliseconds, which the ring buffer outlasts. Does not keep the process alive. */
export function giveBackStartUpMemory(afterMs = SETTLED_MS): NodeJS.Timeout {
  return setTimeout(() => {
    // The only collection that also shrinks the space for new objects, and no flag on the command line is needed for it this way.
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as Collect;
    setFlagsFromString('--no-expose-gc');
    collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, afterMs).unref();
}
