import assert from 'node:assert/strict';
import { it } from 'node:test';
import { replay } from '@obi/probe-kit';
import probe from 'obi-probe-parrot';
import { parrotExchangeEvent as event, ParrotExchangeFlag, ParrotRole } from '../dist/generated/parrot.events.js';

/** A record by hand. Better ones come from a real run: obi record, and readRecordedEvents. */
function record({ role = ParrotRole.CLIENT, flags = 0, requestBytes = 12, answerBytes = 3 } = {}) {
  const bytes = new Uint8Array(event.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(event.offset.tgid, 1, true);
  view.setUint8(event.offset.role, role);
  view.setUint8(event.offset.flags, flags);
  view.setUint32(event.offset.requestBytes, requestBytes, true);
  view.setUint32(event.offset.answerBytes, answerBytes, true);
  view.setUint16(event.offset.tupleRemotePort, 7777, true);
  return bytes;
}

it('an exchange becomes a client span', () => {
  const [span] = replay(probe, [record()]);
  assert.equal(span.name, 'parrot');
  assert.equal(span.kind, 3);
  assert.deepEqual(span.attributes, { 'parrot.request.size': 12, 'parrot.answer.size': 3, 'server.port': 7777 });
  assert.equal(span.status, undefined);
});

it('a request without answer is an error', () => {
  const [span] = replay(probe, [record({ flags: ParrotExchangeFlag.INCOMPLETE })]);
  assert.equal(span.attributes['error.type'], 'no_answer');
  assert.deepEqual(span.status, { code: 2 });
});
