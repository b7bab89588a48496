// SPDX-License-Identifier: Apache-2.0
// Where the value of `traceparent` stands, counted back from the end of the header block: the carrier writes there. It has to be right however the block was cut.
import { HttpProgram } from './http-program.js';

const VALUE = `00-${'4bf92f3577b34da6a3ce929d0e0e4736'}-00f067aa0ba902b7-01`;
const READ = '4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7 1';

let program: HttpProgram;
beforeAll(() => {
  program = new HttpProgram();
});
afterAll(() => program?.[Symbol.dispose]());

const request = (...lines: string[]) => `GET /r HTTP/1.1\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
const parser = () => {
  const { behind, traceparent } = program.capture().egress;
  return { behind, traceparent };
};

test.each([
  ['first of the fields', request(`traceparent: ${VALUE}`, 'Host: h')],
  ['last of the fields', request('Host: h', `traceparent: ${VALUE}`)],
  ['without white space', request(`traceparent:${VALUE}`, 'Host: h')],
  ['white space around the value', request(`traceparent: \t  ${VALUE} \t `, 'Host: h')],
  ['odd casing of the name', request(`TraceParent: ${VALUE}`, 'Host: h')],
  ['line feeds only', request(`traceparent: ${VALUE}`, 'Host: h').replaceAll('\r', '')],
  ['folded lines of other fields', request(`traceparent: ${VALUE}`, 'X: a', '\tb', ' c')],
  ['names and values that look like it', request(`X-traceparent: ${VALUE}`, `traceparent: ${VALUE}`, `A: traceparent: ${VALUE}`, `traceparent2: ${VALUE}`)],
  ['much behind it', request(`traceparent: ${VALUE}`, `Cookie: ${'c'.repeat(3000)}`)],
])('%s, cut at every byte', (_name, text) => {
  const name = /^traceparent:[ \t]*/im.exec(text) as RegExpExecArray;
  const behind = text.length - (name.index + name[0].length);
  for (let cut = 0; cut < Math.min(text.length, 300); cut++) {
    program.open();
    program.pass(Buffer.from(text, 'latin1'), { egress: true, cut });
    expect({ cut, ...parser() }).toEqual({ cut, behind, traceparent: READ });
  }
});

test('what follows the block does not count: a body, and the next request', () => {
  const first = request(`traceparent: ${VALUE}`, 'Content-Length: 5');
  const second = request('A: 1', `traceparent: ${VALUE}`, 'B: 2');
  program.open();
  program.pass(Buffer.from(`${first}hello`), { egress: true });
  expect(parser().behind).toBe(first.length - first.indexOf(VALUE));
  program.pass(Buffer.from(second), { egress: true });
  expect(parser().behind).toBe(second.length - second.indexOf(VALUE));
});

test('of two fields neither has a place: nothing can be read', () => {
  program.open();
  program.pass(Buffer.from(request(`traceparent: ${VALUE}`, `traceparent: ${VALUE}`)), { egress: true });
  expect(program.capture().egress).toMatchObject({ flags: ['traceparent', 'twoTraceparents'], traceparent: undefined });
});

test.each([
  ['upper case digits', VALUE.toUpperCase()],
  ['white space inside', `${VALUE.slice(0, 40)} ${VALUE.slice(40)}`],
  ['a folded line', `${VALUE}\r\n more`],
  ['cut short', VALUE.slice(0, -1)],
  ['empty', ''],
])('%s: nothing can be read', (_name, value) => {
  program.open();
  program.pass(Buffer.from(request(`traceparent: ${value}`)), { egress: true });
  expect(program.capture().egress).toMatchObject({ flags: ['traceparent'], traceparent: undefined });
});
