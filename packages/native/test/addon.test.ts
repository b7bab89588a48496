// SPDX-License-Identifier: Apache-2.0
// What holds without the addon: it is loaded on first use, and maps of another Kernel are refused.
import type { MapHandle } from '@obi/core';
import { createKernel } from '../src/index.js';
import { nativeMap } from '../src/map-handle.js';

test('creating the kernel needs no addon', () => {
  expect(typeof createKernel().open).toBe('function');
});

test("a map of another Kernel's is refused by name", () => {
  const foreign = { info: { name: 'fake_events', type: 27, keySize: 0, valueSize: 0, maxEntries: 4096 }, id: 1 } as unknown as MapHandle;
  expect(() => nativeMap(foreign)).toThrow("@obi/native: map fake_events is not one of this addon's maps");
});
