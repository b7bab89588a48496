// SPDX-License-Identifier: Apache-2.0
/** Values of OTEL_EBPF_TRACE_PRINTER that print spans one by one. */

/** `text`: a line per span; `json`: a JSON object per line; `json_indent`: the same over several lines. */
export const PRINTER_FORMATS = ['text', 'json', 'json_indent'] as const;
export type PrinterFormat = (typeof PRINTER_FORMATS)[number];

export const isPrinterFormat = (value: string): value is PrinterFormat => (PRINTER_FORMATS as readonly string[]).includes(value);
