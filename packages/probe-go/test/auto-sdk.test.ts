// SPDX-License-Identifier: Apache-2.0
// Where the Auto SDK is hooked: behind the stack check, which a call can pass twice.
import type { ElfImage } from '@obi/core/probe';
import type { GoFunction } from '../src/binary/function-table.js';
import { PROLOGUE, settledEntry } from '../src/binary/patch-point.js';
import { AUTO_SDK_FUNCTIONS, findAutoSdkSites } from '../src/plan/auto-sdk.js';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
const SHORT = '49 3b 66 10 76 2a 55 48 89 e5';

test.each([
  ['a short jump', SHORT, 6],
  ['a near jump', '49 3b 66 10 0f 86 2a 01 00 00 55 48 89 e5', 10],
  ['a large frame', '4c 8d a4 24 00 ff ff ff 4d 3b 66 10 76 2a 55', 14],
  ['both', '4c 8d a4 24 00 ff ff ff 4d 3b 66 10 0f 86 2a 01 00 00 55', PROLOGUE - 1],
  ['no check', '55 48 89 e5', 0],
  ['no frame behind the check', '49 3b 66 10 76 2a 48 83 ec 18', undefined],
  ['another beginning', '48 83 ec 18 55', undefined],
])('%s', (_, code, offset) => expect(settledEntry(bytes(code))).toBe(offset));

const imageOf = (code: string) => ({ read: () => bytes(code) }) as unknown as ElfImage;
const functionsOf = (names: readonly string[]) =>
  new Map(names.map((name, index) => [name, { address: 100 * index, end: 100 * index + 99 } satisfies GoFunction]));

test('what begins something is hooked behind what ends it', () => {
  const sites = findAutoSdkSites(imageOf(SHORT), functionsOf(AUTO_SDK_FUNCTIONS));
  expect([...(sites as ReadonlyMap<string, readonly number[]>)]).toEqual([
    ['go_auto_ended', [6]],
    ['go_auto_started', [106]],
    ['go_auto_named', [106]],
    ['go_auto_asked', [206]],
  ]);
});

test('an API that has no such global tracer yet: the SDK alone', () => {
  const sites = findAutoSdkSites(imageOf(SHORT), functionsOf(AUTO_SDK_FUNCTIONS.slice(0, 2)));
  expect([...(sites as ReadonlyMap<string, readonly number[]>).keys()]).toEqual(['go_auto_ended', 'go_auto_started', 'go_auto_named']);
});

test('a program with a part of the SDK, or none, is left alone; one whose functions look different is named', () => {
  expect(findAutoSdkSites(imageOf(SHORT), functionsOf(AUTO_SDK_FUNCTIONS.slice(1)))).toEqual(new Map());
  expect(findAutoSdkSites(imageOf('90'.repeat(18)), functionsOf(AUTO_SDK_FUNCTIONS))).toBe(AUTO_SDK_FUNCTIONS[0]);
});
