// SPDX-License-Identifier: Apache-2.0
/** Redis probe: what core has to know about it. */
import { defineProbe } from '@obi/core/probe';
import { z } from 'zod';
import { redisBatchEvent } from './generated/redis.events.js';
import { RedisBatchDecoder } from './redis-batch-decoder.js';

/** The section `probes.redis` of the configuration. */
const config = z.strictObject({
  /** Spans of servers too; without them a server's connections cost nothing after their first bytes. */
  server_spans: z.boolean().default(true),
});

export default defineProbe({
  id: 'redis',
  api: 1,
  config,
  parameters: ({ server_spans }) => ({ cfg_server_spans: server_spans }),
  events: {
    [redisBatchEvent.struct]: {
      digest: redisBatchEvent.digest,
      minSize: redisBatchEvent.minSize,
      decoder: RedisBatchDecoder,
    },
  },
});
