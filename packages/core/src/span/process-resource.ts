// SPDX-License-Identifier: Apache-2.0
/** Whose span is it: the resource of a traced process, as exporters see it. */

/** What an OpenTelemetry attribute can hold. */
export type AttributeValue = string | number | boolean | readonly string[] | readonly number[] | readonly boolean[];

/**
 * The resource of one process. A process whose attributes change gets a new object with the same `id`; an object that was
 * handed out never changes, so exporters may keep what they computed from it.
 */
export interface ProcessResource {
  /** Small dense integer, stable for the process: exporters index arrays with it. */
  readonly id: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

export const ProcessDirectory = Symbol.for('obi.ProcessDirectory');
/** Finds the resource of a process. Called once per span, so the answer has to be at hand: no file is read here. */
export interface ProcessDirectory {
  /**
   * @param pid process id in the root pid namespace
   * @returns undefined when the process is unknown or deselected; its spans are then not written.
   */
  resource(pid: number): ProcessResource | undefined;
}
