// SPDX-License-Identifier: Apache-2.0
/** HTTP/1 probe: what core has to know about it. */
import { defineProbe } from '@obi/core/probe';
import { httpExchangeEvent } from './generated/http.events.js';
import { HttpExchangeDecoder } from './http-exchange-decoder.js';

export default defineProbe({
  id: 'http',
  api: 1,
  events: {
    [httpExchangeEvent.struct]: {
      digest: httpExchangeEvent.digest,
      minSize: httpExchangeEvent.minSize,
      decoder: HttpExchangeDecoder,
    },
  },
});
export { ERROR_TYPE } from './attributes.js';
export { Authority } from './authority.js';
export { HTTP_PORT, HTTPS_PORT, readHost, writeEnds } from './ends.js';
export { HttpExchangeFlag, HttpRole, HttpRpc, httpExchangeEvent } from './generated/http.events.js';
export { HttpExchangeDecoder } from './http-exchange-decoder.js';
