// SPDX-License-Identifier: Apache-2.0
import { environmentAttributes, parseResourceAttributes } from '../../src/process/otel-environment';

test('pairs, spaces and percent-encoding', () => {
  expect(parseResourceAttributes(' service.name=shop%2Cfront , team=caf%C3%A9,a=b=c,, empty=')).toEqual({
    'service.name': 'shop,front',
    team: 'café',
    a: 'b=c',
    empty: '',
  });
});

test.each(['novalue', 'a=1,b=%E0%A4%A', '=x', 'a=1,b'])('%j is discarded whole', (text) => {
  expect(parseResourceAttributes(text)).toBeUndefined();
});

test('OTEL_SERVICE_NAME wins over service.name; empty counts as unset', () => {
  const attributes = 'service.name=a,service.namespace=n';
  expect(
    environmentAttributes(
      new Map([
        ['OTEL_RESOURCE_ATTRIBUTES', attributes],
        ['OTEL_SERVICE_NAME', 'b'],
      ]),
    ),
  ).toEqual({ 'service.name': 'b', 'service.namespace': 'n' });
  expect(
    environmentAttributes(
      new Map([
        ['OTEL_RESOURCE_ATTRIBUTES', attributes],
        ['OTEL_SERVICE_NAME', ''],
      ]),
    ),
  ).toEqual({ 'service.name': 'a', 'service.namespace': 'n' });
  expect(
    environmentAttributes(
      new Map([
        ['OTEL_RESOURCE_ATTRIBUTES', 'broken'],
        ['OTEL_SERVICE_NAME', 'b'],
      ]),
    ),
  ).toEqual({ 'service.name': 'b' });
});
