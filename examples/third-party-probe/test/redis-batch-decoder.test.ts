// SPDX-License-Identifier: Apache-2.0
import { SpanKind, StatusCode } from '@obi/core';
import { type RecordedSpan, replay } from '@obi/probe-kit';
import { redisBatchEvent as event, RedisBatchFlag, RedisRole } from '../src/generated/redis.events.js';
import probe from '../src/index.js';

interface Batch {
  readonly role?: number;
  readonly commands?: number;
  readonly errors?: number;
  readonly flags?: number;
  readonly name?: string;
  readonly error?: string;
  readonly remote?: readonly number[];
}

function decode({ role = RedisRole.CLIENT, commands = 1, errors = 0, flags = 0, name = 'GET', error = '', remote = [127, 0, 0, 1] }: Batch): RecordedSpan {
  const bytes = new Uint8Array(event.size);
  const view = new DataView(bytes.buffer);
  const { offset } = event;
  view.setUint32(offset.tgid, 42, true);
  view.setUint8(offset.role, role);
  view.setUint32(offset.commands, commands, true);
  view.setUint32(offset.errors, errors, true);
  view.setUint8(offset.flags, flags);
  view.setUint8(offset.nameLen, name.length);
  view.setUint8(offset.errorLen, error.length);
  bytes.set(Buffer.from(name, 'latin1'), offset.name);
  bytes.set(Buffer.from(error, 'latin1'), offset.error);
  bytes.set([0xff, 0xff, 10, 0, 0, 1], offset.tupleLocal + 10);
  if (remote.length === 4) bytes.set([0xff, 0xff, ...remote], offset.tupleRemote + 10);
  else bytes.set(remote, offset.tupleRemote);
  view.setUint16(offset.tupleLocalPort, 50_000, true);
  view.setUint16(offset.tupleRemotePort, 6379, true);
  const [span, ...others] = replay(probe, [bytes]);
  if (span === undefined || others.length > 0) throw new Error('not one span');
  return span;
}

test('a command of a client', () => {
  expect(decode({})).toMatchObject({
    pid: 42,
    name: 'GET',
    kind: SpanKind.CLIENT,
    attributes: {
      'db.system.name': 'redis',
      'db.operation.name': 'GET',
      'server.address': '127.0.0.1',
      'server.port': 6379,
      'network.peer.address': '127.0.0.1',
      'network.peer.port': 6379,
    },
  });
  expect(decode({}).status).toBeUndefined();
});

test('a command of a server: it is the local end', () => {
  expect(decode({ role: RedisRole.SERVER })).toMatchObject({
    kind: SpanKind.SERVER,
    attributes: { 'server.address': '10.0.0.1', 'server.port': 50_000, 'client.address': '127.0.0.1', 'client.port': 6379 },
  });
});

test.each<[string, Batch, string, number | undefined]>([
  ['equal commands', { commands: 3 }, 'PIPELINE GET', 3],
  ['different commands', { commands: 3, flags: RedisBatchFlag.MIXED }, 'PIPELINE', 3],
  ['a transaction of equal commands', { commands: 2, flags: RedisBatchFlag.TRANSACTION }, 'MULTI GET', 2],
  ['a transaction of different commands', { commands: 2, flags: RedisBatchFlag.TRANSACTION | RedisBatchFlag.MIXED }, 'MULTI', 2],
  ['a transaction of one command', { flags: RedisBatchFlag.TRANSACTION }, 'MULTI GET', undefined],
])('%s', (_, batch, operation, size) => {
  const span = decode(batch);
  expect([span.name, span.attributes['db.operation.name'], span.attributes['db.operation.batch.size']]).toEqual([operation, operation, size]);
});

test('an error reply', () => {
  const { attributes, status } = decode({ errors: 1, error: 'WRONGTYPE' });
  expect(attributes).toMatchObject({ 'error.type': 'WRONGTYPE', 'db.response.status_code': 'WRONGTYPE' });
  expect(status).toEqual({ code: StatusCode.ERROR });
});

test('a connection that ended first; an error that was answered says more', () => {
  expect(decode({ flags: RedisBatchFlag.INCOMPLETE })).toMatchObject({ attributes: { 'error.type': 'no_reply' }, status: { code: StatusCode.ERROR } });
  expect(decode({ flags: RedisBatchFlag.INCOMPLETE, errors: 1, error: 'ERR' }).attributes['error.type']).toBe('ERR');
});

test.each(['', 'se cret', 'p\u00e4ss', 'a\0b', '1x'])('a name that is none (%j) is in no attribute', (name) => {
  const span = decode({ name });
  expect([span.name, 'db.operation.name' in span.attributes]).toEqual(['redis', false]);
  const error = decode({ errors: 1, error: name }).attributes;
  expect([error['error.type'], 'db.response.status_code' in error]).toEqual(['_OTHER', false]);
});

test('IPv6', () => {
  const remote = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
  expect(decode({ remote }).attributes['server.address']).toBe('2001:db8::1');
  expect(decode({ remote: Array(16).fill(0) }).attributes['server.address']).toBe('::');
});

test('the configuration becomes a parameter of the object', async () => {
  const check = async (section: unknown) => {
    const result = await probe.config?.['~standard'].validate(section);
    return result?.issues === undefined && result ? probe.parameters?.(result.value) : 'refused';
  };
  expect(await check({})).toEqual({ cfg_server_spans: true });
  expect(await check({ server_spans: false })).toEqual({ cfg_server_spans: false });
  expect(await check({ servers: false })).toBe('refused');
});
