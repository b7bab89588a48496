// SPDX-License-Identifier: Apache-2.0
/** Names and answers come from outside: in a line for people none of it may steer the terminal, nor look like a line of its own. */

// The set of exporter-console's `printable`, which core cannot import.
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Control characters, and those that turn the direction of writing, become visible: `\u001b`. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
