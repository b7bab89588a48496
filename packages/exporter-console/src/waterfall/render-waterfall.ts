// SPDX-License-Identifier: Apache-2.0
/** Traces as people like to see them: a tree of spans on the left, time from left to right. */
import { formatDuration } from '../format/duration.js';
import type { StoredSpan } from '../stored-span.js';
import { type Paint, type Palette, palette, plain } from '../terminal/colour.js';
import { detectTerminal, type Terminal } from '../terminal/terminal.js';
import { displayWidth, fit } from '../terminal/text.js';
import { drawBar } from './bar.js';
import { buildTraces, type TraceTree } from './build-traces.js';
import { COLUMN_GAP, type Layout, layOut } from './layout.js';
import { type Row, rowsOf } from './rows.js';
import { type Symbols, symbols } from './symbols.js';

/** Cells that a name keeps in a deep tree. */
const ROOM_FOR_NAME = 10;

/** What is not given is found out from standard output and the environment. */
export type WaterfallOptions = Partial<Terminal>;

/**
 * Draws one waterfall per trace, oldest first, with an empty line between them; a line feed ends each line.
 * Fits widths from 60 columns on; looks best from 80 to 160.
 */
export function renderWaterfall(spans: Iterable<StoredSpan>, options: WaterfallOptions = {}): string {
  const terminal: Terminal = { ...detectTerminal(process.stdout, process.env), ...options };
  const colours = new Map<string, Paint>();
  const traces = buildTraces(spans).map((trace) => renderTrace(trace, terminal, colours));
  return traces.map((lines) => lines.map((line) => `${line.trimEnd()}\n`).join('')).join('\n');
}

function renderTrace(trace: TraceTree, { width, colour, unicode }: Terminal, colours: Map<string, Paint>): string[] {
  const look = { symbols: symbols(unicode), palette: palette(colour), unicode };
  const rows = rowsOf(trace, look.symbols, unicode);
  const layout = layOut(rows, width);
  const service = (name: string): Paint => {
    const known = colours.get(name) ?? look.palette.services[colours.size % look.palette.services.length] ?? plain;
    colours.set(name, known);
    return known;
  };
  return [heading(trace, look), ruler(trace, layout, look), ...rows.map((row) => line(row, trace, layout, look, service(row.service))), ...notes(rows, look)];
}

interface Look {
  readonly symbols: Symbols;
  readonly palette: Palette;
  readonly unicode: boolean;
}

function heading(trace: TraceTree, { symbols, palette, unicode }: Look): string {
  const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;
  const facts = [count(trace.spanCount, 'span'), count(trace.services.length, 'service'), formatDuration(trace.endUnixNano - trace.startUnixNano, unicode)];
  const errors = trace.errorCount === 0 ? '' : ` ${symbols.dot} ${palette.error(count(trace.errorCount, 'error'))}`;
  return `${palette.bold(`trace ${trace.traceId}`)}  ${facts.join(` ${symbols.dot} `)}${errors}`;
}

/** Titles of the columns, and the scale of the bars. */
function ruler(trace: TraceTree, layout: Layout, { symbols, palette, unicode }: Look): string {
  const total = trace.endUnixNano - trace.startUnixNano;
  const end = formatDuration(total, unicode);
  const middle = layout.bar >= 36 ? formatDuration(total / 2n, unicode) : '';
  const half = Math.max(1, Math.floor(layout.bar / 2 - displayWidth(middle) / 2));
  const scale = `${fit('0', half, '')}${middle}`.padEnd(Math.max(0, layout.bar - displayWidth(end))) + end;
  return palette.dim(join(layout, symbols, { service: 'service', name: 'span', kind: '', bar: scale, duration: 'time', result: '' }));
}

function line(row: Row, trace: TraceTree, layout: Layout, { symbols, palette }: Look, service: Paint): string {
  const { span } = row;
  const total = trace.endUnixNano - trace.startUnixNano;
  const bar = drawBar(span.startUnixNano - trace.startUnixNano, span.endUnixNano - trace.startUnixNano, total, layout.bar, symbols);
  const guide = shorten(row.guide, Math.max(Math.floor(layout.name / 2), layout.name - ROOM_FOR_NAME), symbols);
  const paints: Paints = {
    service,
    name: (text) => palette.dim(text.slice(0, guide.length)) + (row.orphan ? palette.warning : row.error ? palette.error : plain)(text.slice(guide.length)),
    kind: palette.dim,
    bar: row.error ? palette.error : service,
    duration: plain,
    result: row.error ? palette.error : palette.dim,
  };
  return join(layout, symbols, { ...row, name: guide + row.name, bar }, paints);
}

type Cells = Readonly<Record<keyof Layout, string>>;
type Paints = Readonly<Record<keyof Layout, Paint>>;

function join(layout: Layout, { ellipsis }: Symbols, cells: Cells, paints?: Paints): string {
  const columns: readonly (keyof Layout)[] = ['service', 'name', 'kind', 'bar', 'duration', 'result'];
  return columns
    .filter((column) => layout[column] > 0)
    .map((column) => {
      const text = column === 'duration' ? cells.duration.padStart(layout.duration) : fit(cells[column], layout[column], ellipsis);
      return (paints?.[column] ?? plain)(column === 'result' ? text.trimEnd() : text);
    })
    .join(' '.repeat(COLUMN_GAP));
}

/** Deep trees: the innermost lines are kept. */
function shorten(guide: string, width: number, { ellipsis }: Symbols): string {
  return guide.length <= width ? guide : ellipsis + guide.slice(guide.length - width + 1);
}

function notes(rows: readonly Row[], { symbols, palette }: Look): string[] {
  const missing = new Set(rows.filter((row) => row.orphan).map((row) => row.span.parentSpanId));
  return [...missing].map((id) => palette.warning(`${symbols.orphan} parent ${id} is not among these spans`));
}
