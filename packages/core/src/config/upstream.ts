// SPDX-License-Identifier: Apache-2.0
/**
 * Keys of the upstream configuration that obi knows and does not implement. Those that only tune something are ignored with one
 * warning each; those that narrow down what is traced are refused, since ignoring them would trace more than was asked for.
 */

export interface UpstreamKey {
  /** Key path; with everything below it. */
  readonly key: string;
  /** Its variables; a `*` at the end stands for any rest. */
  readonly env?: readonly string[];
}

const under = (section: string, names: readonly string[], env: readonly string[] = []): UpstreamKey[] => [
  ...names.map((name) => ({ key: `${section}.${name}` })),
  ...(env.length > 0 ? [{ key: '', env }] : []),
];

/** Ignored with a warning. A row with an empty key only lists variables. */
export const UPSTREAM_IGNORED: readonly UpstreamKey[] = [
  { key: 'channel_buffer_len', env: ['OTEL_EBPF_CHANNEL_BUFFER_LEN'] },
  { key: 'channel_send_timeout', env: ['OTEL_EBPF_CHANNEL_SEND_TIMEOUT'] },
  { key: 'channel_send_timeout_panic', env: ['OTEL_EBPF_CHANNEL_SEND_TIMEOUT_PANIC'] },
  { key: 'enforce_sys_caps', env: ['OTEL_EBPF_ENFORCE_SYS_CAPS'] },
  { key: 'filter' },
  { key: 'profile_port', env: ['OTEL_EBPF_PROFILE_PORT'] },
  { key: 'internal_metrics', env: ['OTEL_EBPF_INTERNAL_METRICS_*', 'OTEL_EBPF_BPF_METRIC_SCRAPE_INTERVAL'] },
  { key: 'javaagent', env: ['OTEL_EBPF_JAVAAGENT_*'] },
  { key: 'jvm_runtime_metrics' },
  { key: 'metrics', env: ['OTEL_EBPF_METRICS_*', 'OTEL_EBPF_METRIC_*'] },
  { key: 'name_resolver', env: ['OTEL_EBPF_NAME_RESOLVER_*'] },
  { key: 'network', env: ['OTEL_EBPF_NETWORK_*', 'OTEL_EBPF_GEOIP_*', 'OTEL_EBPF_REVERSE_DNS_*'] },
  { key: 'otel_metrics_export', env: ['OTEL_EBPF_ALLOW_SERVICE_GRAPH_SELF_REFERENCES', 'OTEL_EBPF_EXTRA_SPAN_RESOURCE_ATTRIBUTES'] },
  { key: 'prometheus_export', env: ['OTEL_EBPF_PROMETHEUS_*'] },
  { key: 'stats', env: ['OTEL_EBPF_STATS_*'] },
  ...under('health_check', ['listen_address', 'unix_socket_path'], ['OTEL_EBPF_HEALTH_CHECK_LISTEN_ADDRESS', 'OTEL_EBPF_HEALTH_CHECK_UNIX_SOCKET_PATH']),
  ...under(
    'attributes',
    [
      'extra_group_attributes',
      'metric_span_names_limit',
      'rename_unresolved_hosts',
      'rename_unresolved_hosts_incoming',
      'rename_unresolved_hosts_outgoing',
      'select',
      'host_id',
      'instance_id',
      'kubernetes',
      'metadata_retry',
    ],
    [
      'OTEL_EBPF_RENAME_UNRESOLVED_HOSTS*',
      'OTEL_EBPF_HOST_ID',
      'OTEL_EBPF_HOSTNAME*',
      'OTEL_EBPF_KUBE_*',
      'OTEL_EBPF_METADATA_RETRY_*',
      'OTEL_EBPF_SERVICE_NAME_TEMPLATE',
    ],
  ),
  ...under(
    'discovery',
    ['bpf_pid_filter_off', 'default_otlp_grpc_port', 'disabled_route_harvesters', 'exclude_otel_instrumented_services_span_metrics'],
    ['OTEL_EBPF_BPF_PID_FILTER_OFF', 'OTEL_EBPF_DEFAULT_OTLP_GRPC_PORT', 'OTEL_EBPF_EXCLUDE_OTEL_INSTRUMENTED_SERVICES_SPAN_METRICS'],
  ),
  ...under(
    'discovery',
    ['min_process_age', 'poll_interval', 'process_context_poll_interval', 'route_harvester_timeout', 'route_harvester_advanced', 'skip_go_specific_tracers'],
    [
      'OTEL_EBPF_MIN_PROCESS_AGE',
      'OTEL_EBPF_DISCOVERY_POLL_INTERVAL',
      'OTEL_EBPF_PROCESS_CONTEXT_POLL_INTERVAL',
      'OTEL_EBPF_ROUTE_HARVESTER_TIMEOUT',
      'OTEL_EBPF_JAVA_ROUTE_HARVEST_DELAY',
      'OTEL_EBPF_SKIP_GO_SPECIFIC_TRACERS',
    ],
  ),
  ...under(
    'ebpf',
    [
      'batch_length',
      'batch_timeout',
      'bpf_debug',
      'bpf_fs_path',
      'disable_black_box_cp',
      'dns_request_timeout',
      'force_bpf_map_reader',
      'go_http_client_buffer_timeout',
      'heuristic_sql_detect',
      'high_request_volume',
      'http_request_timeout',
      'instrument_cuda',
    ],
    [
      'OTEL_EBPF_BPF_BATCH_*',
      'OTEL_EBPF_BPF_DEBUG',
      'OTEL_EBPF_BPF_FS_PATH',
      'OTEL_EBPF_BPF_DISABLE_BLACK_BOX_CP',
      'OTEL_EBPF_BPF_DNS_REQUEST_TIMEOUT',
      'OTEL_EBPF_FORCE_BPF_MAP_READER',
      'OTEL_EBPF_BPF_GO_HTTP_CLIENT_BUFFER_TIMEOUT',
      'OTEL_EBPF_HEURISTIC_SQL_DETECT',
      'OTEL_EBPF_BPF_HIGH_REQUEST_VOLUME',
      'OTEL_EBPF_BPF_HTTP_REQUEST_TIMEOUT',
      'OTEL_EBPF_INSTRUMENT_CUDA',
    ],
  ),
  ...under(
    'ebpf',
    [
      'override_bpfloop_enabled',
      'protocol_debug_print',
      'stats_wakeup_data_bytes',
      'track_request_headers',
      'traffic_control_backend',
      'wakeup_len',
      'buffer_sizes',
      'log_enricher',
      'payload_extraction',
      'redis_db_cache',
      'couchbase_db_cache_size',
    ],
    [
      'OTEL_EBPF_OVERRIDE_BPF_LOOP_ENABLED',
      'OTEL_EBPF_PROTOCOL_DEBUG_PRINT',
      'OTEL_EBPF_BPF_TRACK_REQUEST_HEADERS',
      'OTEL_EBPF_BPF_TC_BACKEND',
      'OTEL_EBPF_BPF_WAKEUP_LEN',
      'OTEL_EBPF_BPF_BUFFER_SIZE_*',
      'OTEL_EBPF_BPF_LOG_ENRICHER_*',
      'OTEL_EBPF_HTTP_*',
      'OTEL_EBPF_BPF_REDIS_DB_CACHE_*',
      'OTEL_EBPF_COUCHBASE_DB_CACHE_SIZE',
    ],
  ),
  ...under(
    'ebpf',
    [
      'kafka_topic_uuid_cache_size',
      'mongo_requests_cache_size',
      'mssql_prepared_statements_cache_size',
      'mysql_prepared_statements_cache_size',
      'postgres_prepared_statements_cache_size',
    ],
    [
      'OTEL_EBPF_BPF_MONGO_REQUESTS_CACHE_SIZE',
      'OTEL_EBPF_BPF_MSSQL_PREPARED_STATEMENTS_CACHE_SIZE',
      'OTEL_EBPF_BPF_MYSQL_PREPARED_STATEMENTS_CACHE_SIZE',
      'OTEL_EBPF_BPF_POSTGRES_PREPARED_STATEMENTS_CACHE_SIZE',
    ],
  ),
  ...under(
    'otel_traces_export',
    [
      'backoff_initial_interval',
      'backoff_max_elapsed_time',
      'backoff_max_interval',
      'batch_max_size',
      'batch_timeout',
      'insecure_skip_verify',
      'instrumentations',
      'otel_sdk_log_level',
      'queue_size',
      'reporters_cache_len',
    ],
    ['OTEL_EBPF_BACKOFF_*', 'OTEL_EBPF_OTLP_TRACES_*', 'OTEL_EBPF_INSECURE_SKIP_VERIFY', 'OTEL_EBPF_TRACES_*', 'OTEL_EBPF_SDK_LOG_LEVEL'],
  ),
];

/** Keys in an entry of `discovery.*` that do not choose processes: ignored with a warning. */
export const ENTRY_IGNORED: readonly string[] = ['exports', 'metrics', 'routes', 'sampler'];

export interface RefusedKey {
  readonly env?: string;
  readonly instead: string;
  /** The value, as in YAML, with which it asks for nothing that obi does not do anyway: accepted without a word. */
  readonly harmless?: false | readonly [];
}

/** Keys that choose what is traced: refused. Key path → what to use instead. */
export const UPSTREAM_REFUSED: Readonly<Record<string, RefusedKey>> = {
  executable_path: { env: 'OTEL_EBPF_EXECUTABLE_PATH', instead: 'auto_target_exe (a glob)' },
  auto_target_language: { env: 'OTEL_EBPF_AUTO_TARGET_LANGUAGE', instead: 'auto_target_exe (a glob)' },
  'discovery.services': { instead: 'discovery.instrument' },
  'discovery.exclude_services': { instead: 'discovery.exclude_instrument' },
  'discovery.default_exclude_services': { instead: 'discovery.default_exclude_instrument' },
  'discovery.exclude_otel_instrumented_services': {
    env: 'OTEL_EBPF_EXCLUDE_OTEL_INSTRUMENTED_SERVICES',
    instead: 'discovery.exclude_instrument for services that send spans themselves',
    harmless: false,
  },
  'discovery.excluded_linux_system_paths': { instead: 'discovery.exclude_instrument with exe_path (a glob)', harmless: [] },
  'filter.application': { instead: 'routes.ignored_patterns' },
};

/** @param value of YAML, or the text of a variable. */
export function isHarmless({ harmless }: RefusedKey, value: unknown): boolean {
  if (harmless === undefined) return false;
  return harmless === false ? String(value).trim().toLowerCase() === 'false' : Array.isArray(value) && value.length === 0;
}

/** The same for keys in an entry of `discovery.*`; a `*` at the end stands for any rest. */
export const ENTRY_REFUSED: readonly string[] = ['languages', 'containers_only', 'container_name', 'exe_path_regexp', 'k8s_*'];
export const ENTRY_LISTS: readonly string[] = ['discovery.instrument', 'discovery.exclude_instrument', 'discovery.default_exclude_instrument'];

/** @param pattern a name, or a beginning of names followed by `*`. */
export function matchesName(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}
