// SPDX-License-Identifier: Apache-2.0
/** Data: where CPython keeps its threads, by minor version. Measured with offsetof on 64-bit builds; the same within a minor version. */

/** Byte offsets. The context's own layout (`ctx_entered`) is the same in all of them: bpf/python.h. */
export interface Layout {
  /** _PyRuntimeState.interpreters.head and .main */
  readonly interpretersHead: number;
  readonly interpretersMain: number;
  /** PyInterpreterState: the next one; its newest thread */
  readonly nextInterpreter: number;
  readonly firstThread: number;
  /** PyThreadState */
  readonly nextThread: number;
  readonly interpreter: number;
  readonly threadId: number;
  /** Absent before 3.11. */
  readonly nativeThreadId?: number;
  readonly context: number;
}

const OLD: Layout = {
  interpretersHead: 0x20,
  interpretersMain: 0x28,
  nextInterpreter: 0,
  firstThread: 0x8,
  nextThread: 0x8,
  interpreter: 0x10,
  threadId: 0xb0,
  context: 0xf0,
};

/** Minor version of Python 3 → layout. */
export const LAYOUTS: Readonly<Record<number, Layout>> = {
  9: OLD,
  10: OLD,
  11: { ...OLD, interpretersHead: 0x28, interpretersMain: 0x30, firstThread: 0x10, threadId: 0x98, nativeThreadId: 0xa0, context: 0xe0 },
  12: { ...OLD, interpretersHead: 0x28, interpretersMain: 0x30, firstThread: 0x48, threadId: 0x88, nativeThreadId: 0x90, context: 0xd0 },
  13: {
    ...OLD,
    interpretersHead: 0x278,
    interpretersMain: 0x280,
    nextInterpreter: 0x1c60,
    firstThread: 0x1cb0,
    threadId: 0x98,
    nativeThreadId: 0xa0,
    context: 0xd0,
  },
};

/** PyObject.ob_type, PyTypeObject.tp_dealloc: the same since Python 3.0. */
export const OB_TYPE = 0x8;
export const TP_DEALLOC = 0x30;
