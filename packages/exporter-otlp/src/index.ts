// SPDX-License-Identifier: Apache-2.0
/** Public parts of @obi/exporter-otlp. */
export { otlpConfigFromEnvironment, otlpEndpointGiven } from './config/config-from-environment.js';
export { DEFAULT_OTLP_CONFIG, type OtlpConfig, type OtlpRetry, type OtlpTls } from './config/otlp-config.js';
export type { PartialSuccess } from './export/decode-response.js';
export type { SendResult } from './export/classify.js';
export type { Transport } from './export/http-transport.js';
export type { ExporterLog, SendDropReason } from './export/queued-request.js';
export { OtlpExporter, type OtlpExporterOptions, SCOPE_NAME } from './otlp-exporter.js';
