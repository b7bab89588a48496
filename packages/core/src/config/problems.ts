// SPDX-License-Identifier: Apache-2.0
/** Turns what the schema found wrong into lines that say where and what to write instead. */
import type { z } from 'zod';
import { nearest } from '../nearest.js';
import { SETTINGS } from './settings.js';
import { getPath } from './tree.js';

const ENTRY_KEYS = ['open_ports', 'exe_path', 'cmd_args', 'target_pids', 'name', 'namespace'];
const ENTRY_PATH = /^discovery\.\w+\.\d+$/;

/** @param where names the source of the value at a path: `obi.yaml:4`, or the variable. */
export function explain(issues: readonly z.core.$ZodIssue[], input: unknown, where: (path: readonly (string | number)[]) => string): string[] {
  return issues.flatMap((issue) => {
    const path = issue.path as (string | number)[];
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `${where([...path, key])}: ${unknownKey(path, key)}`);
    return [`${where(path)}: ${join(path)}: ${describe(issue, getPath(input, path.join('.')))}`];
  });
}

function describe(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code === 'invalid_value') {
    const options = issue.values.map(String);
    const near = typeof value === 'string' ? nearest(value, options) : undefined;
    return `${JSON.stringify(value)} is not one of ${options.map((o) => (o.includes(',') ? `"${o}"` : o)).join(', ')}${near === undefined ? '' : `; did you mean "${near}"?`}`;
  }
  if (issue.code === 'invalid_union') return firstMessage(issue) ?? issue.message;
  return issue.message.startsWith('Invalid input: ') ? issue.message.slice('Invalid input: '.length) : issue.message;
}

function firstMessage(issue: z.core.$ZodIssueInvalidUnion): string | undefined {
  return issue.message === 'Invalid input' ? issue.errors[0]?.[0]?.message : issue.message;
}

function unknownKey(path: readonly (string | number)[], key: string): string {
  const section = join(path);
  const prefix = section === '' ? '' : `${section}.`;
  const siblings = ENTRY_PATH.test(path.join('.'))
    ? ENTRY_KEYS
    : [...new Set(SETTINGS.filter((s) => s.key.startsWith(prefix)).map((s) => s.key.slice(prefix.length).split('.')[0] as string))];
  const elsewhere = SETTINGS.find((s) => s.key.split('.').at(-1) === key)?.key;
  const near = nearest(key, siblings);
  const hint = near === undefined ? elsewhere : `${prefix}${near}`;
  const help = hint === undefined ? `known here: ${siblings.join(', ')}` : `did you mean "${hint}"?`;
  return `${prefix}${key}: unknown key; ${help}`;
}

/** `discovery.instrument[0].open_ports` */
export function join(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, segment) => (typeof segment === 'number' ? `${text}[${segment}]` : text === '' ? segment : `${text}.${segment}`), '');
}
