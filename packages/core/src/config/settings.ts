// SPDX-License-Identifier: Apache-2.0
/** The table that joins key path, environment variables and description; loading, printing and docs/reference/config.md all follow it. */
import { splitGlobs, splitList } from './values.js';

/** Turns the text of an environment variable into what the same key holds in YAML; the schema checks the result. @throws Error with what is wrong with the text itself. */
export type EnvParser = (text: string) => unknown;

const text: EnvParser = (value) => value;
const list: EnvParser = splitList;
const globs: EnvParser = splitGlobs;
/** `a=b,c=d` with percent-encoded values, as the OpenTelemetry specification writes OTEL_RESOURCE_ATTRIBUTES. */
const pairs: EnvParser = (value) =>
  Object.fromEntries(
    splitList(value).map((pair, index) => {
      const equals = pair.indexOf('=');
      if (equals < 1)
        throw new Error(`entry ${index + 1}, "${pair}", ${equals < 0 ? 'has no "="' : 'has no name'}; write name=value pairs with commas between them`);
      return [decode(pair.slice(0, equals).trim(), pair), decode(pair.slice(equals + 1).trim(), pair)];
    }),
  );

function decode(text: string, pair: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error(`"${pair}" is not percent-encoded right; write "%" as "%25"`);
  }
}

export interface Setting {
  readonly key: string;
  /** Earlier names win over later ones. */
  readonly env?: readonly string[];
  readonly parse?: EnvParser;
  /** The variable counts as set when it is empty: to take nothing for the default would do more than was asked for. */
  readonly emptyCounts?: true;
  /** For readers: `duration`, `glob`, `a | b`. */
  readonly type: string;
  readonly description: string;
  /** Not an upstream key. */
  readonly own?: true;
}

const selectorFields =
  'entries of `open_ports` (ports and ranges), `exe_path` (glob), `cmd_args` (glob), `target_pids`, `name`, `namespace`; all criteria of an entry must hold';

export const SETTINGS: readonly Setting[] = [
  { key: 'log_level', env: ['OTEL_EBPF_LOG_LEVEL'], parse: text, type: 'DEBUG | INFO | WARN | ERROR', description: 'The least severe lines that are written.' },
  {
    key: 'log_format',
    env: ['OTEL_EBPF_LOG_FORMAT'],
    parse: text,
    type: 'text | json',
    description: 'Short lines for people, or one JSON object a line. Both on standard error.',
  },
  { key: 'log_config', env: ['OTEL_EBPF_LOG_CONFIG'], parse: text, type: 'yaml | json', description: 'Print the merged configuration at start, in this form.' },
  {
    key: 'shutdown_timeout',
    env: ['OTEL_EBPF_SHUTDOWN_TIMEOUT'],
    parse: text,
    type: 'duration',
    description: 'How long stopping may take, until the last spans have left; up to `596h`. What is not sent by then is counted.',
  },
  {
    key: 'trace_printer',
    env: ['OTEL_EBPF_TRACE_PRINTER'],
    parse: text,
    type: 'disabled | text | json | json_indent',
    description: 'Print spans on standard output.',
  },
  { key: 'service_name', env: ['OTEL_SERVICE_NAME'], parse: text, type: 'string', description: 'Service name of every traced process; empty = each its own.' },
  { key: 'service_namespace', env: ['OTEL_EBPF_SERVICE_NAMESPACE'], parse: text, type: 'string', description: 'Service namespace of every traced process.' },
  {
    key: 'resource_attributes',
    env: ['OTEL_RESOURCE_ATTRIBUTES'],
    parse: pairs,
    type: 'map of string',
    description: 'Further resource attributes of every traced process.',
    own: true,
  },
  {
    key: 'plugins',
    env: ['OTEL_EBPF_PLUGINS'],
    parse: text,
    emptyCounts: true,
    type: 'list',
    description:
      'Probes to run, by short name, package name or path (also `--plugins`); `[]` = all installed. A text, option or variable without a name is an error.',
    own: true,
  },
  {
    key: 'auto_target_exe',
    env: ['OTEL_EBPF_AUTO_TARGET_EXE', 'OTEL_GO_AUTO_TARGET_EXE'],
    parse: text,
    type: 'glob',
    description: 'Short cut: trace executables whose path matches.',
  },
  {
    key: 'open_port',
    env: ['OTEL_EBPF_OPEN_PORT'],
    parse: text,
    type: 'ports',
    description: 'Short cut: trace processes that listen on one of these ports or ranges. With another short cut, both must hold.',
  },
  { key: 'target_pids', env: ['OTEL_EBPF_TARGET_PID'], parse: text, type: 'list of pid', description: 'Short cut: trace these processes.' },
  {
    key: 'ebpf.context_propagation',
    env: ['OTEL_EBPF_BPF_CONTEXT_PROPAGATION'],
    parse: text,
    type: 'disabled | all | headers | tcp | headers,tcp',
    description: 'Where trace context is written on outgoing requests. Nothing writes TCP options in this version: `tcp` does nothing, and `obi` says so.',
  },
  {
    key: 'ebpf.cgroup_path',
    env: ['OTEL_EBPF_BPF_CGROUP_PATH'],
    parse: text,
    type: 'path',
    description: 'Sockets of processes under this cgroup can carry trace context; empty = the cgroup2 mount, wherever it is.',
    own: true,
  },
  {
    key: 'ebpf.allow_overlap',
    env: ['OTEL_EBPF_BPF_ALLOW_OVERLAP'],
    parse: text,
    type: 'true | false',
    description:
      'Start although another obi watches the same cgroup, one above it or one below it. Requests of processes that both select are reported twice; with propagation on in both, carriers of one of them fail.',
    own: true,
  },
  {
    key: 'ebpf.max_transaction_time',
    env: ['OTEL_EBPF_BPF_MAX_TRANSACTION_TIME'],
    parse: text,
    type: 'duration',
    description: 'A request older than this is no longer taken for the parent of outgoing work.',
  },
  {
    key: 'ebpf.tap',
    env: ['OTEL_EBPF_BPF_TAP'],
    parse: text,
    type: 'auto | syscalls | tcp',
    description: 'Where bytes are seen: at system calls (any kernel) or at the TCP functions (kernels with fentry).',
    own: true,
  },
  {
    key: 'ebpf.fionread_safe_executables',
    env: ['OTEL_EBPF_BPF_FIONREAD_SAFE_EXECUTABLES'],
    parse: globs,
    type: 'list of glob',
    description: 'On kernels where FIONREAD answers 0 for watched sockets: executables known never to ask it, for which propagation stays on.',
    own: true,
  },
  {
    key: 'ebpf.blocking_sockets',
    env: ['OTEL_EBPF_BPF_BLOCKING_SOCKETS'],
    parse: text,
    type: 'true | false',
    description:
      'Propagation on sockets that block too, for the first request of a connection. `false` where a thread may wait in `recv` before anything was sent on its connection: in a watched socket that read can fail with EAGAIN.',
    own: true,
  },
  {
    key: 'ebpf.maps_config.global_scale_factor',
    type: 'integer, -3 to 3',
    description: 'Doubles (or halves, when negative) the size of kernel maps this many times.',
  },
  { key: 'discovery.instrument', type: 'list of selectors', description: `Which processes are traced: ${selectorFields}; one matching entry suffices.` },
  { key: 'discovery.exclude_instrument', type: 'list of selectors', description: 'Processes that are not traced although an entry of `instrument` matches.' },
  { key: 'discovery.default_exclude_instrument', type: 'list of selectors', description: 'Excluded as well; setting it replaces the default.' },
  {
    key: 'discovery.multiplexed_executables',
    env: ['OTEL_EBPF_DISCOVERY_MULTIPLEXED_EXECUTABLES'],
    parse: globs,
    type: 'list of glob',
    description:
      'Executables (paths, or names for globs without a slash) that serve several requests on one thread, besides those that obi knows: a call that they make gets no parent guessed by its thread.',
    own: true,
  },
  {
    key: 'discovery.threaded_executables',
    env: ['OTEL_EBPF_DISCOVERY_THREADED_EXECUTABLES'],
    parse: globs,
    type: 'list of glob',
    description:
      'Executables that give a request its own thread although obi would take them for multiplexed ones. Wins over `multiplexed_executables`. Where it is not true, calls get a wrong parent.',
    own: true,
  },
  {
    key: 'routes.patterns',
    type: 'list',
    description: 'Routes such as `/user/:id`, `/user/{id}` or `/files/*` (with all below it). The most specific one that matches counts.',
  },
  { key: 'routes.ignored_patterns', type: 'list', description: 'Requests on these routes are not reported; written as `patterns`, and looked at before them.' },
  {
    key: 'routes.ignore_mode',
    type: 'all | traces | metrics',
    description: 'What ignored routes are left out of. obi makes no metrics yet: `metrics` leaves nothing out.',
  },
  {
    key: 'routes.unmatched',
    type: 'unset | path | wildcard | heuristic | low-cardinality',
    description:
      'The route of a request that no pattern matches, and whose program does not tell it (routers in Go): none; its path; `/**`; its path with `wildcard_char` for each segment that looks like a value (numbers, ids, hexadecimal, dates, titles, text that was entered, unpronounceable words); the same, and also for segments of which there are many.',
  },
  { key: 'routes.wildcard_char', type: 'one character', description: 'What stands for a variable segment of a heuristic or low-cardinality route.' },
  {
    key: 'routes.max_path_segment_cardinality',
    type: 'integer, at least 1',
    description:
      '`low-cardinality`: how many different segments may follow the same beginning of a path, over all services, before they become `wildcard_char`.',
  },
  {
    key: 'attributes.http_known_methods',
    env: ['OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS'],
    parse: list,
    type: 'list',
    description: 'HTTP methods that spans name, with case; others are reported as `_OTHER`. Replaces the default.',
    own: true,
  },
  { key: 'attributes.sensitive_query_params.add', type: 'list', description: 'Further query parameters whose values are redacted.' },
  { key: 'attributes.sensitive_query_params.remove', type: 'list', description: 'Query parameters of the built-in list that are not redacted.' },
  {
    key: 'otel_traces_export.endpoint',
    type: 'url',
    description: 'Same as OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, which wins. The exporter reads the OTEL_EXPORTER_OTLP_* variables itself.',
  },
  { key: 'otel_traces_export.protocol', type: 'string', description: 'Same as OTEL_EXPORTER_OTLP_TRACES_PROTOCOL, which wins.' },
  {
    key: 'otel_traces_export.sampler.name',
    env: ['OTEL_TRACES_SAMPLER'],
    parse: text,
    type: 'sampler',
    description: 'always_on, always_off, traceidratio, or one of them behind parentbased_.',
  },
  {
    key: 'otel_traces_export.sampler.arg',
    env: ['OTEL_TRACES_SAMPLER_ARG'],
    parse: text,
    type: 'ratio',
    description: 'The share of traces that traceidratio keeps.',
  },
  {
    key: 'health_check.port',
    env: ['OTEL_EBPF_HEALTH_CHECK_PORT'],
    parse: text,
    type: 'port',
    description: 'Serve `/healthz` on this port of the loopback address; 0 = off.',
  },
  {
    key: 'explain.buffer_bytes',
    env: ['OTEL_EBPF_EXPLAIN_BUFFER_BYTES'],
    parse: text,
    type: 'bytes, up to 67108864',
    description: 'How much is kept of the newest records, about 350 bytes each, for `obi explain`; 0 = nothing, and it gets no answer.',
    own: true,
  },
  {
    key: 'explain.directory',
    env: ['OTEL_EBPF_EXPLAIN_DIRECTORY'],
    parse: text,
    type: 'path',
    description: 'Where obi answers `obi explain`, on a socket that only its own user can open. It is made if it is not there; the directory above it is not.',
    own: true,
  },
  {
    key: 'nodejs.enabled',
    env: ['OTEL_EBPF_NODEJS_ENABLED'],
    parse: text,
    type: 'true | false',
    description:
      'Whether @obi/probe-node brings its script into Node.js processes; without it their outgoing requests have no parent. The same as `probes.node.enabled`, and wins over it. Default: that of the probe.',
  },
  {
    key: 'probes',
    type: 'map of sections',
    description: '`probes.<id>` is the section of the probe with that id, checked by the probe itself; see its README.',
    own: true,
  },
];

/** Variables that are read before this table: they say where the rest is. */
export const OTHER_ENV: readonly { readonly name: string; readonly description: string }[] = [
  { name: 'OTEL_EBPF_CONFIG_PATH', description: 'The configuration file; `--config` wins.' },
];
