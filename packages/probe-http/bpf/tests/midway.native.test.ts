// SPDX-License-Identifier: Apache-2.0
// Connections that are met in the middle: a response whose request nobody saw must not shift those that follow.
import { HttpProgram } from './http-program.js';

let program: HttpProgram;
beforeAll(() => {
  program = new HttpProgram();
});
afterAll(() => program?.[Symbol.dispose]());

const request = (path: string) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
const response = (status: number, bytes = 2) => Buffer.from(`HTTP/1.1 ${status} Answer\r\nContent-Length: ${bytes}\r\n\r\n${'x'.repeat(bytes)}`);

const WHOLE = ['requestSeen', 'responseSeen', 'requestDone', 'responseDone'];
const exchange = (path: string, status: number, responseBytes = 2) => ({
  line: `GET ${path} HTTP/1.1`,
  host: 'h',
  status,
  requestBytes: 0,
  responseBytes,
  flags: WHOLE,
});

/** How the first bytes are cut: not at all, in the status line, in the body. */
const CUTS = [0, 5, 40];

beforeEach(() => {
  program.reported();
  program.open();
});

/** What is left of the connection: nothing in flight, and both directions at the same exchange. */
function expectAtRest(): void {
  const seen = program.capture();
  expect(seen).toMatchObject({ followed: true, exchanges: [], ingress: { state: 'idle' }, egress: { state: 'idle' } });
  expect(seen.ingress.ordinal).toBe(seen.egress.ordinal);
  program.close();
  expect(program.reported()).toEqual([]);
}

// `traced` is the end that obi sees: requests of a server come in, those of a client go out.
describe.each(['server', 'client'] as const)('a %s', (traced) => {
  const asks = { egress: traced === 'client' };
  const answers = { egress: traced === 'server' };

  test.each(CUTS)('met by a response (cut at %i): those after it go with their own requests', (cut) => {
    program.pass(response(200), { ...answers, midway: true, cut });
    program.pass(request('/0'), asks);
    program.pass(response(200, 3), answers);
    program.pass(request('/1'), asks);
    program.pass(response(404, 4), answers);
    expect(program.reported()).toEqual([exchange('/0', 200, 3), exchange('/1', 404, 4)]);
    expectAtRest();
  });

  test('met by a response of which an interim one comes first', () => {
    program.pass(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n'), { ...answers, midway: true });
    program.pass(response(201), answers);
    for (const [path, status] of [
      ['/0', 404],
      ['/1', 200],
    ] as const) {
      program.pass(request(path), asks);
      program.pass(response(status), answers);
    }
    expect(program.reported()).toEqual([exchange('/0', 404), exchange('/1', 200)]);
    expectAtRest();
  });

  test('met by several responses to pipelined requests', () => {
    program.pass(Buffer.concat([response(200), response(500), response(503)]), { ...answers, midway: true });
    program.pass(Buffer.concat([request('/0'), request('/1')]), asks);
    program.pass(Buffer.concat([response(404), response(200)]), answers);
    expect(program.reported()).toEqual([exchange('/0', 404), exchange('/1', 200)]);
    expectAtRest();
  });

  test('met by a request', () => {
    program.pass(request('/0'), { ...asks, midway: true });
    program.pass(response(200), answers);
    program.pass(request('/1'), asks);
    program.pass(response(404), answers);
    expect(program.reported()).toEqual([exchange('/0', 200), exchange('/1', 404)]);
    expectAtRest();
  });
});

test('a client whose first bytes seen are a response: its request went before', () => {
  program.pass(response(200), { egress: false }); // it counts as the connection's first: the request went by a way that is not looked at
  program.pass(request('/0'), { egress: true });
  program.pass(response(404), { egress: false });
  program.pass(request('/1'), { egress: true });
  program.pass(response(200), { egress: false });
  expect(program.reported()).toEqual([exchange('/0', 404), exchange('/1', 200)]);
  expectAtRest();
});

test('a server that answers before the request has come whole', () => {
  program.pass(Buffer.from('POST /0 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab'));
  program.pass(response(413), { egress: true });
  program.pass(Buffer.from('cd'));
  program.pass(request('/1'));
  program.pass(response(200), { egress: true });
  expect(program.reported().map(({ line, status }) => [line, status])).toEqual([
    ['POST /0 HTTP/1.1', 413],
    ['GET /1 HTTP/1.1', 200],
  ]);
  expectAtRest();
});

test('a server that is killed with pipelined requests unanswered: nothing comes back for its threads', () => {
  program.pass(Buffer.concat([request('/0'), request('/1'), request('/2')]));
  expect(program.knowsThread).toBe(true);
  // A process leaves the tables before its sockets are closed.
  program.endThread();
  program.close();
  expect(program.reported().map(({ line }) => line)).toEqual(['GET /0 HTTP/1.1', 'GET /1 HTTP/1.1', 'GET /2 HTTP/1.1']);
  expect(program.knowsThread).toBe(false);
});
