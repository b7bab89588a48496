// SPDX-License-Identifier: Apache-2.0
/** A span as an object: what the printers and the store work with. */
import type { AttributeValue, DroppedCounts, ProcessResource, SpanEvent, SpanKind, SpanLink, StatusCode } from '@obi/core';

type Attributes = Readonly<Record<string, AttributeValue>>;

export interface StoredSpan {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Undefined for a root span. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startUnixNano: bigint;
  readonly endUnixNano: bigint;
  readonly attributes: Attributes;
  /** In the order in which they happened. */
  readonly events: readonly (Omit<SpanEvent, 'attributes'> & { readonly attributes: Attributes })[];
  readonly links: readonly (Omit<SpanLink, 'attributes'> & { readonly attributes: Attributes })[];
  readonly dropped: DroppedCounts;
  readonly status: { readonly code: StatusCode; readonly message: string };
  readonly resource: ProcessResource;
}
