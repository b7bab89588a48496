// SPDX-License-Identifier: Apache-2.0
import { isObiError } from '../../src/errors.js';
import type { MapHandle } from '../../src/kernel/kernel.js';
import { checkLayouts } from '../../src/lifecycle/kernel-layouts.js';

/** Key and value sizes as bpf/include/obi declares them. */
const DECLARED: Readonly<Record<string, readonly [number, number]>> = {
  obi_processes: [4, 8],
  obi_chains: [4, 40],
  obi_declared: [8, 56],
  obi_requests: [8, 88],
  obi_counters: [4, 8],
};

function check(changes: Readonly<Record<string, readonly [number, number] | undefined>>): unknown {
  const maps = { ...DECLARED, ...changes };
  try {
    checkLayouts({
      has: (name) => maps[name] !== undefined,
      map: (name) => {
        const [keySize = 0, valueSize = 0] = maps[name] ?? [];
        return { info: { name, type: 1, keySize, valueSize, maxEntries: 1 } } as unknown as MapHandle;
      },
    });
    return undefined;
  } catch (error) {
    return error;
  }
}

test('the sizes that the C sources declare are those that this code writes', () => {
  expect(check({})).toBeUndefined();
});

test.each(Object.keys(DECLARED))('%s of another size is refused by name', (name) => {
  const [keySize = 0, valueSize = 0] = DECLARED[name] ?? [];
  expect(check({ [name]: [keySize, valueSize + 8] })).toMatchObject({
    code: 'OBI_ERR_KERNEL_MAP',
    details: { differences: [`${name} has keys of ${keySize} and values of ${valueSize + 8} bytes, not ${keySize} and ${valueSize}`] },
  });
  expect(check({ [name]: [keySize + 4, valueSize] })).toMatchObject({ code: 'OBI_ERR_KERNEL_MAP' });
});

test('all differences are said at once, missing tables too', () => {
  const error = check({ obi_declared: undefined, obi_chains: [4, 48] });
  expect(isObiError(error)).toBe(true);
  expect((error as Error).message).toMatch(/^obi: .*obi_chains has .* 48 bytes.*; obi_declared is missing; rebuild/);
});
