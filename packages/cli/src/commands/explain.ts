// SPDX-License-Identifier: Apache-2.0
/** `obi explain <id>`: why a span has its parent, or none, from the records that running obi processes keep. */
import { askObi, errors, type ObiReply, parseId } from '@obi/core';
import { detectTerminal } from '@obi/exporter-console';
import { renderAnswer, storeLine } from '../explain/explain-text.js';
import { type GlobalOptions, load } from '../load.js';

export interface ExplainOptions extends GlobalOptions {
  readonly json?: boolean;
  /** Of the obi to ask. */
  readonly pid?: number;
}

/** @throws ObiError OBI_ERR_EXPLAIN_ID, OBI_ERR_EXPLAIN_UNKNOWN, OBI_ERR_EXPLAIN_UNREACHABLE, OBI_ERR_CONFIG_*. */
export async function explain(text: string, options: ExplainOptions): Promise<void> {
  const { kind, hex } = parseId(text);
  const { config } = load(options);
  const replies = await askObi(config.explain.directory, hex, options.pid);
  const answers = replies.flatMap(({ reply }) => ('answer' in reply && reply.answer.spans.length > 0 ? [reply.answer] : []));
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify(
        replies.map(({ pid, reply }) => ('answer' in reply ? reply.answer : { obi: { pid }, ...reply })),
        null,
        2,
      )}\n`,
    );
  } else {
    const terminal = detectTerminal(process.stdout, process.env);
    for (const answer of answers) {
      if (answers.length > 1) process.stdout.write(`obi ${answer.obi.pid}:\n`);
      process.stdout.write(`${renderAnswer(answer, terminal.unicode).join('\n')}\n`);
    }
  }
  if (answers.length === 0) throw errors.explainUnknown(kind, hex, replies.map(lineOf));
}

function lineOf({ pid, reply }: ObiReply): string {
  return `obi ${pid} (${'answer' in reply ? storeLine(reply.answer.store) : reply.error.message})`;
}
