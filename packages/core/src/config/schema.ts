// SPDX-License-Identifier: Apache-2.0
/** The shape of the configuration: key names are upstream's (they are the YAML keys), values are checked and defaults filled in here. */
import * as z from 'zod';
import { contextPropagation, duration, glob, globs, httpMethods, pluginNames, ports, processIds, routePatterns, truth, words } from './values.js';

export const SAMPLER_NAMES = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;

/** Those that the semantic conventions know: RFC 9110, PATCH (RFC 5789) and QUERY. */
export const HTTP_METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY'] as const;

const criteria = {
  open_ports: ports.optional(),
  exe_path: glob.optional(),
  cmd_args: glob.optional(),
  target_pids: processIds.optional(),
};
const hasCriterion = (entry: Readonly<Record<string, unknown>>) => Object.keys(criteria).some((key) => entry[key] !== undefined);
const NO_CRITERION = { error: `selects nothing; give at least one of ${Object.keys(criteria).join(', ')}` };

const selector = z
  .strictObject({ ...criteria, name: z.string().min(1).optional(), namespace: z.string().min(1).optional() })
  .refine(hasCriterion, NO_CRITERION);

/** What obi leaves alone unless the user says otherwise: another obi (as a binary, and as this package's command run by Node), and what telemetry is sent to. */
export const DEFAULT_EXCLUDES: readonly { exe_path?: string; cmd_args?: string }[] = [
  { exe_path: '{*/obi,obi,*otelcol,*otelcol-contrib,*otelcol-contrib[^/]*,*/otelcol-{k8s,otlp,ebpf-profiler},*/otelcorecol}' },
  { exe_path: '*/node', cmd_args: '*[ /]{bin,.bin}/obi{,.mjs}{, *}' },
  { exe_path: '*/{,*-}{otel,opentelemetry}{,-,_}collector{,[_-]*}' },
  { exe_path: '*/{alloy,grafana-alloy,grafana-agent}' },
  { exe_path: '*/jaeger{,-all-in-one,-collector,-agent,-ingester,-query}' },
];

const ratio = z.coerce
  .number({ error: 'expected a ratio from 0 to 1' })
  .min(0, { error: 'a ratio lies between 0 and 1' })
  .max(1, { error: 'a ratio lies between 0 and 1' });
const port = z.coerce.number({ error: 'expected a port number' }).int().min(0).max(65_535);

/** Of Node.js; a longer one ends at once. */
const TIMER_MAX_MS = 2 ** 31 - 1;

const MEBIBYTE = 2 ** 20;
/** All of it is looked through at each question, while no record is read. */
const EXPLAIN_BUFFER_MAX = 64 * MEBIBYTE;

export const configSchema = z.strictObject({
  log_level: z.preprocess((v) => (typeof v === 'string' ? v.toUpperCase() : v), z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR'])).prefault('INFO'),
  log_format: z.enum(['text', 'json']).prefault('text'),
  log_config: z.enum(['yaml', 'json']).optional(),
  shutdown_timeout: duration.refine((ms) => ms <= TIMER_MAX_MS, { error: 'longer than a timer can wait; the most is 596h' }).prefault('10s'),
  trace_printer: z.enum(['disabled', 'text', 'json', 'json_indent']).prefault('disabled'),
  service_name: z.string().prefault(''),
  service_namespace: z.string().prefault(''),
  resource_attributes: z.record(z.string(), z.string()).prefault({}),
  plugins: pluginNames.prefault([]),
  auto_target_exe: glob.optional(),
  open_port: ports.optional(),
  target_pids: processIds.optional(),
  ebpf: z
    .strictObject({
      context_propagation: contextPropagation.prefault('disabled'),
      cgroup_path: z.string().prefault(''),
      max_transaction_time: duration.prefault('5m'),
      tap: z.enum(['auto', 'syscalls', 'tcp']).prefault('auto'),
      allow_overlap: truth.prefault(false),
      fionread_safe_executables: globs.prefault([]),
      blocking_sockets: truth.prefault(true),
      maps_config: z.strictObject({ global_scale_factor: z.coerce.number().int().min(-3).max(3).prefault(0) }).prefault({}),
    })
    .prefault({}),
  discovery: z
    .strictObject({
      instrument: z.array(selector).prefault([]),
      exclude_instrument: z.array(selector).prefault([]),
      default_exclude_instrument: z.array(selector).prefault([...DEFAULT_EXCLUDES]),
      multiplexed_executables: globs.prefault([]),
      threaded_executables: globs.prefault([]),
    })
    .prefault({}),
  routes: z
    .strictObject({
      patterns: routePatterns.prefault([]),
      ignored_patterns: routePatterns.prefault([]),
      ignore_mode: z.enum(['all', 'traces', 'metrics']).prefault('all'),
      unmatched: z.preprocess((v) => (v === '' ? 'wildcard' : v), z.enum(['unset', 'path', 'wildcard', 'heuristic', 'low-cardinality'])).prefault('heuristic'),
      wildcard_char: z.string().length(1).prefault('*'),
      max_path_segment_cardinality: z.coerce.number().int().min(1).prefault(10),
    })
    .prefault({}),
  attributes: z
    .strictObject({
      http_known_methods: httpMethods.prefault([...HTTP_METHODS]),
      sensitive_query_params: z.strictObject({ add: words.prefault([]), remove: words.prefault([]) }).prefault({}),
    })
    .prefault({}),
  otel_traces_export: z
    .strictObject({
      endpoint: z.string().prefault(''),
      protocol: z.string().prefault(''),
      sampler: z.strictObject({ name: z.enum(SAMPLER_NAMES).prefault('parentbased_always_on'), arg: ratio.prefault(1) }).prefault({}),
    })
    .prefault({}),
  health_check: z.strictObject({ port: port.prefault(0) }).prefault({}),
  explain: z
    .strictObject({
      buffer_bytes: z.coerce
        .number({ error: 'expected a number of bytes' })
        .int()
        .min(0)
        .max(EXPLAIN_BUFFER_MAX)
        .prefault(2 * MEBIBYTE),
      directory: z.string().startsWith('/', { error: 'expected an absolute path' }).prefault('/run/obi'),
    })
    .prefault({}),
  nodejs: z.strictObject({ enabled: truth.optional() }).optional(),
  probes: z.record(z.string(), z.record(z.string(), z.unknown())).prefault({}),
});

type Parsed = z.output<typeof configSchema>;
export const Config = Symbol.for('obi.Config');
/** The checked configuration, registered under the token of the same name. The short cuts (`auto_target_exe`, `open_port`, `target_pids`) are folded into `discovery.instrument`, `nodejs` into `probes.node`; durations are milliseconds. */
export type Config = Omit<Parsed, 'auto_target_exe' | 'open_port' | 'target_pids' | 'nodejs'>;
/** One entry of `discovery.*`: all criteria that it has must hold (AND); entries are alternatives (OR). */
export type Selector = z.output<typeof selector>;
export type SamplerName = (typeof SAMPLER_NAMES)[number];

/** Makes one more `instrument` entry of the short cuts; both of two given ones must hold. Upstream's section of a runtime becomes its probe's. */
export function foldShortcuts({ auto_target_exe, open_port, target_pids, nodejs, ...parsed }: Parsed): Config {
  const enabled = nodejs?.enabled;
  const config = enabled === undefined ? parsed : { ...parsed, probes: { ...parsed.probes, node: { ...parsed.probes['node'], enabled } } };
  const entry: Selector = {
    ...(auto_target_exe === undefined ? {} : { exe_path: auto_target_exe }),
    ...(open_port === undefined ? {} : { open_ports: open_port }),
    ...(target_pids === undefined ? {} : { target_pids }),
  };
  if (!hasCriterion(entry)) return config;
  return { ...config, discovery: { ...config.discovery, instrument: [...config.discovery.instrument, entry] } };
}
