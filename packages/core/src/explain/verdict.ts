// SPDX-License-Identifier: Apache-2.0
/** From a record's cause to what is said about it. */
import type { Verdict } from './answer.js';
import type { CauseRecord } from './cause-record.js';
import { type Program, ruleName, wordsOf } from './rules.js';

/** @param propagates does this obi write `traceparent` on what its processes send? */
export function verdictOf(cause: CauseRecord, program: Program, propagates: boolean): Verdict {
  if (cause.isIncoming) return cause.parentId === undefined ? root(propagates) : incoming(cause.parentId);
  const rule = ruleName(cause.rule);
  const { short, why, needed } = wordsOf(cause.rule);
  if (cause.request === undefined) return { kind: 'orphan', rule, short, why, needed: needed?.(program) ?? null };
  if (cause.parentId === cause.request) return { kind: 'joined', rule, short, why, needed: null };
  return {
    kind: 'own',
    rule,
    short: "the application's own traceparent",
    why: 'The application wrote a traceparent of another trace itself; it was adopted as it is, and names no parent.',
    needed: `Nothing: what an application says about its own trace counts. obi would have joined it to ${cause.request} (${rule}).`,
  };
}

function incoming(parent: string): Verdict {
  return {
    kind: 'incoming',
    rule: null,
    short: 'its caller sent the parent',
    why: `Its caller sent a traceparent that names span ${parent} as the parent.`,
    needed: null,
  };
}

function root(propagates: boolean): Verdict {
  const off = propagates ? '' : ' This obi writes none: ebpf.context_propagation is disabled (OTEL_EBPF_BPF_CONTEXT_PROPAGATION).';
  return {
    kind: 'root',
    rule: null,
    short: 'no traceparent came with it',
    why: 'No valid traceparent came with it, so a trace begins here.',
    needed: `Nothing, if its caller is not traced. Otherwise the caller's obi has to write traceparent on what that process sends; its log and \`obi doctor\` say where it does not.${off}`,
  };
}
