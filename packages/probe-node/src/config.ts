// SPDX-License-Identifier: Apache-2.0
/** `probes.node` of the configuration. */
import { z } from 'zod';

export const nodeConfig = z.strictObject({
  /** Brings a script into Node.js processes. Off: their outgoing requests have no parent. */
  enabled: z.boolean().default(true),
  /** Also follows requests inside worker threads. Off: Node.js can crash when a worker is terminated while it is reached (measured, see README). */
  workers: z.boolean().default(false),
});
export type NodeConfig = z.infer<typeof nodeConfig>;
