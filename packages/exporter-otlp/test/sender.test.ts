// SPDX-License-Identifier: Apache-2.0
/** What must not happen in the sender, and is counted all the same. */
import { DEFAULT_OTLP_CONFIG, type OtlpConfig } from '../src/config/otlp-config.js';
import type { Transport } from '../src/export/http-transport.js';
import { Sender } from '../src/export/sender.js';
import { recordingLog } from './support/fixtures.js';

function start(send: Transport['send'], config: Partial<OtlpConfig> = {}) {
  const log = recordingLog();
  const sender = new Sender({ send, [Symbol.dispose]: () => {} }, { ...DEFAULT_OTLP_CONFIG, ...config }, log);
  return { sender, log };
}

test('a transport that throws loses that request only: counted, said, and the queue goes on', async () => {
  let calls = 0;
  const { sender, log } = start(
    async () => {
      if (calls++ === 0) throw new Error('no such luck');
      return { outcome: 'accepted', partial: undefined };
    },
    { maxConcurrentRequests: 1 },
  );
  sender.offer({ body: Buffer.from('a'), spans: 3 });
  sender.offer({ body: Buffer.from('b'), spans: 2 });
  await sender.flush(1000);
  expect(sender).toMatchObject({ exported: 2, dropped: { refused: 3 }, failedRequests: 1, heldSpans: 0, heldBytes: 0 });
  expect(log.lines.map(({ message }) => message)).toEqual(['OTLP request cannot be sent: no such luck']);
  sender[Symbol.dispose]();
});

test('a body that cannot be compressed is dropped without being sent', async () => {
  const send = jest.fn();
  const { sender } = start(send, { compression: 'gzip' });
  sender.offer({ body: 5 as unknown as Buffer, spans: 4 });
  await sender.flush(1000);
  expect(sender).toMatchObject({ dropped: { refused: 4 }, failedRequests: 1, heldSpans: 0 });
  expect(send).not.toHaveBeenCalled();
  sender[Symbol.dispose]();
});
