// SPDX-License-Identifier: Apache-2.0
/** Where a Node.js process would open its inspector at SIGUSR1, by what it was started with. */

export interface InspectorAddress {
  readonly host: string;
  readonly port: number;
  /** The option that has opened an inspector already, or keeps SIGUSR1 from doing so. */
  readonly obstacle?: string;
}

const OBSTACLES = /^--(inspect(-brk|-wait)?(=.*)?|disable-sigusr1|permission|experimental-permission)$/;
const PLACE = /^--(?:inspect-port|debug-port)=(.*)$/;
const PLACE_APART = /^--(inspect-port|debug-port)$/;
/** Options whose value is the next word. */
const WITH_VALUE =
  /^(-r|-e|-p|-pe|-C|--require|--import|--eval|--print|--conditions|--loader|--experimental-loader|--title|--env-file|--stack-trace-limit|--max-http-header-size|--dns-result-order)$/;

/** Options of Node.js, each in one word: those of the environment, then those before the script. What is behind it belongs to the application. */
function optionsOf(cmdline: readonly string[], environment: string): string[] {
  const options: string[] = [];
  const read = (words: readonly string[]) => {
    for (let n = 0; n < words.length; n++) {
      const word = words[n] as string;
      if (!word.startsWith('-') || word === '--' || word === '-') return;
      if (WITH_VALUE.test(word)) n++;
      else if (PLACE_APART.test(word)) options.push(`${word}=${words[++n] ?? ''}`);
      else options.push(word);
    }
  };
  read(environment.split(/\s+/).filter(Boolean));
  read(cmdline.slice(1));
  return options;
}

/** @param environment value of NODE_OPTIONS; the command line wins over it */
export function inspectorAddress(cmdline: readonly string[], environment: string): InspectorAddress {
  const options = optionsOf(cmdline, environment);
  const place = { host: '127.0.0.1', port: 9229 };
  for (const option of options) Object.assign(place, parsePlace(option.match(PLACE)?.[1] ?? ''));
  const obstacle = options.find((option) => OBSTACLES.test(option));
  return obstacle === undefined ? place : { ...place, obstacle };
}

/** `port`, `host` or `host:port`. */
function parsePlace(text: string): { host?: string; port?: number } {
  const match = text.match(/^(?:(.*):)?(\d+)$/);
  const host = match ? match[1] : text;
  return { ...(host ? { host } : {}), ...(match ? { port: Number(match[2]) } : {}) };
}
