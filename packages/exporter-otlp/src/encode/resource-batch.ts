// SPDX-License-Identifier: Apache-2.0
/** The encoded spans of one process within the batch that is being filled. */
import type { ProcessResource } from '@obi/core';
import { ByteBuffer } from './byte-buffer.js';

const INITIAL_CAPACITY = 4096;

export class ResourceBatch {
  /** `spans` fields of a ScopeSpans message, one after the other; bytes behind `committed` belong to an unfinished span. */
  readonly out = new ByteBuffer(INITIAL_CAPACITY);
  /** End of the last finished span. */
  committed = 0;
  spans = 0;
  resource: ProcessResource | undefined;
  /** Encoded `resource` field of {@link resource}. */
  header: Buffer | undefined;

  assign(resource: ProcessResource, header: Buffer): void {
    this.resource = resource;
    this.header = header;
    this.committed = 0;
    this.spans = 0;
    this.out.pos = 0;
  }
}
