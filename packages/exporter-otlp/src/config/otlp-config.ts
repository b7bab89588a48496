// SPDX-License-Identifier: Apache-2.0
/** Everything that can be set about the OTLP exporter, with its defaults. */

/** Files of TLS material, PEM. */
export interface OtlpTls {
  /** Trusted certificates of the receiver; the system's when absent. */
  readonly certificate?: string;
  readonly clientKey?: string;
  readonly clientCertificate?: string;
}

export interface OtlpRetry {
  /** First wait after a failure; doubles with each further one, with ±20 % of jitter. */
  readonly initialMs: number;
  readonly maxMs: number;
  /** A request is given up when it has been failing for this long; waits that the receiver asked for do not count. */
  readonly giveUpAfterMs: number;
}

export interface OtlpConfig {
  /** Full URL that traces are posted to. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Limit of one request, connecting included; 0 = none. */
  readonly timeoutMs: number;
  /** Off by default: it costs more than encoding, and the usual receiver is on this host. */
  readonly compression: 'none' | 'gzip';
  readonly tls: OtlpTls;
  /** A span waits at most this long for its batch to fill. */
  readonly scheduleDelayMs: number;
  readonly maxBatchSpans: number;
  readonly maxBatchBytes: number;
  /** Encoded bytes that may wait, those under way included; what comes beyond is dropped and counted. */
  readonly maxQueueBytes: number;
  readonly maxConcurrentRequests: number;
  readonly retry: OtlpRetry;
  /** How long disposal may take to send what is held. */
  readonly shutdownTimeoutMs: number;
}

export const DEFAULT_OTLP_CONFIG: OtlpConfig = {
  endpoint: 'http://localhost:4318/v1/traces',
  headers: {},
  timeoutMs: 10_000,
  compression: 'none',
  tls: {},
  scheduleDelayMs: 1_000,
  maxBatchSpans: 512,
  maxBatchBytes: 256 * 1024,
  maxQueueBytes: 8 * 1024 * 1024,
  maxConcurrentRequests: 4,
  retry: { initialMs: 1_000, maxMs: 30_000, giveUpAfterMs: 60_000 },
  shutdownTimeoutMs: 5_000,
};
