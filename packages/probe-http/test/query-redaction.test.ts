// SPDX-License-Identifier: Apache-2.0
import { QueryRedaction, SENSITIVE_PARAMETERS } from '../src/query-redaction.js';
import { clientSpan, serverSpan } from './support/spans.js';

const byDefault = new QueryRedaction({ add: [], remove: [] });

test.each(SENSITIVE_PARAMETERS)('%s is redacted, its name and its neighbours are kept', (name) => {
  expect(byDefault.redact(`a=1&${name}=secret&b=2`)).toBe(`a=1&${name}=REDACTED&b=2`);
});

test('the list is that of the semantic conventions', () => {
  expect([...SENSITIVE_PARAMETERS].sort()).toEqual(
    ['AWSAccessKeyId', 'Signature', 'X-Amz-Credential', 'X-Amz-Security-Token', 'X-Amz-Signature', 'X-Goog-Signature', 'sig'].sort(),
  );
});

test.each([
  ['', ''],
  ['sig', 'sig'],
  ['sig&a=sig', 'sig&a=sig'],
  ['sig=', 'sig=REDACTED'],
  ['sig=a=b', 'sig=REDACTED'],
  ['sig=1&sig=2', 'sig=REDACTED&sig=REDACTED'],
  ['SIG=1&signature=2', 'SIG=REDACTED&signature=REDACTED'],
  ['%73ig=1', '%73ig=REDACTED'],
  ['%53IG=1', '%53IG=REDACTED'],
  ['x%2Dgoog-signature=1', 'x%2Dgoog-signature=REDACTED'],
  ['%zz=1&sig%=2', '%zz=1&sig%=2'],
  ['signal=1&xsig=2', 'signal=1&xsig=2'],
  ['&&a=1&', '&&a=1&'],
])('%j → %j', (query, redacted) => {
  expect(byDefault.redact(query)).toBe(redacted);
  // The check that saves the strings must never say no where there is something to hide.
  const bytes = Buffer.from(`a=1&${query}&sig=1`);
  if (query !== redacted) expect(byDefault.mayChange(bytes, 4, 4 + query.length)).toBe(true);
});

test.each(['', 'page=2&sort=date', 'sig', 'sig&a=sig', 'a=sig%20=+', 'signal=1', 'a==b&c=sig'])('%j needs no strings', (query) => {
  const bytes = Buffer.from(`${query}&sig=1`);
  expect(byDefault.mayChange(bytes, 0, query.length)).toBe(false);
  expect(byDefault.redact(query)).toBe(query);
});

test('names can be added and removed, in any case', () => {
  const changed = new QueryRedaction({ add: ['Token', 'my key'], remove: ['SIG'] });
  expect(changed.redact('token=1&sig=2&Signature=3&my+key=4&my%20key=5')).toBe('token=REDACTED&sig=2&Signature=REDACTED&my+key=REDACTED&my%20key=REDACTED');
});

test('the configuration decides for both kinds of span', () => {
  const settings = { 'attributes.sensitive_query_params.add': ['token'], 'attributes.sensitive_query_params.remove': ['sig'] };
  const line = 'GET /a?token=1&sig=2&Signature=3 HTTP/1.1';
  expect(serverSpan({ line }, settings).attributes['url.query']).toBe('token=REDACTED&sig=2&Signature=REDACTED');
  expect(clientSpan({ line, host: 'h' }, settings).attributes['url.full']).toBe('http://h/a?token=REDACTED&sig=2&Signature=REDACTED');
});
