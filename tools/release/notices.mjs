// SPDX-License-Identifier: Apache-2.0
// Writes third-party notices: who is inside of a file that we publish, and under which licence.

/**
 * @typedef {{ name: string, version: string, licence: string, texts: readonly string[], remark?: string }} Part
 * @param {string} introduction @param {readonly Part[]} parts @returns {string} each text once, after the names of all parts that it belongs to
 */
export function writeNotices(introduction, parts) {
  /** @type {Map<string, string[]>} */ const owners = new Map();
  for (const part of [...parts].sort((a, b) => (label(a) < label(b) ? -1 : 1))) {
    if (part.texts.length === 0) throw new Error(`notices: ${label(part)} has no licence text`);
    for (const text of part.texts) {
      const clean = text
        .replaceAll('\r', '')
        .replace(/[ \t\f]+$/gm, '')
        .trim();
      owners.set(clean, [...(owners.get(clean) ?? []), `${label(part)}${part.remark ? `\n  ${part.remark}` : ''}`]);
    }
  }
  const line = '='.repeat(80);
  return [introduction.trim(), ...[...owners].map(([text, names]) => `${line}\n${names.join('\n')}\n${'-'.repeat(80)}\n\n${text}`)].join('\n\n').concat('\n');
}

/** @param {Part} part */
const label = ({ name, version, licence }) => `${name} ${version} (${licence})`;
