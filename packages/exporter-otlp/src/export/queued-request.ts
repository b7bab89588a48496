// SPDX-License-Identifier: Apache-2.0
/** What the sender holds, and what can become of it. */
import type { Logger } from '@obi/core';

export type ExporterLog = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;

/** Why spans were lost on the way out. */
export type SendDropReason =
  /** The queue held `maxQueueBytes` already. */
  | 'queue_full'
  /** The receiver was unavailable for longer than `retry.giveUpAfterMs`. */
  | 'unavailable'
  /** The receiver said that it will never take the request, or it cannot be made ready for sending. */
  | 'refused'
  /** The receiver took the request without these spans. */
  | 'partial_success'
  /** obi ended before they could be sent. */
  | 'shutdown';

/** A request from when it was cut until it was settled. */
export interface QueuedRequest {
  body: Buffer;
  readonly spans: number;
  /** What it counts for in the queue's bound. */
  readonly bytes: number;
  compressed: boolean;
  /** When it is given up; set by its first failure. */
  deadline: number | undefined;
}
