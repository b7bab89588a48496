// SPDX-License-Identifier: Apache-2.0
// Framing at random: conversations whose every message is known because we made it, and damaged requests judged by Node's own parser (llhttp).
import { createServer } from 'node:http';
import { Duplex } from 'node:stream';
import { type Exchange, HttpProgram } from './http-program.js';
import { Random } from './random.js';
import { FOLDED, type Message, request, response } from './random-messages.js';

let program: HttpProgram;
beforeAll(() => {
  program = new HttpProgram();
});
afterAll(() => program?.[Symbol.dispose]());

/** Many more by hand: OBI_FUZZ_ROUNDS=20000 and jest's --testTimeout. The seed that fails is in the failure's text. */
const ROUNDS = Number(process.env.OBI_FUZZ_ROUNDS ?? (process.env.OBI_VM ? 60 : 400));

/** Passes `text` in random pieces, some of them as two vectors. */
function passInPieces(random: Random, text: string, egress: boolean): void {
  const bytes = Buffer.from(text, 'latin1');
  const largest = random.pick([1, 3, 20, 200, 2000]);
  for (let at = 0; at < bytes.length; ) {
    const size = Math.min(bytes.length - at, 1 + random.below(largest));
    const iov = size > 1 && random.chance(3);
    program.pass(bytes.subarray(at, at + size), { egress, iov, cut: iov ? 1 + random.below(size - 1) : 0 });
    at += size;
  }
}

/** One connection; who is traced, the server or the client, is random. @returns what must be reported. */
function converse(random: Random): Required<Message['expected']>[] {
  const client = random.chance(2);
  const expected: Required<Message['expected']>[] = [];
  program.open();
  for (let turn = 1 + random.below(3), number = 0; turn > 0; turn--) {
    const requests = Array.from({ length: random.chance(3) ? 1 + random.below(4) : 1 }, () => request(random, number++));
    passInPieces(random, requests.map(({ bytes }) => bytes).join(''), client);
    const responses = requests.map(({ method }) => response(random, method));
    passInPieces(random, responses.map(({ bytes }) => bytes).join(''), !client);
    requests.forEach((one, index) => {
      const { status, responseBytes } = responses[index] as (typeof responses)[number];
      expected.push({ ...one.expected, status, responseBytes });
    });
  }
  return expected;
}

test(`conversations in random pieces are reported as they were made (${ROUNDS} of them)`, () => {
  let exchanges = 0;
  program.reported();
  for (let seed = 1; seed <= ROUNDS; seed++) {
    const expected = converse(new Random(seed));
    const reported = program.reported();
    expect({ seed, exchanges: reported.map(({ flags: _, ...exchange }) => exchange) }).toEqual({ seed, exchanges: expected });
    expect(reported.every(({ flags }) => !flags.includes('incomplete'))).toBe(true);
    expect(program.capture().exchanges).toEqual([]);
    exchanges += reported.length;
  }
  expect(exchanges).toBeGreaterThan(ROUNDS);
});

interface Judged {
  readonly requests: readonly Pick<Exchange, 'line' | 'requestBytes'>[];
  readonly refused: boolean;
}

/** What Node's HTTP parser makes of these bytes. */
async function judge(text: string): Promise<Judged> {
  const requests: Pick<Exchange, 'line' | 'requestBytes'>[] = [];
  let refused = false;
  const server = createServer({ requireHostHeader: false, joinDuplicateHeaders: false }, (incoming, answer) => {
    let requestBytes = 0;
    incoming.on('data', (data: Buffer) => {
      requestBytes += data.length;
    });
    incoming.on('end', () => requests.push({ line: `${incoming.method} ${incoming.url} HTTP/${incoming.httpVersion}`, requestBytes }));
    answer.end();
  });
  // Anything but plain HTTP/1.1 going on is outside of the comparison.
  server.on('clientError', () => {
    refused = true;
  });
  for (const other of ['upgrade', 'connect', 'checkExpectation', 'dropRequest'])
    server.on(other, () => {
      refused = true;
    });
  const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  server.emit('connection', socket);
  socket.push(Buffer.from(text, 'latin1'));
  for (let turn = 0; turn < 6; turn++) await new Promise((resolve) => setImmediate(resolve));
  if (socket.destroyed || socket.writableEnded) refused = true; // it wanted the connection closed
  socket.destroy();
  server.close();
  return { requests, refused };
}

/** Node gives the parts of the line, we keep it as it came: several spaces between the parts are one. */
const plain = (line: string) => line.replace(/ +/g, ' ');

const DAMAGE = [
  '\r',
  '\n',
  '\r\n',
  ' ',
  '\t',
  ':',
  '0',
  '5',
  'f',
  'g',
  ';',
  ',',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: xchunked\r\n',
  'chunked',
  '-',
  '+',
  'GET / HTTP/1.1\r\n\r\n',
  '\0',
  '\x80',
];

/** Inserts, removes, doubles or replaces something. */
function damage(random: Random, text: string): string {
  let damaged = text;
  for (let times = random.below(3); times > 0; times--) {
    const at = random.below(damaged.length);
    const size = random.pick([0, 0, 1, 1, 2, 5]);
    damaged = damaged.slice(0, at) + random.pick([random.pick(DAMAGE), random.pick(DAMAGE), '', damaged.slice(at, at + 10)]) + damaged.slice(at + size);
  }
  return damaged;
}

test(`damaged requests: what llhttp accepts is framed as llhttp frames it, or given up (${ROUNDS * 4} of them)`, async () => {
  const counted = { refused: 0, same: 0, givenUp: 0, damagedAndSame: 0 };
  for (let seed = 1; seed <= ROUNDS * 4; seed++) {
    const random = new Random(seed);
    const intact = Array.from({ length: 1 + random.below(3) }, (_, number) => request(random, number).bytes)
      .join('')
      .replaceAll(FOLDED, 'X-Flat: a'); // llhttp refuses folded lines
    const text = damage(random, intact);
    const judged = await judge(text);
    if (judged.refused) {
      counted.refused++;
      continue;
    }
    program.open();
    passInPieces(random, text, false);
    const { followed, exchanges } = program.capture();
    const ours = exchanges.filter(({ flags }) => flags.includes('requestDone')).map(({ line, requestBytes }) => ({ line: plain(line), requestBytes }));
    const theirs = judged.requests.map(({ line, requestBytes }) => ({ line: line.slice(0, 64), requestBytes }));
    // A connection that was given up has reported nothing of what it had not understood.
    if (!followed) {
      counted.givenUp++;
      continue;
    }
    expect({ seed, text, requests: ours }).toEqual({ seed, text, requests: theirs });
    counted.same++;
    if (text !== intact) counted.damagedAndSame++;
  }
  program.reported();
  if (process.env.OBI_FUZZ_ROUNDS) console.log(counted);
  // The comparison must have been one.
  expect(counted.same).toBeGreaterThan(ROUNDS);
  expect(counted.damagedAndSame).toBeGreaterThan(ROUNDS / 8);
  expect(counted.givenUp).toBeLessThan(counted.same / 100);
}, 600_000);
