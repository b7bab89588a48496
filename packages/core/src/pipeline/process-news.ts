// SPDX-License-Identifier: Apache-2.0
/** Core's own records: what happened to processes, handed on to process discovery. */
import { coreProcessEvent as event, CoreProcessNews as News } from '../generated/core.events.js';
import type { ProcessTable } from '../process/index.js';
import type { RecordView } from '../span/span-writer.js';
import type { RecordSink } from './record-pump.js';

const utf8 = new TextDecoder();

export class ProcessNews implements RecordSink {
  readonly event = 'core_process_event';
  readonly minSize = event.minSize;
  readonly #table: ProcessTable;
  readonly #settled: (pid: number) => void;

  /** @param settled called when discovery has judged a process that the kernel may have begun to trace by itself. */
  constructor(table: ProcessTable, settled: (pid: number) => void) {
    this.#table = table;
    this.#settled = settled;
  }

  handle(record: RecordView): void {
    const { view, base } = record;
    const pid = event.tgid(view, base);
    switch (event.news(view, base)) {
      case News.EXEC:
        this.#table.onExec(pid, exeOf(record));
        this.#settled(pid);
        break;
      case News.FORK:
        this.#table.onFork(event.other(view, base), pid);
        this.#settled(pid);
        break;
      case News.EXIT:
        this.#table.onExit(pid);
        break;
      case News.LISTEN:
        this.#table.onListen(pid, event.port(view, base));
        break;
    }
  }
}

function exeOf({ bytes, view, base, length }: RecordView): string {
  const start = base + event.offset.exe;
  return utf8.decode(bytes.subarray(start, Math.min(start + event.exeLen(view, base), base + length)));
}
