// SPDX-License-Identifier: Apache-2.0
import { displayWidth } from '../src/terminal/text.js';
import { buildTraces } from '../src/waterfall/build-traces.js';
import { renderWaterfall } from '../src/waterfall/render-waterfall.js';
import { id, shop, span, TRACE } from './support/spans.js';

const options = { width: 100, colour: false, unicode: true };
const linesOf = (text: string): string[] => text.split('\n').slice(0, -1);
// biome-ignore lint/suspicious/noControlCharactersInRegex: the escapes are what is looked for
const stripColour = (text: string): string => text.replace(/\x1b\[\d+m/g, '');

describe('renderWaterfall', () => {
  test('a trace over five services', () => {
    expect(renderWaterfall(shop.slice(0, 8), { ...options, width: 80 })).toBe(
      [
        'trace 0af7651916cd43dd8448eb211c80319c  8 spans · 4 services · 42.1 ms · 2 errors',
        'service    span                    0                     42.1 ms     time',
        'gateway    GET /checkout           ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━  42.1 ms  200',
        'gateway    ├─ GET                  ╺━━━━━━━━╸                     12.7 ms  200',
        'cart       │  └─ GET /cart/{id}     ━━━━━━━━                      11.1 ms  200',
        'cart       │     └─ GET              ╸                             870 µs  304',
        'catalogue  │        └─ GET /items    ╸                             400 µs  304',
        'gateway    ├─ POST                          ╺━━━━━━━━━━━━╸        18.5 ms  ✖ 503',
        'payment    │  └─ POST /charge                ━━━━━━━━━━━━╸        17.4 ms  ✖ 503',
        'gateway    └─ POST                                       ╺━━━━━   7.80 ms  201',
        '',
      ].join('\n'),
    );
  });

  test('in ASCII', () => {
    const text = renderWaterfall(shop, { ...options, unicode: false });
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
    expect(text).toContain('|  `- POST /charge');
    expect(text).toContain('x 503');
  });

  test.each([60, 80, 100, 120, 160])('no line is wider than %i columns, with names of any kind', (width) => {
    const wide = [...shop, span({ id: 20, parent: 9, service: 'サービス', name: '注文を作成する 🛒 '.repeat(8), from: 36_000, to: 37_000 })];
    for (const unicode of [true, false]) {
      const lines = linesOf(renderWaterfall(wide, { width, colour: false, unicode }));
      for (const line of lines.slice(1)) expect(displayWidth(line)).toBeLessThanOrEqual(width);
      expect(lines).toHaveLength(12);
    }
  });

  test('columns stay aligned behind wide characters', () => {
    const lines = linesOf(renderWaterfall([span({ id: 1, name: '注文' }), span({ id: 2, parent: 1, name: 'ab' })], options));
    const [first = '', second = ''] = lines.slice(2).map((line) => line.slice(0, line.indexOf('━')));
    expect(displayWidth(first)).toBe(displayWidth(second));
  });

  test('colours only change colours', () => {
    const coloured = renderWaterfall(shop, { ...options, colour: true });
    expect(coloured).toContain('\x1b[31m✖ 503\x1b[39m');
    const trimmed = linesOf(stripColour(coloured)).map((line) => line.trimEnd());
    expect(trimmed).toEqual(linesOf(renderWaterfall(shop, options)));
  });

  test('children stand in the order of their start, whatever the order in which they came', () => {
    const names = linesOf(renderWaterfall([...shop].reverse(), options))
      .slice(2)
      .map((line) => line.slice(0, 40));
    expect(names).toEqual(
      linesOf(renderWaterfall(shop, options))
        .slice(2)
        .map((line) => line.slice(0, 40)),
    );
  });

  test('a span whose parent is missing is marked, and the parent named once', () => {
    const text = renderWaterfall(
      [span({ id: 2, parent: 99, name: 'orphan' }), span({ id: 3, parent: 99, name: 'sister' }), span({ id: 4, parent: 2, name: 'child' })],
      options,
    );
    expect(text).toContain('⚠ orphan');
    expect(text).toContain('└─ child');
    expect(text).not.toContain('⚠ child');
    expect(text.match(new RegExp(`parent ${id(99)} is not among these spans`, 'g'))).toHaveLength(1);
  });

  test('several traces, oldest first', () => {
    const text = renderWaterfall([span({ id: 1, trace: 'b'.repeat(32), from: 5000, to: 6000 }), span({ id: 1, trace: 'a'.repeat(32) })], options);
    expect(text.match(/^trace \w/gm)).toEqual(['trace a', 'trace b']);
    expect(text).toContain('\n\ntrace b');
  });

  test('no spans, a span of no duration, a span that ends before it starts', () => {
    expect(renderWaterfall([], options)).toBe('');
    expect(renderWaterfall([span({ id: 1, from: 5, to: 5 })], options)).toContain('━');
    expect(renderWaterfall([span({ id: 1, from: 500, to: 100 }), span({ id: 2, parent: 1 })], options)).toContain('-400 µs');
  });

  test('what a span carries cannot steer the terminal', () => {
    const text = renderWaterfall([span({ id: 1, name: '\x1b[2Jgone\nnew line', service: '\x1b]0;title\x07', error: '\x9b31m' })], options);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(text.replaceAll('\n', '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    expect(linesOf(text)).toHaveLength(3);
    expect(text).toContain('\\u001b[2Jgone\\u000anew');
  });

  test('very deep trees keep their names readable', () => {
    const deep = Array.from({ length: 60 }, (_, i) => span({ id: i + 1, ...(i === 0 ? {} : { parent: i }), name: `level ${i}`, from: i, to: 1000 - i }));
    const lines = linesOf(renderWaterfall(deep, { ...options, width: 80 }));
    expect(lines.slice(2).every((line, i) => line.includes(`level ${i}`))).toBe(true);
  });

  test('the result: error type and status message where there is no status code', () => {
    expect(renderWaterfall([span({ id: 1, error: true, attributes: { 'error.type': 'timeout' } })], options)).toContain('✖ timeout');
    expect(renderWaterfall([span({ id: 1, error: 'refused' })], options)).toContain('✖ refused');
    expect(renderWaterfall([span({ id: 1, error: true })], options)).toContain('✖ error');
  });
});

describe('buildTraces', () => {
  test('spans that are their own ancestors are shown once each', () => {
    const [trace] = buildTraces([span({ id: 1, parent: 2 }), span({ id: 2, parent: 1 }), span({ id: 3, parent: 3 })]);
    const count = (nodes: readonly { children: readonly unknown[] }[]): number =>
      nodes.reduce((sum, node) => sum + 1 + count(node.children as typeof nodes), 0);
    expect(count(trace?.roots ?? [])).toBe(3);
    expect(trace?.roots.every((node) => node.orphan)).toBe(true);
  });

  test('two spans with one id keep both, and their child once', () => {
    const [trace] = buildTraces([span({ id: 1 }), span({ id: 1, name: 'twin' }), span({ id: 2, parent: 1 })]);
    expect(trace?.roots).toHaveLength(2);
    expect(trace?.roots.flatMap((node) => node.children)).toHaveLength(1);
  });

  test('facts of the trace', () => {
    const [trace] = buildTraces(shop);
    expect(trace).toMatchObject({
      traceId: TRACE,
      spanCount: 9,
      errorCount: 2,
      services: ['gateway', 'cart', 'catalogue', 'payment', 'recommendation-engine-eu'],
    });
    expect((trace?.endUnixNano ?? 0n) - (trace?.startUnixNano ?? 0n)).toBe(42_100_000n);
  });
});
