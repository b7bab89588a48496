// SPDX-License-Identifier: Apache-2.0
// What is demanded of a measurement of parents (../../harness/parents.mjs).
import type { measure } from '../../harness/parents.mjs';

type Measured = Awaited<ReturnType<typeof measure>>;

/** Every request was answered, and made its two calls. */
export function expectComplete({ errors, code, calls }: Measured, requests: number): void {
  expect(errors).toEqual([]);
  expect(code).toBe(0);
  expect(calls).toBe(2 * requests);
}

/** Every call is in the trace of the request that caused it, by the ids, by the headers and by the spans. */
export function expectAllRight({ trace, tree, own, calls, examples }: Measured): void {
  expect(examples).toEqual([]);
  expect(trace).toEqual({ right: calls, wrong: 0, unknown: 0, bare: 0, doubled: 0 });
  expect(tree).toMatchObject({ right: calls, wrong: 0, unknown: 0, missing: 0 });
  expect(own).toMatchObject({ right: calls, wrong: 0, unknown: 0, missing: 0 });
}

/** Or in one of its own; none in another request's. */
export function expectNeverWrong({ trace, tree, own, calls, examples }: Measured): void {
  expect(examples).toEqual([]);
  expect(trace).toMatchObject({ wrong: 0, bare: 0, doubled: 0 });
  expect([tree.wrong, tree.missing, own.wrong, own.missing]).toEqual([0, 0, 0, 0]);
  expect(trace.right + trace.unknown).toBe(calls);
}
