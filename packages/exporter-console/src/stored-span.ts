// SPDX-License-Identifier: Apache-2.0
/** A span as an object: what the printers and the store work with. */
import type { AttributeValue, ProcessResource, SpanKind, StatusCode } from '@obi/core';

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
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly status: { readonly code: StatusCode; readonly message: string };
  readonly resource: ProcessResource;
}
