// SPDX-License-Identifier: Apache-2.0
import type { Kernel } from '@obi/core/probe';
import { SignalHandlers } from '../src/signal-handler.js';

test('the program is in the kernel from the first question on, while somebody holds it', () => {
  let loaded = 0;
  let asked = 0;
  const answer = new Uint8Array(24).fill(1);
  const object = { testRun: () => asked++, map: () => ({ lookup: () => answer }), [Symbol.dispose]: () => loaded-- };
  const open = () => ({
    load: () => {
      loaded++;
      return object;
    },
  });
  const handlers = new SignalHandlers({ open } as unknown as Kernel);

  const first = handlers.hold();
  const second = handlers.hold();
  expect(loaded).toBe(0);
  expect(handlers.of(1, 10)).toEqual({ address: 0x0101010101010101n, flags: 0x0101010101010101n });
  handlers.of(1, 10);
  expect([loaded, asked]).toEqual([1, 2]);
  first[Symbol.dispose]();
  expect(loaded).toBe(1);
  second[Symbol.dispose]();
  expect(loaded).toBe(0);
  handlers.of(1, 10);
  expect([loaded, asked]).toEqual([0, 3]);
});
