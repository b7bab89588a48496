// SPDX-License-Identifier: Apache-2.0
/** What only spans have that a program made itself: events, links, attributes of any name, counts of what is missing. */
import type { DroppedCounts, SpanEvent, SpanLink } from '@obi/core/probe';
import { attributeFields, countField, message, text } from './encode-message.js';
import { Event, Link, Span } from './span-fields.js';

/** The `events` field of a Span, tag and length included. */
export function encodeEvent({ timeUnixNano, name, attributes, droppedAttributes }: SpanEvent): Buffer {
  const time = Buffer.alloc(9, Event.TIME);
  time.writeBigUInt64LE(timeUnixNano, 1);
  return message(
    Span.EVENTS,
    time,
    text(Event.NAME, name),
    ...attributeFields(Event.ATTRIBUTES, attributes),
    countField(Event.DROPPED_ATTRIBUTES, droppedAttributes),
  );
}

/** The `links` field of a Span. */
export function encodeLink({ traceId, spanId, traceState, flags, attributes, droppedAttributes }: SpanLink): Buffer {
  const flagsField = Buffer.alloc(5, Link.FLAGS);
  flagsField.writeUInt32LE(flags, 1);
  return message(
    Span.LINKS,
    message(Link.TRACE_ID, Buffer.from(traceId, 'hex')),
    message(Link.SPAN_ID, Buffer.from(spanId, 'hex')),
    ...(traceState === '' ? [] : [text(Link.TRACE_STATE, traceState)]),
    ...attributeFields(Link.ATTRIBUTES, attributes),
    countField(Link.DROPPED_ATTRIBUTES, droppedAttributes),
    flagsField,
  );
}

/** The fields of a Span that count what it lacks. */
export const encodeDropped = ({ attributes, events, links }: DroppedCounts): Buffer =>
  Buffer.concat([countField(Span.DROPPED_ATTRIBUTES, attributes), countField(Span.DROPPED_EVENTS, events), countField(Span.DROPPED_LINKS, links)]);
