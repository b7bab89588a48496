// SPDX-License-Identifier: Apache-2.0
/** Routes: from a concrete path to a name of few values, for `http.route` and span names. */

export interface Route {
  /** e.g. `/users/:id`; absent when none is known. */
  readonly name?: string | undefined;
  /** Nobody wrote it down: it was made from the path. A route that the program itself tells is better. */
  readonly guessed?: boolean | undefined;
  /** The request is not to be reported. */
  readonly ignored?: boolean | undefined;
}

export const Routes = Symbol.for('obi.Routes');
export interface Routes {
  /** @param bytes holds the path at [start, end), without query. Called for each server span. */
  match(bytes: Uint8Array, start: number, end: number): Route | undefined;
}
