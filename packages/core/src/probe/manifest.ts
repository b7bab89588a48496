/**
 * The static manifest of a probe package: what core may know about a probe before any of its code runs.
 * Hand-written part: the `obi` entry of package.json. Generated part: the file it names (`manifest`), written by `obi-gen`
 * from the built BPF objects (probe-kit), which adds digests, programs, maps and events.
 */

/** Version of the TypeScript probe contract that this core implements. */
export const PROBE_API_VERSION = 1;
/** Version of the C SDK's shared maps and structs (`OBI_ABI` in bpf/include/obi/abi.bpf.h). */
export const KERNEL_ABI_VERSION = 2;

/** npm keyword that marks a probe package. */
export const PROBE_KEYWORD = 'obi-probe';

export type Architecture = 'x86_64' | 'arm64';

/** package.json `obi` entry, written by the author. */
export interface PackageEntry {
  /** Short name used by `--plugins`, in logs and counters: `[a-z][a-z0-9-]{0,14}`. */
  readonly id: string;
  readonly kind: 'protocol' | 'carrier' | 'runtime';
  /** The probe contract version that the code was written for. */
  readonly api: number;
  /** Path of the generated manifest, relative to the package. */
  readonly manifest: string;
  /** Which programs fill core's slots: slot name → program name. See {@link SLOTS}. */
  readonly slots?: Partial<Record<SlotName, string>>;
  /** What its programs tell the protocols themselves, from inside processes. See {@link PROBE_TAPS}. */
  readonly taps?: readonly ProbeTap[];
}

/** Taps that come with probes: tap → the slot whose programs it calls. Where no probe that was selected, and found able to run here, has the tap, these are not loaded. */
export const PROBE_TAPS = { plaintext: 'protocol.plaintext' } as const satisfies Record<string, keyof typeof SLOTS>;
export type ProbeTap = keyof typeof PROBE_TAPS;

/**
 * Program arrays that core owns; a probe's program in one of them is tail-called by core's taps.
 * `protocol.*`: bytes of a stream, one array per tap (`tcp_*`: fexit programs of that very function).
 * `protocol.plaintext`: bytes of an encrypted connection, told by a probe that reads them inside the process (bpf/include/obi/plaintext.bpf.h).
 * `end.raw_tracepoint`: a direction or a connection has ended.
 * `marker.raw_tracepoint`: what the probe's own code inside a process tells the kernel (bpf/include/obi/syscall.bpf.h, OBI_MARKER_SIGNALS).
 * `carrier.sk_msg`: outgoing bytes of a socket in core's sockhash, may change them.
 */
export const SLOTS = {
  'protocol.raw_tracepoint': { map: 'obi_proto_rtp', programType: 'raw_tracepoint' },
  'protocol.tcp_sendmsg': { map: 'obi_proto_send', programType: 'tracing' },
  'protocol.tcp_recvmsg': { map: 'obi_proto_recv', programType: 'tracing' },
  'protocol.plaintext': { map: 'obi_proto_plain', programType: 'uprobe' },
  'end.raw_tracepoint': { map: 'obi_proto_end', programType: 'raw_tracepoint' },
  'marker.raw_tracepoint': { map: 'obi_markers', programType: 'raw_tracepoint' },
  'carrier.sk_msg': { map: 'obi_carriers', programType: 'sk_msg' },
} as const;
export type SlotName = keyof typeof SLOTS;

/** Generated manifest (JSON). */
export interface ProbeManifest {
  readonly schema: 1;
  /** `OBI_ABI` that the object was compiled against. */
  readonly abi: number;
  readonly objects: Partial<Record<Architecture, ObjectEntry>>;
  readonly programs: readonly ProgramEntry[];
  readonly maps: readonly MapEntry[];
  readonly events: readonly EventEntry[];
  /** Names of the counters of this probe, index = counter number (enum `<id>_counter` in its C header). */
  readonly counters: readonly string[];
}
export interface ObjectEntry {
  /** Path relative to the manifest file. */
  readonly file: string;
  readonly sha256: string;
}
export interface ProgramEntry {
  readonly name: string;
  /** ELF section, as libbpf reads it. */
  readonly section: string;
  readonly type: ProgramType;
  /** Kernel helpers that the program calls, by name without the `bpf_` prefix. */
  readonly helpers: readonly string[];
}
export type ProgramType = 'raw_tracepoint' | 'kprobe' | 'uprobe' | 'tracepoint' | 'tracing' | 'sk_msg' | 'sock_ops' | 'cgroup_sock_addr' | 'iter' | 'other';
export interface MapEntry {
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
}
export interface EventEntry {
  /** C struct name. */
  readonly struct: string;
  /** `hdr.kind` of its records. */
  readonly kind: number;
  /** sizeof in bytes; a record may be shorter where its last member is a byte array that was cut to its used length. */
  readonly size: number;
  /** Digest over member names, types and offsets; must equal the digest in the generated reader. */
  readonly digest: string;
  /** For a struct with members of type `struct obi_trace` and `struct obi_cause`: its spans can be explained (`obi explain`). */
  readonly explain?: CausePlaces;
}
/** Byte offsets in the record of what `struct obi_trace` and `struct obi_cause` hold (bpf/include/obi). */
export interface CausePlaces {
  readonly traceId: number;
  readonly spanId: number;
  readonly parentId: number;
  readonly scope: number;
  readonly scopeStartedNs: number;
  readonly request: number;
  readonly requestStartNs: number;
  readonly requestScope: number;
  readonly rule: number;
}
