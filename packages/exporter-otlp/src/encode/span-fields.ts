// SPDX-License-Identifier: Apache-2.0
/** Tags of the OTLP messages that a trace request is made of (opentelemetry-proto, trace/v1 and common/v1). */
import { tag, Wire } from './byte-buffer.js';

export const Request = { RESOURCE_SPANS: tag(1, Wire.LEN) } as const;
export const ResourceSpans = { RESOURCE: tag(1, Wire.LEN), SCOPE_SPANS: tag(2, Wire.LEN) } as const;
export const Resource = { ATTRIBUTES: tag(1, Wire.LEN) } as const;
export const ScopeSpans = { SCOPE: tag(1, Wire.LEN), SPANS: tag(2, Wire.LEN) } as const;
export const Scope = { NAME: tag(1, Wire.LEN), VERSION: tag(2, Wire.LEN) } as const;

export const Span = {
  TRACE_ID: tag(1, Wire.LEN),
  SPAN_ID: tag(2, Wire.LEN),
  PARENT_SPAN_ID: tag(4, Wire.LEN),
  NAME: tag(5, Wire.LEN),
  KIND: tag(6, Wire.VARINT),
  START: tag(7, Wire.I64),
  END: tag(8, Wire.I64),
  ATTRIBUTES: tag(9, Wire.LEN),
  DROPPED_ATTRIBUTES: tag(10, Wire.VARINT),
  EVENTS: tag(11, Wire.LEN),
  DROPPED_EVENTS: tag(12, Wire.VARINT),
  LINKS: tag(13, Wire.LEN),
  DROPPED_LINKS: tag(14, Wire.VARINT),
  STATUS: tag(15, Wire.LEN),
  /** Field 16: the only tag of two bytes, here as a little-endian 16-bit number. */
  FLAGS_LE16: ((tag(16, Wire.I32) >> 7) << 8) | (tag(16, Wire.I32) & 0x7f) | 0x80,
} as const;

export const Event = {
  TIME: tag(1, Wire.I64),
  NAME: tag(2, Wire.LEN),
  ATTRIBUTES: tag(3, Wire.LEN),
  DROPPED_ATTRIBUTES: tag(4, Wire.VARINT),
} as const;

export const Link = {
  TRACE_ID: tag(1, Wire.LEN),
  SPAN_ID: tag(2, Wire.LEN),
  TRACE_STATE: tag(3, Wire.LEN),
  ATTRIBUTES: tag(4, Wire.LEN),
  DROPPED_ATTRIBUTES: tag(5, Wire.VARINT),
  FLAGS: tag(6, Wire.I32),
} as const;

export const Status = { MESSAGE: tag(2, Wire.LEN), CODE: tag(3, Wire.VARINT) } as const;

export const KeyValue = { KEY: tag(1, Wire.LEN), VALUE: tag(2, Wire.LEN) } as const;

export const AnyValue = {
  STRING: tag(1, Wire.LEN),
  BOOL: tag(2, Wire.VARINT),
  INT: tag(3, Wire.VARINT),
  DOUBLE: tag(4, Wire.I64),
  ARRAY: tag(5, Wire.LEN),
} as const;
export const ArrayValue = { VALUES: tag(1, Wire.LEN) } as const;
