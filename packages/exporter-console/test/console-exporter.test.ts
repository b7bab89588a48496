// SPDX-License-Identifier: Apache-2.0
import { EventEmitter } from 'node:events';
import { attributeKey } from '@obi/core';
import { ConsoleExporter, type ConsoleOutput } from '../src/console-exporter.js';
import type { PrinterFormat } from '../src/format/printer-format.js';
import { spanToJson } from '../src/format/span-json.js';
import { spanToText } from '../src/format/span-text.js';
import { directory, id, span, TRACE, write } from './support/spans.js';

class Output extends EventEmitter implements ConsoleOutput {
  text = '';
  ready = true;
  /** What the next write fails with. */
  failure: Error | undefined;
  /** Answers at once, as a file does. */
  write(text: string, done: (error?: Error | null) => void): boolean {
    const { failure } = this;
    if (failure === undefined) this.text += text;
    done(failure);
    if (failure) this.emit('error', failure);
    return this.ready;
  }
}

function start(format: PrinterFormat, maxHeldBytes?: number) {
  const output = new Output();
  return { output, exporter: new ConsoleExporter({ directory, format, output, ...(maxHeldBytes === undefined ? {} : { maxHeldBytes }) }) };
}

describe('formats', () => {
  test('text is one line with what matters', () => {
    const line = spanToText(
      span({
        id: 2,
        parent: 1,
        name: 'GET /a b',
        to: 4_200,
        status: 500,
        error: 'bad\nluck',
        attributes: { 'url.path': '/a b', n: 1, empty: '', list: ['x'] },
      }),
    );
    expect(line).toBe(
      `2026-11-18T11:06:40.000000Z SERVER   shop "GET /a b" 4.20 ms ERROR(bad\\u000aluck) trace=${TRACE} span=${id(2)} parent=${id(1)} http.response.status_code=500 url.path="/a b" n=1 empty="" list="[\\"x\\"]"`,
    );
  });

  test('json has the names of OTLP, times as strings', () => {
    const value = spanToJson(span({ id: 2, parent: 1, error: true, status: 503 }));
    expect(JSON.parse(JSON.stringify(value))).toEqual({
      traceId: TRACE,
      spanId: id(2),
      parentSpanId: id(1),
      name: 'span 2',
      kind: 'SERVER',
      startTimeUnixNano: '1795000000000000000',
      endTimeUnixNano: '1795000000001000000',
      durationNano: '1000000',
      status: { code: 'ERROR' },
      attributes: { 'http.response.status_code': 503 },
      resource: { 'service.name': 'shop' },
    });
  });
});

describe('spans that a program made itself', () => {
  const EVENT = { timeUnixNano: 1_700_000_000_123_456_789n, name: 'sold out', droppedAttributes: 2, attributes: [['n', 2n ** 63n - 1n]] } as const;
  const LINK = { traceId: TRACE, spanId: id(9), traceState: 'a=1', flags: 1, droppedAttributes: 0, attributes: [['list', [1n, 2n ** 60n]]] } as const;
  const written = (format: PrinterFormat) => {
    const { output, exporter } = start(format);
    write(exporter.writer, 1, (w) => {
      w.unixTimes(5n, 7n);
      w.attribute('double', 0.5);
      w.event(EVENT);
      w.link(LINK);
      w.dropped({ attributes: 1, events: 0, links: 3 });
    });
    exporter.tick();
    return output.text;
  };

  test('json: an integer that a number cannot hold is a text', () => {
    expect(JSON.parse(written('json'))).toMatchObject({
      startTimeUnixNano: '5',
      endTimeUnixNano: '7',
      attributes: { double: 0.5 },
      events: [{ timeUnixNano: '1700000000123456789', name: 'sold out', attributes: { n: '9223372036854775807' }, droppedAttributesCount: 2 }],
      links: [{ traceId: TRACE, spanId: id(9), traceState: 'a=1', attributes: { list: [1, '1152921504606846976'] } }],
      droppedAttributesCount: 1,
      droppedLinksCount: 3,
    });
    expect(JSON.parse(written('json'))).not.toHaveProperty('droppedEventsCount');
  });

  test('text: names of events, ids of links', () => {
    expect(written('text')).toContain(`events="sold out" links=${TRACE}-${id(9)}`);
  });
});

describe('ConsoleExporter', () => {
  test.each<[PrinterFormat, number]>([
    ['text', 2],
    ['json', 2],
  ])('%s: one line per span, written at the tick', (format, lines) => {
    const { output, exporter } = start(format);
    write(exporter.writer, 1);
    write(exporter.writer, 2, (w) => w.string(attributeKey('k'), 'line\nbreak'));
    expect(output.text).toBe('');
    expect(exporter.stats()).toMatchObject({ spans: 2, exported: 0, heldSpans: 2 });
    exporter.tick();
    expect(output.text.split('\n')).toHaveLength(lines + 1);
    expect(exporter.stats()).toMatchObject({ spans: 2, exported: 2, heldSpans: 0, heldBytes: 0 });
  });

  test('json_indent', () => {
    const { output, exporter } = start('json_indent');
    write(exporter.writer, 1);
    exporter.tick();
    expect(output.text).toMatch(/^\{\n {2}"traceId"/);
    expect(JSON.parse(output.text)).toMatchObject({ spanId: id(1) });
  });

  test('a slow reader: text is held to the bound, the rest dropped and counted, and nothing waits', async () => {
    const { output, exporter } = start('text', 500);
    output.ready = false;
    write(exporter.writer, 1);
    exporter.tick();
    for (let i = 2; i <= 20; i++) write(exporter.writer, i);
    exporter.tick();
    const { heldSpans, dropped } = exporter.stats();
    expect(heldSpans).toBeGreaterThan(0);
    expect(dropped).toEqual({ slow_output: 19 - heldSpans });
    output.ready = true;
    output.emit('drain');
    await exporter.flush(10);
    expect(exporter.stats()).toMatchObject({ exported: 1 + heldSpans, heldSpans: 0 });
  });

  test('a reader that goes away ends the printing, not obi', async () => {
    const { output, exporter } = start('text');
    write(exporter.writer, 1);
    exporter.tick();
    output.emit('error', Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    write(exporter.writer, 2);
    exporter.tick();
    expect(exporter.stats()).toMatchObject({ spans: 2, exported: 1, dropped: { closed_output: 1 }, failedRequests: 1 });
    await exporter[Symbol.asyncDispose]();
  });

  test('a full disk: spans of the write that failed are lost too', async () => {
    const { output, exporter } = start('text');
    write(exporter.writer, 1);
    exporter.tick();
    output.failure = Object.assign(new Error('no space'), { code: 'ENOSPC' });
    write(exporter.writer, 2);
    write(exporter.writer, 3);
    exporter.tick();
    write(exporter.writer, 4);
    await exporter[Symbol.asyncDispose]();
    expect(exporter.stats()).toMatchObject({ spans: 4, exported: 1, dropped: { closed_output: 3 }, failedRequests: 1, heldSpans: 0 });
  });

  test('a write that has not answered is held, and disposal waits for its answer', async () => {
    const { output, exporter } = start('text');
    let answer: (() => void) | undefined;
    output.write = (_text, done) => {
      answer = done;
      return true;
    };
    write(exporter.writer, 1);
    exporter.tick();
    expect(exporter.stats()).toMatchObject({ exported: 0, heldSpans: 1 });
    setTimeout(() => answer?.(), 20);
    await exporter[Symbol.asyncDispose]();
    expect(exporter.stats()).toMatchObject({ exported: 1, dropped: {}, heldSpans: 0 });
  });

  test('disposal prints what is held', async () => {
    const { output, exporter } = start('json');
    write(exporter.writer, 1);
    await exporter[Symbol.asyncDispose]();
    expect(JSON.parse(output.text)).toMatchObject({ name: 'span 1' });
  });
});
