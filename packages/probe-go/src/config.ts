// SPDX-License-Identifier: Apache-2.0
/** `probes.go` of the configuration. */
import { z } from 'zod';

export const goConfig = z.strictObject({
  /**
   * Lets goroutines that have no request of their own work for the one whose item they took from a channel. Off: what is handed on may be a resource or an answer as well
   * (measured, see README), so that pools which were started with the program have no known request.
   */
  pools: z.boolean().default(false),
});
export type GoConfig = z.infer<typeof goConfig>;
