// SPDX-License-Identifier: Apache-2.0
/** Asks the kernel who handles a signal in another process; see bpf/handler.bpf.c. */
import { readFileSync } from 'node:fs';
import type { Kernel, LoadedObject, MapHandle } from '@obi/core/probe';

export interface SignalHandler {
  /** 0: default action, 1: ignored. */
  readonly address: bigint;
  /** SA_*. */
  readonly flags: bigint;
}

/** libuv asks for it, and so what an application does with process.on; Node's own inspector does not. */
export const SA_RESTART = 0x10000000n;

/** The program is in the kernel only while somebody holds it: nobody ends a driver, which may still undo something after all else of obi has gone. */
export class SignalHandlers {
  readonly #kernel: Kernel;
  #loaded: { readonly object: LoadedObject; readonly answers: MapHandle } | undefined;
  #holders = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Before several questions, so that the program is loaded once for them. The last one who lets go unloads it. */
  hold(): Disposable {
    this.#holders++;
    return {
      [Symbol.dispose]: () => {
        if (--this.#holders > 0) return;
        this.#loaded?.object[Symbol.dispose]();
        this.#loaded = undefined;
      },
    };
  }

  /** @returns undefined when there is no such process. @throws KernelError */
  of(pid: number, signal: number): SignalHandler | undefined {
    using _held = this.hold();
    this.#loaded ??= this.#load();
    const { object, answers } = this.#loaded;
    const context = Buffer.alloc(16);
    context.writeBigUInt64LE(BigInt(pid), 0);
    context.writeBigUInt64LE(BigInt(signal), 8);
    object.testRun('node_handler', { context });
    const answer = answers.lookup(new Uint8Array(4));
    if (!answer) return undefined;
    const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
    return view.getUint32(16, true) === 0 ? undefined : { address: view.getBigUint64(0, true), flags: view.getBigUint64(8, true) };
  }

  #load(): { readonly object: LoadedObject; readonly answers: MapHandle } {
    const architecture = process.arch === 'arm64' ? 'arm64' : 'x86_64';
    const image = readFileSync(new URL(`../bpf/dist/${architecture}/handler.bpf.o`, import.meta.url));
    const object = this.#kernel.open('node_handler', image).load();
    return { object, answers: object.map('node_handlers') };
  }
}
