// SPDX-License-Identifier: Apache-2.0
/** The one list of error codes with their meaning; docs/reference/errors.md is generated from it, the type {@link ErrorCode} derives from it. */

export interface ErrorMeaning {
  /** When it is raised, in one sentence. */
  readonly meaning: string;
  /** What the reader can do about it. */
  readonly remedy: string;
}

const table = {
  OBI_ERR_CONFIG_READ: {
    meaning: 'The configuration file cannot be opened.',
    remedy: 'Give an existing, readable file to --config or OTEL_EBPF_CONFIG_PATH.',
  },
  OBI_ERR_CONFIG_INVALID: {
    meaning: 'The configuration (file, environment or command line) has one or more problems; the message lists all of them.',
    remedy: 'Correct each line that the message names; docs/reference/config.md lists every key.',
  },
  OBI_ERR_CONFIG_PROBE: {
    meaning: "A probe's own section (`probes.<id>`) does not satisfy the probe's schema; only that probe stays off.",
    remedy: "Correct the keys that the message names; the probe's README lists them.",
  },
  OBI_ERR_PLUGIN_UNKNOWN: {
    meaning: 'A name in --plugins is neither an installed probe nor a path to one.',
    remedy: 'Use one of the installed names, or install the package beside obi.',
  },
  OBI_ERR_PLUGIN_PATH: {
    meaning: 'A path in --plugins holds no readable package.json.',
    remedy: "Give the package's folder, the one with its package.json.",
  },
  OBI_ERR_PROBE_ENTRY_INVALID: {
    meaning: 'The `obi` entry of a package.json is missing or malformed.',
    remedy: 'Correct the entry; docs/reference/probe-api.md describes it.',
  },
  OBI_ERR_PROBE_API_MISMATCH: {
    meaning: 'The probe was written for another version of the TypeScript probe contract.',
    remedy: 'Install a version of the probe made for this obi, or another obi.',
  },
  OBI_ERR_PROBE_MANIFEST_MISSING: {
    meaning: 'The manifest file that the `obi` entry names cannot be read.',
    remedy: 'Build the probe (obi-gen writes the manifest), or reinstall the package.',
  },
  OBI_ERR_PROBE_MANIFEST_INVALID: {
    meaning: 'The manifest is not JSON or does not follow the manifest schema.',
    remedy: 'Build the probe again with the obi-gen that belongs to this obi.',
  },
  OBI_ERR_PROBE_ABI_MISMATCH: {
    meaning: 'The BPF object was compiled against another version of the shared kernel maps and structs.',
    remedy: 'Compile the probe against the @obi/bpf of this obi, or install matching versions.',
  },
  OBI_ERR_PROBE_ARCHITECTURE: {
    meaning: 'The probe ships no BPF object for this processor architecture.',
    remedy: 'Ask its author for one, or build it from source.',
  },
  OBI_ERR_PROBE_OBJECT_MISSING: {
    meaning: 'The BPF object that the manifest names cannot be read.',
    remedy: 'Build the probe, or reinstall the package.',
  },
  OBI_ERR_PROBE_OBJECT_DIGEST: {
    meaning: 'The BPF object is not the one that the manifest describes.',
    remedy: 'Build the probe again, so that manifest and object agree, or reinstall the package.',
  },
  OBI_ERR_PROBE_KERNEL_FEATURES: {
    meaning: 'This kernel cannot run the programs that the probe cannot do without.',
    remedy: '`obi doctor` says what the kernel lacks; use another kernel or leave the probe out.',
  },
  OBI_ERR_PROBE_CAPABILITIES: {
    meaning: 'obi lacks the capabilities that the probe cannot do without.',
    remedy: 'Run obi as root or grant the capabilities that the message names.',
  },
  OBI_ERR_PROBE_IMPORT: {
    meaning: "The probe's JavaScript cannot be imported or throws while it loads.",
    remedy: 'Report it to the author of the probe; `cause` holds what was thrown.',
  },
  OBI_ERR_PROBE_BRAND: {
    meaning: "The package's default export was not made by defineProbe.",
    remedy: 'Export `defineProbe({...})` as default.',
  },
  OBI_ERR_PROBE_ID_MISMATCH: {
    meaning: 'package.json and the code of the probe name different ids or API versions.',
    remedy: 'Make both the same.',
  },
  OBI_ERR_PROBE_EVENT_UNBOUND: {
    meaning: 'The object emits an event for which the code binds no decoder.',
    remedy: 'Add a binding under `events`, or take the event out of the C source.',
  },
  OBI_ERR_PROBE_LAYOUT_DRIFT: {
    meaning: "The generated readers of the probe do not belong to the object's structs.",
    remedy: 'Run obi-gen again and rebuild, so that readers and object agree.',
  },
  OBI_ERR_PROBE_DUPLICATE_ID: {
    meaning: 'Two selected packages claim the same id; the first one runs.',
    remedy: 'Uninstall one of them, or name the wanted one by package name in --plugins.',
  },
  OBI_ERR_PROBE_DECODER: {
    meaning: 'A decoder threw on a record; the record is counted as lost and the others go on.',
    remedy: 'Report it to the author of the probe; `cause` holds what was thrown.',
  },
  OBI_ERR_KERNEL_OPEN: { meaning: 'A BPF object cannot be parsed.', remedy: 'Rebuild the object with the clang that CONTRIBUTING.md names.' },
  OBI_ERR_KERNEL_LOAD: {
    meaning: 'The kernel refused a program or a map.',
    remedy: '`obi doctor` checks the usual causes; errno and the end of the verifier log are in `details`.',
  },
  OBI_ERR_KERNEL_ATTACH: {
    meaning: 'A loaded program cannot be attached.',
    remedy: '`obi doctor` says which hooks this kernel has; the errno is in `details`.',
  },
  OBI_ERR_KERNEL_MAP: { meaning: 'An operation on a BPF map failed.', remedy: 'The map and errno are in `details`; report it with them.' },
  OBI_ERR_KERNEL_POLL: { meaning: 'The event ring cannot be read.', remedy: 'The errno is in `details`; report it with it.' },
  OBI_ERR_RIGHTS: {
    meaning: 'obi was started without the rights that every probe needs.',
    remedy: 'Run it as root, or with the capabilities that the message names.',
  },
  OBI_ERR_CGROUP: {
    meaning: 'The cgroup whose sockets are to be watched is missing or is not on a cgroup2 file system.',
    remedy: 'Set ebpf.cgroup_path (OTEL_EBPF_BPF_CGROUP_PATH) to a folder of the cgroup2 mount.',
  },
  OBI_ERR_OVERLAP: {
    meaning: 'Another obi watches the same cgroup, one above it or one below it: both would report the same requests.',
    remedy:
      'Stop the other one, give each its own ebpf.cgroup_path, or set ebpf.allow_overlap (OTEL_EBPF_BPF_ALLOW_OVERLAP=true) where they select different processes.',
  },
  OBI_ERR_HEALTH_PORT: {
    meaning: 'The port of the health output cannot be listened on.',
    remedy: 'Set health_check.port (OTEL_EBPF_HEALTH_CHECK_PORT) to a free port, or to 0 for none.',
  },
  OBI_ERR_EXPLAIN_ID: {
    meaning: '`obi explain` was given something that is no trace id and no span id.',
    remedy: 'Give a trace id (32 hexadecimal digits), a span id (16), or a whole traceparent.',
  },
  OBI_ERR_EXPLAIN_UNKNOWN: {
    meaning: 'No obi that runs here has a record with this id.',
    remedy:
      'Ask soon after the request, on the machine of the process that sent it; a higher explain.buffer_bytes (OTEL_EBPF_EXPLAIN_BUFFER_BYTES) reaches further back. Unsampled traces, and requests that are not answered yet, have no record.',
  },
  OBI_ERR_EXPLAIN_UNREACHABLE: {
    meaning: 'No running obi answers `obi explain`.',
    remedy:
      'Run it as the user that obi runs as, in the same container, with the same explain.directory (OTEL_EBPF_EXPLAIN_DIRECTORY); an obi with explain.buffer_bytes 0 does not answer.',
  },
  OBI_ERR_NO_PROBES: { meaning: 'No probe can run.', remedy: 'Correct the reasons listed above it; `obi probes` repeats them.' },
} as const satisfies Record<string, ErrorMeaning>;

export type ErrorCode = keyof typeof table;
export const ERROR_CODES: Readonly<Record<ErrorCode, ErrorMeaning>> = table;
