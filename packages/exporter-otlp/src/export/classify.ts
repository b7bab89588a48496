// SPDX-License-Identifier: Apache-2.0
/** What an answer means for the request: taken, worth another try, or refused for good. */
import type { IncomingHttpHeaders } from 'node:http';
import { decodeStatusMessage, decodeTraceResponse, type PartialSuccess } from './decode-response.js';
import { parseRetryAfter } from './retry-after.js';

export type SendResult =
  | { readonly outcome: 'accepted'; readonly partial: PartialSuccess | undefined }
  /** Worth another try. */
  | { readonly outcome: 'unavailable'; readonly reason: string; readonly retryAfterMs: number | undefined }
  /** Would fail again. */
  | {
      readonly outcome: 'refused';
      readonly reason: string;
      /** Reasons with the same topic are logged once; by default each reason is its own. */
      readonly topic?: string;
    };

/** The specification's list of answers that are worth another try. */
const RETRYABLE = new Set([429, 502, 503, 504]);
const SHOWN = 200;
const NAMED = 80;

export function classify(status: number, headers: IncomingHttpHeaders, body: Buffer): SendResult {
  const type = mediaType(headers);
  if (status >= 200 && status < 300) return accepted(status, type, body);
  const message = type === 'application/x-protobuf' ? decodeStatusMessage(body) : body.toString('utf8', 0, SHOWN).trim();
  const reason = `HTTP ${status}${message === '' ? '' : `: ${message}`}`;
  return RETRYABLE.has(status)
    ? { outcome: 'unavailable', reason, retryAfterMs: parseRetryAfter(headers['retry-after'], Date.now()) }
    : { outcome: 'refused', reason };
}

/**
 * OTLP/HTTP: success is an ExportTraceServiceResponse in the content type of the request. No bytes are an empty one, whatever type a receiver gives them, and
 * its JSON is understood too, though protobuf was asked for. Anything else comes from no OTLP receiver (a login page, the start page of a web server): nothing
 * says that the spans were stored, so they count as refused. They are not sent again: the specification has only some statuses tried again, and 200 is none.
 */
function accepted(status: number, type: string, body: Buffer): SendResult {
  if (body.length === 0) return { outcome: 'accepted', partial: undefined };
  if (type === 'application/x-protobuf') return { outcome: 'accepted', partial: decodeTraceResponse(body) };
  const answer = type === 'application/json' ? parseObject(body) : undefined;
  if (answer !== undefined) return { outcome: 'accepted', partial: partialOf(answer['partialSuccess']) };
  const topic = `HTTP ${status} with content type ${type === '' ? '(none)' : type}`;
  const shown = JSON.stringify(body.toString('utf8', 0, NAMED).trim());
  return {
    outcome: 'refused',
    topic,
    reason: `${topic}, ${shown}, which is no OTLP answer; is the endpoint that of a receiver's OTLP/HTTP port, with its path (/v1/traces)?`,
  };
}

function mediaType(headers: IncomingHttpHeaders): string {
  return (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function parseObject(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** In JSON a 64-bit number is a text. */
function partialOf(value: unknown): PartialSuccess | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { rejectedSpans, errorMessage } = value as { rejectedSpans?: unknown; errorMessage?: unknown };
  const rejected = Number(rejectedSpans ?? 0);
  const message = typeof errorMessage === 'string' ? errorMessage : '';
  if (!Number.isSafeInteger(rejected) || rejected < 0) return { rejectedSpans: 0, message };
  return rejected === 0 && message === '' ? undefined : { rejectedSpans: rejected, message };
}
