// SPDX-License-Identifier: Apache-2.0
/** What the output can show. */

export interface Terminal {
  /** Columns. */
  readonly width: number;
  readonly colour: boolean;
  /** False: ASCII only. */
  readonly unicode: boolean;
}

/** The part of a stream that tells about a terminal. */
export interface TerminalStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

const DEFAULT_WIDTH = 100;

/**
 * Colour only on a terminal, never with NO_COLOR or TERM=dumb; FORCE_COLOR overrides the first of these. Unicode unless the
 * locale says otherwise.
 */
export function detectTerminal(stream: TerminalStream, env: Readonly<Record<string, string | undefined>>): Terminal {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0';
  const refused = (env.NO_COLOR ?? '') !== '' || env.TERM === 'dumb' || env.FORCE_COLOR === '0';
  const locale = [env.LC_ALL, env.LC_CTYPE, env.LANG].find((value) => value !== undefined && value !== '');
  return {
    width: stream.columns ?? (Number(env.COLUMNS) || DEFAULT_WIDTH),
    colour: !refused && (forced || stream.isTTY === true),
    unicode: env.TERM !== 'linux' && (locale === undefined || /utf-?8/i.test(locale) || !/^(C|POSIX)$/.test(locale)),
  };
}
