// SPDX-License-Identifier: Apache-2.0
// Requests and responses in every form, cut at every position: what the parser in the kernel makes of them.
import { HttpProgram, type Parser, type ParserFlag, type Seen, seenOf } from './http-program.js';

let program: HttpProgram;
beforeAll(() => {
  program = new HttpProgram();
});
afterAll(() => program?.[Symbol.dispose]());

const TP = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const READ = '0af7651916cd43dd8448eb211c80319c b7ad6b7169203331 1';
const field = (...lines: string[]) => `GET /a HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;

/** `complete`: requests whose end was found. `lost`: the connection was given up. */
interface Expected extends Partial<Omit<Parser, 'flags' | 'ordinal'>> {
  readonly flags?: readonly ParserFlag[];
  readonly complete?: number;
  readonly lost?: true;
  readonly host?: string;
  readonly line?: string;
  readonly requestBytes?: number;
}

// biome-ignore format: one case a line
const REQUESTS: readonly (readonly [name: string, bytes: string, expected: Expected])[] = [
  // start lines
  ['the smallest request', 'GET / HTTP/1.1\r\n\r\n', { complete: 1, line: 'GET / HTTP/1.1', flags: [] }],
  ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', { complete: 1, line: 'GET / HTTP/1.0' }],
  ['absolute target', 'GET http://a.example:80/x?y=z HTTP/1.1\r\nHost: a.example\r\n\r\n', { complete: 1, line: 'GET http://a.example:80/x?y=z HTTP/1.1', host: 'a.example' }],
  ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\n\r\n', { complete: 1, line: 'OPTIONS * HTTP/1.1' }],
  ['a target with spaces, as some clients send', 'GET /a b c HTTP/1.1\r\n\r\n', { complete: 1, line: 'GET /a b c HTTP/1.1' }],
  ['HTTP/0.9', 'GET /\r\n', { lost: true }],
  ['HTTP/2 preface after a method that we know', 'GET / HTTP/2.0\r\n\r\n', { lost: true }],
  ['no version', 'POST /a\r\nHost: b\r\n\r\n', { lost: true }],
  ['not HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', { lost: true }],
  ['an empty line before a request', '\r\nGET / HTTP/1.1\r\n\r\n', { lost: true }], // not from the connection's first byte on
  ['an empty line between requests', 'GET / HTTP/1.1\r\n\r\n\r\nGET /2 HTTP/1.1\r\n\r\n', { complete: 2 }],
  ['three pipelined requests', 'GET / HTTP/1.1\r\n\r\n'.repeat(3), { complete: 3 }],
  // line ends
  ['LF only', 'GET / HTTP/1.1\nHost: h\nContent-Length: 2\n\nab', { complete: 1, host: 'h', length: 2, requestBytes: 2 }],
  ['LF and CRLF mixed', 'GET / HTTP/1.1\nHost: h\r\n\n', { complete: 1, host: 'h' }],
  ['a field without a colon', field('Host h'), { lost: true }],
  ['a CR in the middle of a value', field('Host: a\rb'), { flags: ['conflict'] }],
  ['two CRs at the end of a line', 'GET / HTTP/1.1\r\nHost: h\r\r\n\r\n', { flags: ['conflict'] }],
  ['white space before a colon', field('Content-Length : 3'), { flags: ['conflict'] }],
  ['Upgrade', field('Connection: Upgrade', 'uPGRADE: websocket'), { complete: 1, flags: ['switches'] }],
  ['only a colon', field(': x'), { complete: 1 }],
  // Host
  ['Host in odd casing and spacing', field('hOSt: \t a.example:8080 \t '), { complete: 1, host: 'a.example:8080' }],
  ['Host without space', field('Host:h'), { complete: 1, host: 'h' }],
  ['empty Host', field('Host:'), { complete: 1, host: '' }],
  ['a Host of 200 bytes keeps 96', field(`Host: ${'h'.repeat(200)}`), { complete: 1, host: 'h'.repeat(96) }],
  ['names that only begin or end like ours', field('Hostx: a', 'x-Host: b', 'Content-Length-: 4', 'Content-Lengt: 5', 'traceparent2: 1', 'xtraceparent: 2'), { complete: 1, host: '', flags: [] }],
  ['a name of 24 bytes and one of 25', field(`${'n'.repeat(24)}: 1`, `${'n'.repeat(25)}: 1`, 'Host: h'), { complete: 1, host: 'h' }],
  ['a name of 1000 bytes', field(`${'Content-Length'.repeat(72)}: 7`, 'Host: h'), { complete: 1, host: 'h', flags: [] }],
  ['a value of 2000 bytes', field(`Cookie: ${'c'.repeat(2000)}`, 'Host: h'), { complete: 1, host: 'h' }],
  // Content-Length
  ['Content-Length', `${field('Content-Length: 3')}abc`, { complete: 1, flags: ['length'], length: 3, requestBytes: 3 }],
  ['Content-Length 0', field('Content-Length: 0'), { complete: 1, flags: ['length'], length: 0 }],
  ['body incomplete', `${field('Content-Length: 10')}abc`, { complete: 0, state: 'body', bodyLeft: 7 }],
  ['odd casing', `${field('cONTENT-lENGTH:\t3\t')}abc`, { complete: 1, flags: ['length'], length: 3, requestBytes: 3 }],
  ['leading zeroes', `${field('Content-Length: 0003')}abc`, { complete: 1, length: 3, requestBytes: 3 }],
  ['the same length twice', `${field('Content-Length: 3', 'Content-Length: 3')}abc`, { complete: 1, flags: ['length'], length: 3 }],
  ['two lengths', field('Content-Length: 3', 'Content-Length: 4'), { flags: ['length', 'conflict'] }],
  ['a list of lengths', field('Content-Length: 3, 3'), { flags: ['length', 'conflict'] }],
  ['space inside a length', field('Content-Length: 1 2'), { flags: ['length', 'conflict'] }],
  ['a negative length', field('Content-Length: -1'), { flags: ['length', 'conflict'] }],
  ['a length with plus', field('Content-Length: +1'), { flags: ['length', 'conflict'] }],
  ['a hexadecimal length', field('Content-Length: 0x10'), { flags: ['length', 'conflict'] }],
  ['an empty length', field('Content-Length:'), { flags: ['length', 'conflict'] }],
  ['a length of 20 digits', field('Content-Length: 18446744073709551617'), { flags: ['length', 'conflict'] }],
  ['a length of 10 digits', field('Content-Length: 8589934592'), { complete: 0, flags: ['length'], length: 8589934592, bodyLeft: 8589934592, state: 'body' }],
  ['a length, folded', field('Content-Length:', ' 3'), { flags: ['length', 'conflict'] }],
  ['a length that goes on in a folded line', field('Content-Length: 3', '\t4'), { flags: ['length', 'conflict'] }],
  // Transfer-Encoding
  ['chunked', `${field('Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`, { complete: 1, flags: ['coding', 'chunked'], requestBytes: 5 }],
  ['chunked, odd casing', `${field('transfer-ENCODING: CHunked')}5\r\nhello\r\n0\r\n\r\n`, { complete: 1, flags: ['coding', 'chunked'], requestBytes: 5 }],
  ['chunked, LF only', 'POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n2\nab\n0\n\n', { complete: 1, requestBytes: 2 }],
  ['no chunk but the last', `${field('Transfer-Encoding: chunked')}0\r\n\r\n`, { complete: 1, requestBytes: 0 }],
  ['sizes in hexadecimal of both cases', `${field('Transfer-Encoding: chunked')}A\r\n${'x'.repeat(10)}\r\nb\r\n${'y'.repeat(11)}\r\n0\r\n\r\n`, { complete: 1, requestBytes: 21 }],
  ['leading zeroes of a size', `${field('Transfer-Encoding: chunked')}0005\r\nhello\r\n000\r\n\r\n`, { complete: 1, requestBytes: 5 }],
  ['extensions', `${field('Transfer-Encoding: chunked')}5;a=b;c="d e"\r\nhello\r\n0;last\r\n\r\n`, { complete: 1, requestBytes: 5 }],
  ['white space after a size', `${field('Transfer-Encoding: chunked')}5 \r\nhello\r\n0\t\r\n\r\n`, { complete: 1, requestBytes: 5 }],
  ['trailers', `${field('Transfer-Encoding: chunked')}1\r\na\r\n0\r\nX-Sum: 1\r\ntraceparent: ${TP}\r\n\r\n`, { complete: 1, requestBytes: 1, flags: ['coding', 'chunked'] }],
  ['chunks that hold framing', `${field('Transfer-Encoding: chunked')}c\r\n\r\n0\r\n\r\nGET /\r\n0\r\n\r\n`, { complete: 1, requestBytes: 12 }],
  ['a request after the last chunk', `${field('Transfer-Encoding: chunked')}1\r\na\r\n0\r\n\r\nGET /2 HTTP/1.1\r\n\r\n`, { complete: 2 }],
  ['a size that is no number', `${field('Transfer-Encoding: chunked')}xyz\r\n`, { lost: true }],
  ['an empty size', `${field('Transfer-Encoding: chunked')}\r\nhello`, { lost: true }],
  ['a size of 17 digits', `${field('Transfer-Encoding: chunked')}00000000000000005\r\n`, { lost: true }],
  ['a chunk longer than its size', `${field('Transfer-Encoding: chunked')}3\r\nhello\r\n`, { lost: true }],
  ['gzip, chunked', `${field('Transfer-Encoding: gzip, chunked')}1\r\na\r\n0\r\n\r\n`, { complete: 1, flags: ['coding', 'chunked'] }],
  ['gzip and chunked in two fields', `${field('Transfer-Encoding: gzip', 'Transfer-Encoding: chunked')}1\r\na\r\n0\r\n\r\n`, { complete: 1, flags: ['coding', 'chunked', 'conflict'] }],
  ['chunked twice', `${field('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}1\r\na\r\n0\r\n\r\n`, { complete: 1, flags: ['coding', 'chunked', 'conflict'] }],
  ['a coding that is not chunked', field('Transfer-Encoding: gzip'), { flags: ['coding', 'conflict'] }],
  ['chunked, but not last', field('Transfer-Encoding: chunked, gzip'), { flags: ['coding', 'conflict'] }],
  ['a coding that only ends like chunked', field('Transfer-Encoding: xchunked'), { flags: ['coding', 'conflict'] }],
  ['white space inside a coding', field('Transfer-Encoding: chun ked'), { flags: ['coding', 'chunked', 'conflict'] }],
  ['white space after a coding', field('Transfer-Encoding: chunked  '), { flags: ['coding', 'chunked'] }],
  ['white space after a comma', field('Transfer-Encoding: gzip,\t chunked'), { flags: ['coding', 'chunked'] }],
  ['white space before a comma', field('Transfer-Encoding: gzip , chunked'), { flags: ['coding', 'chunked', 'conflict'] }],
  ['a folded coding', field('Transfer-Encoding:', ' chunked'), { flags: ['coding', 'conflict'] }],
  ['length and chunked', `${field('Content-Length: 3', 'Transfer-Encoding: chunked')}1\r\na\r\n0\r\n\r\n`, { complete: 1, flags: ['length', 'coding', 'chunked'], requestBytes: 1 }],
  // traceparent
  ['traceparent', field(`traceparent: ${TP}`), { complete: 1, flags: ['traceparent'], traceparent: READ }],
  ['traceparent in odd casing', field(`TraceParent: ${TP}`), { complete: 1, flags: ['traceparent'], traceparent: READ }],
  ['traceparent without space', field(`traceparent:${TP}`), { complete: 1, traceparent: READ }],
  ['traceparent between tabs and spaces', field(`traceparent: \t  ${TP} \t `), { complete: 1, traceparent: READ }],
  ['traceparent first of many', field(`traceparent: ${TP}`, 'Host: h', 'Accept: */*'), { complete: 1, host: 'h', traceparent: READ }],
  ['traceparent last of many', field('Host: h', 'Accept: */*', `traceparent: ${TP}`), { complete: 1, host: 'h', traceparent: READ }],
  ['traceparent and LF only', `GET / HTTP/1.1\ntraceparent: ${TP}\n\n`, { complete: 1, traceparent: READ }],
  ['traceparent of a later version with more', field(`traceparent: cc-${TP.slice(3)}-future`), { complete: 1, traceparent: READ }],
  ['an invalid traceparent is still one', field('traceparent: nonsense'), { complete: 1, flags: ['traceparent'], traceparent: undefined }],
  ['an empty traceparent', field('traceparent:'), { complete: 1, flags: ['traceparent'], traceparent: undefined }],
  ['a traceparent in upper case', field(`traceparent: ${TP.toUpperCase()}`), { complete: 1, flags: ['traceparent'], traceparent: undefined }],
  ['a traceparent with space inside', field(`traceparent: ${TP.slice(0, 20)} ${TP.slice(20)}`), { complete: 1, flags: ['traceparent'], traceparent: undefined }],
  ['a traceparent and a folded line', field(`traceparent: ${TP}`, ' more'), { complete: 1, flags: ['traceparent'], traceparent: undefined }],
  ['two traceparents', field(`traceparent: ${TP}`, 'Host: h', `traceparent: ${TP}`), { complete: 1, flags: ['traceparent', 'twoTraceparents'], traceparent: undefined }],
  ['a valid traceparent and an empty one', field(`traceparent: ${TP}`, 'Traceparent:'), { complete: 1, flags: ['traceparent', 'twoTraceparents'], traceparent: undefined }],
  ['folded lines of other fields', field('X-Long: a', '\tb', '  c', 'Host: h', ' d', `traceparent: ${TP}`), { complete: 1, flags: ['traceparent'], traceparent: READ }],
  ['a traceparent only of the request before', `GET / HTTP/1.1\r\ntraceparent: ${TP}\r\n\r\nGET / HTTP/1.1\r\n\r\n`, { complete: 2, flags: [], traceparent: undefined }],
];

const REQUEST = 'GET /r HTTP/1.1\r\nHost: h\r\n\r\n';
interface ExpectedResponse {
  readonly status?: number;
  readonly responseBytes?: number;
  /** The response's end was found, and the exchange reported. */
  readonly complete?: boolean;
  readonly lost?: true;
  readonly state?: Parser['state'];
}
// biome-ignore format: one case a line
const RESPONSES: readonly (readonly [name: string, request: string, bytes: string, expected: ExpectedResponse])[] = [
  ['a status line without reason', REQUEST, 'HTTP/1.1 204\r\n\r\n', { complete: true, status: 204 }],
  ['a reason of several words', REQUEST, 'HTTP/1.1 404 Not Found At All\r\nContent-Length: 0\r\n\r\n', { complete: true, status: 404 }],
  ['HTTP/1.0', REQUEST, 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab', { complete: true, status: 200, responseBytes: 2 }],
  ['status 999', REQUEST, 'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n', { complete: true, status: 999 }],
  ['chunked', REQUEST, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', { complete: true, status: 200, responseBytes: 3 }],
  ['trailers', REQUEST, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nA: b\r\nC: d\r\n\r\n', { complete: true, status: 200, responseBytes: 3 }],
  ['chunked wins over a length', REQUEST, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n', { complete: true, responseBytes: 1 }],
  ['no length: until the end', REQUEST, 'HTTP/1.1 200 OK\r\n\r\nabc', { complete: false, state: 'until end' }],
  ['a coding without chunked: until the end', REQUEST, 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: gzip\r\n\r\nabc', { complete: false, state: 'until end' }],
  ['HEAD', 'HEAD /r HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n', { complete: true, status: 200, responseBytes: 0 }],
  ['HEAD, chunked', 'HEAD /r HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', { complete: true, status: 200 }],
  ['304 with a length', REQUEST, 'HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n', { complete: true, status: 304, responseBytes: 0 }],
  ['204 with a length', REQUEST, 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n', { complete: true, status: 204, responseBytes: 0 }],
  ['100 and then 200', REQUEST, 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na', { complete: true, status: 200, responseBytes: 1 }],
  ['102, 103 with fields, and then 200', REQUEST, 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na', { complete: true, status: 200, responseBytes: 1 }],
  ['101: another protocol follows', 'GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n\x01\x02\x03', { complete: true, status: 101, lost: true }],
  ['CONNECT answered by 200: a tunnel', 'CONNECT a:1 HTTP/1.1\r\n\r\n', 'HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 500 no', { complete: true, status: 200, lost: true }],
  ['CONNECT refused', 'CONNECT a:1 HTTP/1.1\r\n\r\n', 'HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno', { complete: true, status: 403, responseBytes: 2 }],
  ['LF only', REQUEST, 'HTTP/1.1 200 OK\nContent-Length: 2\n\nab', { complete: true, status: 200, responseBytes: 2 }],
  ['a status of two digits', REQUEST, 'HTTP/1.1 20\r\n\r\n', { lost: true }],
  ['a status that is no number', REQUEST, 'HTTP/1.1 2x0 OK\r\n\r\n', { lost: true }],
  ['a status of 99', REQUEST, 'HTTP/1.1 099 OK\r\n\r\n', { lost: true }],
  ['HTTP/2', REQUEST, 'HTTP/2 200\r\nA: b\r\n\r\n', { lost: true }],
];

/** Every position; in an emulated machine, ten times slower, every seventh. */
const STEP = process.env.OBI_VM ? 7 : 1;

/** What must not depend on how the bytes were cut. A connection that was given up: only that it was. */
const comparable = (seen: Seen) => (seen.followed ? seen : { followed: false });

describe('requests', () => {
  test.each(REQUESTS)('%s', (_name, text, expected) => {
    const bytes = Buffer.from(text, 'latin1');
    const seen = seenOf(program.once(bytes));
    if (expected.lost) {
      expect(seen.followed).toBe(false);
    } else {
      const { complete, lost: _lost, host, line, requestBytes, ...parser } = expected;
      expect(seen.followed).toBe(true);
      expect(seen.ingress).toEqual({ ...seen.ingress, ...parser });
      if (complete !== undefined) expect(seen.exchanges.filter(({ flags }) => flags.includes('requestDone'))).toHaveLength(complete);
      if (complete !== undefined) expect(seen.ingress.ordinal).toBe(complete);
      const exchange = { ...(host !== undefined && { host }), ...(line !== undefined && { line }), ...(requestBytes !== undefined && { requestBytes }) };
      expect(seen.exchanges[0]).toEqual({ ...seen.exchanges[0], ...exchange });
    }
    const whole = comparable(seen);
    for (let cut = 1; cut < bytes.length; cut += STEP) {
      if (cut > 1200 && cut < bytes.length - 100) continue;
      expect([cut, comparable(seenOf(program.once(bytes, { cut })))]).toEqual([cut, whole]);
      if (cut < 300) expect([cut, comparable(seenOf(program.once(bytes, { cut, iov: true })))]).toEqual([cut, whole]);
    }
  });

  test.each(REQUESTS.filter(([, text]) => text.length < 300))('%s: byte by byte', (_name, text) => {
    const bytes = Buffer.from(text, 'latin1');
    const whole = comparable(seenOf(program.once(bytes)));
    program.open();
    for (const byte of bytes) program.pass(Buffer.from([byte]));
    expect(comparable(program.capture())).toEqual(whole);
  });
});

/** Where bytes are taken several at a time (run.bpf.h): a byte that must be looked at, at every place of a word. What it does to a name, a value, a target. */
describe.each([
  ['CR', '\r', ['conflict', 'conflict', 'conflict']],
  ['LF', '\n', ['lost', 'lost', 'lost']],
  ['a tab', '\t', ['conflict', '', '']],
  ['a space', ' ', ['conflict', '', '']],
  ['a colon', ':', ['', '', '']],
  ['NUL', '\0', ['', '', '']],
  ['a byte above 127', '\xff', ['', '', '']],
] as const)('%s', (_name, byte, [inName, inValue, inTarget]) => {
  const target = (text: string) => `GET /${text} HTTP/1.1\r\nContent-Length: 0\r\n\r\n`;
  test.each([
    ['a name', inName, (text: string) => `GET / HTTP/1.1\r\n${text}: v\r\nContent-Length: 0\r\n\r\n`],
    ['a value', inValue, (text: string) => `GET / HTTP/1.1\r\nX-Field: ${text}\r\nContent-Length: 0\r\n\r\n`],
    ['a target', inTarget, target],
    ['a target that goes on where lines are cut', inTarget, (text: string) => target(`${'p'.repeat(496)}${text}`)],
  ] as const)('in %s', (_place, does, message) => {
    program.reported();
    for (let at = 1; at < 20; at += STEP) {
      const bytes = Buffer.from(message(`${'x'.repeat(at)}${byte}${'x'.repeat(20 - at)}`), 'latin1');
      const seen = seenOf(program.once(bytes));
      expect([at, seen.followed]).toEqual([at, does !== 'lost']);
      if (does !== 'lost') {
        expect([at, seen.ingress.flags]).toEqual([at, does === 'conflict' ? ['length', 'conflict'] : ['length']]);
        expect(seen.ingress.ordinal).toBe(1);
        // As far as it is kept, and without the CR, which no line has.
        program.pass(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'), { egress: true });
        expect(program.reported().map(({ line }) => line)).toEqual([bytes.toString('latin1').replace(/\r/g, '').split('\n')[0]?.slice(0, 512)]);
      }
      program.open();
      for (const one of bytes) program.pass(Buffer.from([one]));
      expect([at, comparable(program.capture())]).toEqual([at, comparable(seen)]);
    }
  });
});

describe('responses', () => {
  test.each(RESPONSES)('%s', (_name, request, text, expected) => {
    const bytes = Buffer.from(text, 'latin1');
    const run = (cut: number, iov: boolean) => {
      program.open();
      program.pass(Buffer.from(request, 'latin1'), { egress: true });
      program.pass(bytes, { cut, iov });
      return { seen: program.capture(), reported: program.reported() };
    };
    program.reported();
    const whole = run(0, false);
    expect(whole.seen.followed).toBe(expected.lost === undefined);
    if (expected.complete !== undefined) {
      const done = whole.reported.filter(({ flags }) => flags.includes('responseDone'));
      expect(done).toHaveLength(expected.complete ? 1 : 0);
      if (expected.status !== undefined) expect(done[0]?.status).toBe(expected.status);
      if (expected.responseBytes !== undefined) expect(done[0]?.responseBytes).toBe(expected.responseBytes);
    }
    if (expected.state !== undefined) expect(whole.seen.ingress.state).toBe(expected.state);
    const comparison = { seen: comparable(whole.seen), reported: whole.reported };
    for (let cut = 1; cut < bytes.length; cut += STEP)
      for (const iov of [false, true]) {
        const { seen, reported } = run(cut, iov);
        expect([cut, { seen: comparable(seen), reported }]).toEqual([cut, comparison]);
      }
  });

  test('a response without length ends with its direction', () => {
    program.open();
    program.pass(Buffer.from(REQUEST), { egress: true });
    program.pass(Buffer.from('HTTP/1.1 200 OK\r\n\r\nabc'));
    program.pass(Buffer.from('defg'));
    program.reported();
    program.end();
    expect(program.reported()).toEqual([
      {
        line: 'GET /r HTTP/1.1',
        host: 'h',
        status: 200,
        requestBytes: 0,
        responseBytes: 7,
        flags: ['requestSeen', 'responseSeen', 'requestDone', 'responseDone'],
      },
    ]);
  });

  test('an answer to half a header block leaves nothing behind, and says nothing about its thread', () => {
    program.open();
    program.pass(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    program.pass(Buffer.from('HTTP/1.1 204 No Content\r\n\r\n'), { egress: true });
    expect(program.knowsThread).toBe(true);
    program.pass(Buffer.from('GET / HTTP/1.1\r\nHos'));
    program.pass(Buffer.from('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'), { egress: true });
    expect(program.isAmbiguous).toBe(false);
    expect(program.held).toBe(2);
    program.close();
    expect(program.held).toBe(0);
  });

  test('a connection that ends reports what was in flight as incomplete', () => {
    program.open();
    program.pass(Buffer.from(`${REQUEST}GET /2 HTTP/1.1\r\n\r\n`), { egress: true });
    program.pass(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
    program.reported();
    program.close();
    expect(program.reported().map(({ line, status, flags }) => [line, status, flags.includes('incomplete')])).toEqual([
      ['GET /r HTTP/1.1', 200, true],
      ['GET /2 HTTP/1.1', 0, true],
    ]);
  });
});

describe('bytes that cannot be read (sendfile, splice)', () => {
  const begin = (head: string) => {
    program.open();
    program.pass(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
    program.pass(Buffer.from(head), { egress: true });
    program.reported();
  };

  test('are counted inside a body of known length', () => {
    begin('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n');
    program.pass(Buffer.alloc(600), { egress: true, unseen: true });
    expect(program.capture().egress.bodyLeft).toBe(400);
    program.pass(Buffer.alloc(400), { egress: true, unseen: true });
    expect(program.reported().map(({ responseBytes }) => responseBytes)).toEqual([1000]);
  });

  test('are counted inside a chunk and inside a body until the end', () => {
    begin('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n');
    program.pass(Buffer.alloc(100), { egress: true, unseen: true });
    program.pass(Buffer.from('\r\n0\r\n\r\n'), { egress: true });
    expect(program.reported().map(({ responseBytes }) => responseBytes)).toEqual([100]);
    begin('HTTP/1.1 200 OK\r\n\r\n');
    program.pass(Buffer.alloc(77), { egress: true, unseen: true });
    program.end(true);
    expect(program.reported().map(({ responseBytes }) => responseBytes)).toEqual([77]);
  });

  test('end our view in a header block, and past the end of a body', () => {
    begin('HTTP/1.1 200 OK\r\nContent-Le');
    program.pass(Buffer.alloc(10), { egress: true, unseen: true });
    expect(program.capture().followed).toBe(false);
    begin('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n');
    program.pass(Buffer.alloc(11), { egress: true, unseen: true });
    expect(program.capture().followed).toBe(false);
  });
});
