// SPDX-License-Identifier: Apache-2.0
/** Data: how runtimes and servers are told by what /proc shows of them. No code here; process-evidence.ts reads it. */
import {
  TELEMETRY_SDK_LANGUAGE_VALUE_DOTNET,
  TELEMETRY_SDK_LANGUAGE_VALUE_ERLANG,
  TELEMETRY_SDK_LANGUAGE_VALUE_GO,
  TELEMETRY_SDK_LANGUAGE_VALUE_JAVA,
  TELEMETRY_SDK_LANGUAGE_VALUE_NODEJS,
  TELEMETRY_SDK_LANGUAGE_VALUE_PHP,
  TELEMETRY_SDK_LANGUAGE_VALUE_PYTHON,
  TELEMETRY_SDK_LANGUAGE_VALUE_RUBY,
  TELEMETRY_SDK_LANGUAGE_VALUE_RUST,
} from '@opentelemetry/semantic-conventions';

/** Every field that is given has to hold; inside a field one pattern is enough. Patterns are globs. */
export interface Evidence {
  /** The executable's path, or its last segment for patterns without `/`. */
  readonly executables?: readonly string[];
  /** Arguments joined by spaces. */
  readonly commandLine?: readonly string[];
  /** Names of ELF sections, exact. */
  readonly sections?: readonly string[];
  /** Files beside the executable: its path with one of these endings. */
  readonly siblings?: readonly string[];
  readonly mappedFiles?: readonly string[];
  /** As the kernel keeps them: cut to 15 characters. */
  readonly threadNames?: readonly string[];
  readonly openFiles?: readonly string[];
}

export interface Runtime {
  /** Value of telemetry.sdk.language; absent where the conventions have none. */
  readonly language?: string;
  /** Value of process.runtime.name. */
  readonly runtime?: string;
  readonly anyOf: readonly Evidence[];
}

const PYTHON = ['python', 'python[0-9]*', 'pypy', 'pypy[0-9]*'];
const EPOLL = 'anon_inode:?eventpoll?';

/** Go keeps these through stripping; the first since 1.13, the note since 1.5. */
const GO: Evidence = { sections: ['.go.buildinfo', '.note.go.buildid'] };

/** In this order: framework-dependent and published apps, apps that started, native AOT. A process that just began has only the first three. */
const DOTNET: readonly Evidence[] = [
  { executables: ['dotnet'] },
  { siblings: ['.runtimeconfig.json'] },
  { sections: ['__managedcode'] },
  { mappedFiles: ['*/libcoreclr.so'] },
  { threadNames: ['.NET *'] },
];

const TOKIO: Evidence = { threadNames: ['tokio-runtime-w*', 'tokio-rt-worker*'] };

/** First match wins. What only opens more files (maps, threads) stands last. */
export const RUNTIMES: readonly Runtime[] = [
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_PYTHON, runtime: 'pypy', anyOf: [{ executables: ['pypy', 'pypy[0-9]*'] }] },
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_PYTHON, runtime: 'cpython', anyOf: [{ executables: PYTHON }] },
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_NODEJS, runtime: 'nodejs', anyOf: [{ executables: ['node', 'nodejs'] }] },
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_NODEJS, runtime: 'bun', anyOf: [{ executables: ['bun'] }] },
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_NODEJS, runtime: 'deno', anyOf: [{ executables: ['deno'] }] },
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_JAVA, anyOf: [{ executables: ['java'] }, { mappedFiles: ['*/libjvm.so'] }] },
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_RUBY, anyOf: [{ executables: ['ruby', 'ruby[0-9]*', 'truffleruby'] }] },
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_PHP, anyOf: [{ executables: ['php', 'php[0-9]*', 'php-fpm*', 'php-cgi*'] }] },
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_ERLANG, runtime: 'BEAM', anyOf: [{ executables: ['beam', 'beam.smp'] }] },
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_GO, runtime: 'go', anyOf: [GO] },
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_DOTNET, runtime: '.NET', anyOf: DOTNET },
  { language: TELEMETRY_SDK_LANGUAGE_VALUE_RUST, anyOf: [TOKIO] },
];

/** Proxies whose own note of the request behind an upstream connection can be read: nginx and what is built from it. */
export const PROXIES: readonly Evidence[] = [{ executables: ['nginx', 'openresty', 'angie'] }];

/**
 * Programs that serve many requests on one thread, or move a request between threads: "the request that this thread read last" is somebody
 * else's there, and a wrong parent is worse than none (measured for Node: right in 0.5 % of requests). They get no parent guessed by thread;
 * a runtime probe that knows the real scope may say otherwise later.
 *
 * The JVM is not listed as such: its usual servers give a request a thread. Only its event-loop servers are, by their threads.
 */
export const MULTIPLEXERS: readonly Evidence[] = [
  GO,
  // JavaScript: one event loop. Packaged binaries (pkg, SEA, Electron) have other names, but libuv's and V8's threads.
  { executables: ['node', 'nodejs', 'bun', 'deno'] },
  { threadNames: ['libuv-worker', 'DelayedTaskSche*', 'V8Worker*'] },
  // async/await runs on whatever pool thread is free.
  ...DOTNET,
  // Proxies and servers on event loops.
  { executables: ['haproxy', 'envoy', 'traefik', 'caddy', 'lighttpd', 'h2o', 'squid'] },
  // Erlang processes are scheduled over threads.
  { executables: ['beam', 'beam.smp'] },
  TOKIO,
  { threadNames: ['async-std/*', 'actix-rt*', 'actix-server*', 'ntex*'] },
  // Python: servers of asynchronous applications, told by name before they listen …
  { executables: PYTHON, commandLine: ['*uvicorn*', '*hypercorn*', '*daphne*', '*granian*', '*aiohttp*', '*sanic*', '*tornado*', '*gevent*', '*eventlet*'] },
  // … and by what they loaded. asyncio alone is no sign (synchronous Django imports it): together with an epoll instance its loop exists.
  { executables: PYTHON, mappedFiles: ['*/uvloop/*.so', '*/httptools/*.so', '*/gevent/*.so', '*/aiohttp/*.so', '*/granian/*.so'] },
  { executables: PYTHON, mappedFiles: ['*/_asyncio*.so'], openFiles: [EPOLL] },
  // Ruby fibers, PHP coroutines, Perl event loops.
  { executables: ['ruby', 'ruby[0-9]*'], commandLine: ['*falcon*'] },
  { executables: ['php', 'php[0-9]*'], mappedFiles: ['*/swoole.so', '*/openswoole.so'] },
  { executables: ['perl', 'perl[0-9]*'], commandLine: ['*hypnotoad*', '*morbo*', '*twiggy*'] },
  { executables: ['java'], threadNames: ['vert.x-eventloo*', 'reactor-http-*'] },
];

/**
 * Programs that never ask a socket how much it holds (ioctl FIONREAD), so that kernels which answer 0 on watched sockets do them no harm
 * (FACTS §3, trap A). Go is added by its ELF sections.
 */
export const DEFAULT_FIONREAD_SAFE: readonly string[] = ['node', 'python3*', 'ruby*'];
