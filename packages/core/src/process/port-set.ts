// SPDX-License-Identifier: Apache-2.0
/** Sets of TCP ports as the configuration writes them: `80,443,8000-8999`. */

export interface PortSet {
  has(port: number): boolean;
  /** Normal form, which {@link parsePorts} reads again: `80,443,8000-8999`. */
  toString(): string;
}

const MAX_PORT = 65_535;

/**
 * @param value one port, a text of ports and ranges (both ends included), or a list of those.
 * @throws RangeError that names the part that is not a port or a range.
 */
export function parsePorts(value: number | string | readonly (number | string)[]): PortSet {
  const parts = (typeof value === 'object' ? value : [value]).flatMap((part) => String(part).split(','));
  const texts = parts.map((part) => part.trim());
  if (texts.every((part) => part === '')) throw new RangeError('no port is named; write ports and ranges such as 80,443,8000-8999');
  // Perhaps a port went missing there: then less would be traced than was meant.
  if (texts.includes('')) throw new RangeError(`"${parts.join(',')}" has a comma without a port; write ports and ranges such as 80,443,8000-8999`);
  const ranges = texts.map(parseRange);
  return {
    has: (port) => ranges.some(([from, to]) => port >= from && port <= to),
    toString: () => ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(','),
  };
}

function parseRange(text: string): readonly [number, number] {
  const match = /^(\d{1,5})(?:\s*-\s*(\d{1,5}))?$/.exec(text);
  const from = Number(match?.[1]);
  const to = Number(match?.[2] ?? match?.[1]);
  if (!match || from < 1 || to > MAX_PORT || from > to) throw new RangeError(`"${text}" is no port (1 to ${MAX_PORT}) and no range such as 8000-8999`);
  return [from, to];
}
