/**
 * The kernel as core sees it; implemented by the native addon (@obi/native), by a fake in unit tests.
 * Every call is synchronous and throws an `Error` with `{ stage, errno, code, verifierLog? }` (see {@link KernelError}).
 * Everything that is attached is held by file descriptors only: when the process dies, the kernel detaches it.
 */
import type { ProgramType } from '../probe/manifest.js';

export type KernelStage = 'open' | 'load' | 'attach' | 'map' | 'poll' | 'inspect';

/** Shape of errors thrown by the addon. */
export interface KernelError extends Error {
  readonly stage: KernelStage;
  /** Positive errno, 0 when the failure was not a system call's. */
  readonly errno: number;
  /** Symbolic name, e.g. `EPERM`. */
  readonly code: string;
  /** End of the verifier's log, when the verifier spoke. */
  readonly verifierLog?: string;
}

export const Kernel = Symbol.for('obi.Kernel');
export interface Kernel {
  /** Parses an ELF object held in memory. Nothing reaches the kernel yet. */
  open(name: string, image: Uint8Array): OpenedObject;
  /** A reader of the ring buffer `ring`. Not started. */
  ringReader(ring: MapHandle, options: RingOptions, onBatch: OnBatch): RingReader;
  /** What this kernel can do; never throws, reports the reason in the fields. */
  features(): KernelFeatures;
  /** Puts established TCP sockets of process `pid` whose local port is not in `serverPorts` into `sockhash` under their cookie. @returns how many. */
  adoptSockets(pid: number, sockhash: MapHandle, serverPorts: readonly number[]): number;
}

/** Phase 1: parsed. `load` consumes it. */
export interface OpenedObject {
  readonly programs: readonly { readonly name: string; readonly section: string; readonly type: ProgramType }[];
  readonly maps: readonly MapInfo[];
  setAutoload(program: string, autoload: boolean): void;
  /** Sets a `const volatile` (or other initialised) global before load. `value` has exactly the variable's size, little-endian. @throws when there is no such variable. */
  setGlobal(variable: string, value: Uint8Array): void;
  hasGlobal(variable: string): boolean;
  /** Current (initial) bytes of a global. */
  getGlobal(variable: string): Uint8Array;
  setMaxEntries(map: string, entries: number): void;
  /** Uses an existing map in place of the object's own of that name. @throws when type, key size or value size differ, naming both layouts. */
  reuseMap(map: string, existing: MapHandle): void;
  load(): LoadedObject;
}

/** Phase 2: in the kernel. */
export interface LoadedObject extends Disposable {
  readonly programs: readonly {
    readonly name: string;
    readonly id: number;
    readonly type: ProgramType /** verified instructions, 0 when the kernel does not tell */;
    readonly verifiedInsns: number;
  }[];
  /**
   * Program → runs that the kernel skipped because a program was running on that CPU already. Programs without such are left out.
   * Older kernels count fewer kinds: fentry and fexit since 5.12, raw tracepoints since 6.1, tracepoints and kprobes through perf since 6.7.
   */
  missedRuns(): Readonly<Record<string, number>>;
  map(name: string): MapHandle;
  attachRawTracepoint(program: string, tracepoint: string): Link;
  attachTracepoint(program: string, category: string, name: string): Link;
  attachKprobe(program: string, kernelFunction: string, options?: { readonly return?: boolean }): Link;
  attachUprobe(program: string, options: { readonly path: string; readonly offset: number; readonly return?: boolean; readonly pid?: number }): Link;
  /** fentry, fexit, tp_btf: target is in the section name. */
  attachTrace(program: string): Link;
  /** sock_ops and other cgroup programs, by bpf_link. */
  attachCgroup(program: string, cgroupPath: string): Link;
  /** sk_msg verdict program of a sockmap/sockhash. */
  attachSkMsg(program: string, sockhash: MapHandle): Link;
  /** Puts `program` at `index` of program array `array`. */
  fillSlot(program: string, array: MapHandle, index: number): void;
  /** Runs BPF_PROG_TEST_RUN. */
  testRun(program: string, input: { readonly data?: Uint8Array; readonly context?: Uint8Array }): { readonly returnValue: number; readonly data: Uint8Array };
}

/** Phase 3: attached. Disposing detaches (a uprobe: soon, and at the latest when disposing of its object returns); so does the end of the process. */
export interface Link extends Disposable {}

export interface MapInfo {
  readonly name: string;
  /** BPF_MAP_TYPE_* number. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}
export interface MapHandle {
  readonly info: MapInfo;
  readonly id: number;
  lookup(key: Uint8Array): Uint8Array | undefined;
  /** One value per possible CPU. */
  lookupPerCpu(key: Uint8Array): Uint8Array[] | undefined;
  /** @param flags BPF_ANY 0, BPF_NOEXIST 1, BPF_EXIST 2 */
  update(key: Uint8Array, value: Uint8Array, flags?: number): void;
  /** @returns false when there was no such key. */
  delete(key: Uint8Array): boolean;
  keys(): Uint8Array[];
  /** What a hash table or array (not per-CPU) holds now, read by a call of the kernel per some thousand entries: more than ten times cheaper than {@link keys} and lookups. */
  entries(): Iterable<readonly [key: Buffer, value: Buffer]>;
}

export interface RingOptions {
  /** Size of the preallocated batch buffer, bytes. */
  readonly batchBytes: number;
  /** After a wake-up, how long to wait before draining, so that records come in batches (ms). */
  readonly coalesceMs: number;
}
/**
 * `batch[0, used)` holds `count` records back to back, each: u32 length (bytes, without this prefix and padding), u32 zero, the record, padding to 8 bytes.
 * The buffer is reused: it is valid during the call only.
 */
export type OnBatch = (batch: Buffer, used: number, count: number) => void;
export interface RingReader extends Disposable {
  start(): void;
  /** Hands over what is in the ring now, outside the wake-up rhythm. @returns records delivered. */
  drain(): number;
  stop(): void;
}

export interface KernelFeatures {
  readonly release: string;
  readonly architecture: string;
  readonly btf: boolean;
  /** lockdown mode, `absent` when the file does not exist, `unreadable` with securityfs not mounted but lockdown known from /proc or probing. */
  readonly lockdown: 'none' | 'integrity' | 'confidentiality' | 'absent' | 'unreadable';
  readonly kprobes: boolean;
  readonly fentry: boolean;
  readonly bpfLoop: boolean;
  readonly ringBuffer: boolean;
  readonly probeWriteUser: boolean;
  /** Program types that load here. */
  readonly programTypes: readonly ProgramType[];
  /** Effective capabilities, names without CAP_, upper case. */
  readonly capabilities: readonly string[];
  /** FACTS: FIONREAD answers 0 on sockets in a sockhash. `unknown` when it could not be measured. */
  readonly fionreadFault: boolean | 'unknown';
}
