// SPDX-License-Identifier: Apache-2.0
/** Writes probe packages into a temporary host, whole or broken in one named way. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KernelFeatures } from '../../src/kernel/kernel.js';
import { KERNEL_ABI_VERSION, type PackageEntry, type ProbeManifest, type ProgramType } from '../../src/probe/manifest.js';

export interface FixtureOptions {
  readonly packageName?: string;
  readonly keywords?: readonly string[];
  /** Changes the `obi` entry; undefined for none at all. */
  readonly entry?: (entry: PackageEntry) => unknown;
  /** Changes the manifest; a string is written as it is, undefined writes no file. */
  readonly manifest?: (manifest: ProbeManifest) => unknown;
  /** Bytes that are written as the object, other than those that the manifest was made for; undefined for no file. */
  readonly object?: Uint8Array | undefined;
  /** Source of the CommonJS module; default: a sound definition. */
  readonly code?: (id: string) => string;
  /** Where the folder is, relative to the host; default: its node_modules. */
  readonly at?: string;
}

export const program = (name: string, type: ProgramType, helpers: readonly string[] = [], section = `${type}/x`) => ({ name, section, type, helpers });
const IMAGE = Buffer.from('the object');

export class Host {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'obi-host-')));
  readonly #dependencies: Record<string, string> = {};

  constructor() {
    this.#save();
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true });
  }

  /** Adds a dependency that is no probe, and one that is not installed. */
  addOrdinary(): void {
    this.write('node_modules/ordinary/package.json', JSON.stringify({ name: 'ordinary', version: '1.0.0', keywords: ['other'] }));
    this.#dependencies['ordinary'] = '1.0.0';
    this.#dependencies['not-installed'] = '1.0.0';
    this.#save();
  }

  add(id: string, options: FixtureOptions = {}): string {
    const name = options.packageName ?? `@obi/probe-${id}`;
    const folder = options.at ?? `node_modules/${name}`;
    const entry: PackageEntry = {
      id,
      kind: 'protocol',
      api: 1,
      manifest: 'bpf/manifest.json',
      slots: { 'protocol.raw_tracepoint': `${id}_rtp`, 'protocol.tcp_sendmsg': `${id}_send` },
    };
    const manifest: ProbeManifest = {
      schema: 1,
      abi: KERNEL_ABI_VERSION,
      objects: { x86_64: { file: `${id}.bpf.o`, sha256: createHash('sha256').update(IMAGE).digest('hex') } },
      programs: [program(`${id}_rtp`, 'raw_tracepoint', ['ringbuf_reserve']), program(`${id}_send`, 'tracing', [], 'fexit/tcp_sendmsg')],
      maps: [],
      events: [{ struct: `${id}_event`, kind: 1, size: 64, digest: 'd1' }],
      counters: [],
    };
    const written = options.manifest ? options.manifest(manifest) : manifest;
    const json = { name, version: '1.2.3', main: 'index.cjs', keywords: options.keywords ?? ['obi-probe'], obi: options.entry ? options.entry(entry) : entry };
    this.write(`${folder}/package.json`, JSON.stringify(json));
    if (written !== undefined) this.write(`${folder}/bpf/manifest.json`, typeof written === 'string' ? written : JSON.stringify(written));
    const image = 'object' in options ? options.object : IMAGE;
    if (image !== undefined) this.write(`${folder}/bpf/${id}.bpf.o`, image);
    this.write(`${folder}/index.cjs`, (options.code ?? soundCode)(id));
    if (options.at === undefined) {
      this.#dependencies[name] = '1.2.3';
      this.#save();
    }
    return join(this.directory, folder);
  }

  write(path: string, content: string | Uint8Array): void {
    const file = join(this.directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }

  #save(): void {
    this.write('package.json', JSON.stringify({ name: 'host', version: '1.0.0', dependencies: this.#dependencies }));
  }
}

/** A definition as its author would export it; `more` is put in last. */
export function codeOf(id: string, more = ''): string {
  return `module.exports = { default: { $$type: '@obi/Probe', id: '${id}', api: 1, events: { ${id}_event: { digest: 'd1', minSize: 64, decoder: class {} } }, ${more} } };`;
}
const soundCode = (id: string) => codeOf(id);

/** jest runs CommonJS; what Node's own import does with these packages is seen in import.test.ts. */
export async function requireModule(url: string): Promise<unknown> {
  return require(fileURLToPath(url));
}

/** A kernel that can do everything, and all rights. */
export const ALL_FEATURES: KernelFeatures = {
  release: '6.12.0',
  architecture: 'x86_64',
  btf: true,
  lockdown: 'none',
  kprobes: true,
  fentry: true,
  bpfLoop: true,
  ringBuffer: true,
  probeWriteUser: true,
  programTypes: ['raw_tracepoint', 'kprobe', 'uprobe', 'tracepoint', 'tracing', 'sk_msg', 'sock_ops', 'cgroup_sock_addr', 'iter'],
  capabilities: ['BPF', 'PERFMON', 'NET_ADMIN'],
  fionreadFault: false,
};
