// SPDX-License-Identifier: Apache-2.0
/** Says what is wrong with a glob. The matcher itself takes a `[` without its `]` for the character: such a pattern would match nothing, silently. */
import picomatch from 'picomatch';
import { GLOB_OPTIONS } from './glob.js';

/** @returns why `pattern` is no glob, and what to write instead; undefined when it is one. */
export function globProblem(pattern: string): string | undefined {
  if (pattern.trim() === '') return 'an empty glob matches nothing';
  const problem = bracketProblem(pattern);
  return problem === undefined ? compileProblem(pattern) : `"${pattern}" ${problem}`;
}

function bracketProblem(pattern: string): string | undefined {
  /** Per open brace: has it alternatives or a range? */
  const braces: boolean[] = [];
  for (let i = 0; i < pattern.length; i++) {
    switch (pattern[i]) {
      case '\\':
        if (++i === pattern.length) return 'ends in a backslash, which makes the character behind it an ordinary one';
        break;
      case '[': {
        const end = classEnd(pattern, i);
        if (end === undefined) return 'has "[" without "]"; write \\[ for the character itself';
        i = end;
        break;
      }
      case ']':
        return 'has "]" without "["; write \\] for the character itself';
      case '{':
        braces.push(false);
        break;
      case ',':
        if (braces.length > 0) braces[braces.length - 1] = true;
        break;
      case '.':
        if (braces.length > 0 && pattern[i + 1] === '.') braces[braces.length - 1] = true;
        break;
      case '}': {
        const alternatives = braces.pop();
        if (alternatives === undefined) return 'has "}" without "{"; write \\} for the character itself';
        if (!alternatives) return 'has braces without alternatives; write them as {a,b}, or \\{ and \\} for the characters themselves';
      }
    }
  }
  return braces.length > 0 ? 'has "{" without "}"; write \\{ for the character itself' : undefined;
}

/** @returns where the class that begins at `start` ends. A `]` that comes first belongs to it, and it may hold named classes such as `[:digit:]`. */
function classEnd(pattern: string, start: number): number | undefined {
  let i = start + 1;
  if (pattern[i] === '!' || pattern[i] === '^') i++;
  if (pattern[i] === ']') i++;
  for (; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++;
    else if (pattern[i] === ']') return i;
    else if (pattern.startsWith('[:', i)) {
      const end = pattern.indexOf(':]', i + 2);
      if (end > 0) i = end + 1;
    }
  }
  return undefined;
}

/** What is left for the regular expression to refuse: ranges such as `[z-a]`. */
function compileProblem(pattern: string): string | undefined {
  try {
    picomatch.makeRe(pattern, { ...GLOB_OPTIONS, debug: true });
    return undefined;
  } catch (error) {
    // Not all of its message: that repeats the expression that was made of the pattern.
    return `"${pattern}" cannot be read: ${(error as Error).message.split(': ').at(-1)}`;
  }
}
