// SPDX-License-Identifier: Apache-2.0
/** Standard output and standard error that cannot be written: one message and an exit code, no stack and no silence. */

export interface OutputWatch extends Disposable {
  /** Whether something that this command wrote to standard output got lost. A reader that had enough (`| head`) is no loss. */
  failed(): Promise<boolean>;
}

/** Until it is disposed of, no stream of this process ends it. The first failure of standard output is said. */
export function watchOutput({ stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'> = process): OutputWatch {
  let failure: NodeJS.ErrnoException | undefined;
  const onFailure = (error: NodeJS.ErrnoException): void => {
    if (failure === undefined && !isReaderGone(error))
      console.error(`obi: standard output cannot be written (${error.code ?? error.message}); what was to be shown there is lost`);
    failure ??= error;
  };
  // There is nowhere left to say it.
  const onDeaf = (): void => {};
  stdout.on('error', onFailure);
  stderr.on('error', onDeaf);
  return {
    async failed() {
      // On Linux both streams write at once; what failed is told in the same turn of the event loop.
      await new Promise((resolve) => setImmediate(resolve));
      return failure !== undefined && !isReaderGone(failure);
    },
    [Symbol.dispose]() {
      stdout.off('error', onFailure);
      stderr.off('error', onDeaf);
    },
  };
}

/** @returns what failed, after whoever watches the output knows it too; undefined when all is written. */
export function print(text: string): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => (error ? setImmediate(resolve, error) : resolve(undefined)));
  });
}

export const isReaderGone = ({ code }: NodeJS.ErrnoException): boolean => code === 'EPIPE';
