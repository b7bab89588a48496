/** Parrot probe: what core has to know about it. */
import { defineProbe } from '@obi/core/probe';
import { parrotExchangeEvent as event } from './generated/parrot.events.js';
import { ParrotExchangeDecoder } from './parrot-exchange-decoder.js';

export default defineProbe({
  id: 'parrot',
  api: 1,
  events: { [event.struct]: { digest: event.digest, minSize: event.minSize, decoder: ParrotExchangeDecoder } },
});
