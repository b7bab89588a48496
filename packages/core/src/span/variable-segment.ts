// SPDX-License-Identifier: Apache-2.0
/** The guess behind `routes.unmatched: heuristic`: is a path segment a name that the program's author wrote, or a value? */

/** Names have no such number: what is below sees at most three numerals in a row. For the many plain ids. */
const LONG_NUMBER = /\d{4}/;
/** Names of paths are made of these; anything else (`%`, `@`, `,`, `;`, `=`, brackets, other scripts) is text that somebody entered. */
const NAME_CHARACTERS = /^[A-Za-z0-9$._~:-]+$/;
const SEPARATORS = /[$._~:-]+/;
/** `v1`, `v2.1` */
const VERSION = /^v\d{1,3}(\.\d{1,3}){0,2}$/i;
const LONG_HEX = /^[0-9a-f]{8,}$/i;
/** As git shortens its ids. */
const SHORT_HEX = /^(?=.*\d)[0-9a-f]{7}$/i;
/** A word with a short number in or behind it: `oauth2`, `ipv4`, `log4j`. Longer numbers count something. */
const NUMBERED_WORD = /^[a-z]{2,}\d{1,2}[a-z]*$/i;
const SHORT_NUMBERED_WORD = /^[a-z]\d{1,2}$/i;
const WORDS_OF_A_TITLE = 5;
const LONGEST_WORD = 24;
const LONGEST_SEGMENT = 64;
/** Words shorter than this may have any letters: `src`, `xhtml`, `strengths`. */
const SHORT_WORD = 10;
const CONSONANTS_IN_A_ROW = 7;
const LEAST_VOWELS = 0.18;

/**
 * A segment is taken for a value when it
 * - has a character that names of paths do not have, is longer than 64 characters, or is a title (five or more words: `how-to-bake-a-cake`);
 * - holds, between its separators (`- _ . ~ : $`), a number, a hexadecimal id (8 digits and more, or 7 with a numeral among them), or letters mixed with
 *   numerals other than a version (`v2.1`) or a word with one number of one or two numerals (`oauth2`);
 * - holds a word that nobody can pronounce: over 24 letters without a change to capitals, or from 10 letters on with 7 consonants in a row or hardly a vowel.
 */
export function isVariableSegment(segment: string): boolean {
  if (segment.length > LONGEST_SEGMENT || LONG_NUMBER.test(segment) || !NAME_CHARACTERS.test(segment)) return true;
  if (knownNames.has(segment)) return false;
  const isVariable = !VERSION.test(segment) && isNoName(segment);
  if (!isVariable) rememberName(segment);
  return isVariable;
}

/** The names of an application come again and again. */
const knownNames = new Set<string>();
const MOST_NAMES = 4096;

function rememberName(segment: string): void {
  if (knownNames.size >= MOST_NAMES) knownNames.clear();
  knownNames.add(segment);
}

function isNoName(segment: string): boolean {
  const words = segment.split(SEPARATORS).filter((word) => word !== '');
  return words.length >= WORDS_OF_A_TITLE || words.some(isVariableWord);
}

function isVariableWord(word: string): boolean {
  if (LONG_HEX.test(word) || SHORT_HEX.test(word)) return true;
  if (/\d/.test(word) && !VERSION.test(word) && !NUMBERED_WORD.test(word) && !SHORT_NUMBERED_WORD.test(word)) return true;
  return word.split(/\d+|(?<=[a-z])(?=[A-Z])/).some(isUnpronounceable);
}

function isUnpronounceable(word: string): boolean {
  if (word.length > LONGEST_WORD) return true;
  if (word.length < SHORT_WORD) return false;
  let vowels = 0;
  let run = 0;
  for (const letter of word.toLowerCase()) {
    run = 'aeiouy'.includes(letter) ? 0 : run + 1;
    if (run === 0) vowels++;
    if (run >= CONSONANTS_IN_A_ROW) return true;
  }
  return vowels < word.length * LEAST_VOWELS;
}
