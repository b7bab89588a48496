// SPDX-License-Identifier: Apache-2.0
/** Go probe: what core has to know about it. It says which request its processes work for; of HTTP/2 it sends the exchanges themselves, as probe-http does of HTTP/1. */
import { defineProbe } from '@obi/core/probe';
import { httpExchangeEvent } from '@obi/probe-http';
import { AutoSpanDecoder } from './auto-span/auto-span-decoder.js';
import { goConfig } from './config.js';
import { ExchangeDecoder } from './exchange-decoder.js';
import { autoSpanEvent } from './generated/go.events.js';
import { GoRuntime } from './go-runtime.js';

export default defineProbe({
  id: 'go',
  api: 1,
  events: {
    // The digest of the reader that the decoder uses: another probe-http than the one that this object was compiled with is refused.
    [httpExchangeEvent.struct]: { digest: httpExchangeEvent.digest, minSize: httpExchangeEvent.minSize, decoder: ExchangeDecoder },
    [autoSpanEvent.struct]: { digest: autoSpanEvent.digest, minSize: autoSpanEvent.minSize, decoder: AutoSpanDecoder },
  },
  config: goConfig,
  runtime: GoRuntime,
});
export { GoRuntime } from './go-runtime.js';
