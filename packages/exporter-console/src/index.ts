// SPDX-License-Identifier: Apache-2.0
/** Public parts of @obi/exporter-console. */
export { ConsoleExporter, type ConsoleExporterOptions, type ConsoleOutput } from './console-exporter.js';
export { formatDuration } from './format/duration.js';
export { isPrinterFormat, PRINTER_FORMATS, type PrinterFormat } from './format/printer-format.js';
export { type SpanJson, spanToJson } from './format/span-json.js';
export { spanToText } from './format/span-text.js';
export { MemoryStore, type MemoryStoreOptions } from './memory-store.js';
export { ObjectSpanWriter } from './object-span-writer.js';
export type { StoredSpan } from './stored-span.js';
export { detectTerminal, type Terminal } from './terminal/terminal.js';
export { displayWidth, printable } from './terminal/text.js';
export { buildTraces, type SpanNode, type TraceTree } from './waterfall/build-traces.js';
export { renderWaterfall, type WaterfallOptions } from './waterfall/render-waterfall.js';
