// SPDX-License-Identifier: Apache-2.0
/** A tree of files that looks like /proc, for tests. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface FakeProcess {
  readonly parent?: number;
  readonly state?: string;
  /** PF_* */
  readonly flags?: number;
  readonly startTime?: number;
  /** Link target; a path under {@link FakeProc.files} to have contents. Undefined: a kernel thread. */
  readonly exe?: string | undefined;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cgroup?: string;
  readonly threads?: readonly string[];
  readonly maps?: readonly string[];
  /** Ports that it listens on. */
  readonly listens?: readonly number[];
  readonly openFiles?: readonly string[];
  readonly netns?: string;
}

export class FakeProc {
  readonly root = mkdtempSync(join(tmpdir(), 'obi-proc-'));
  readonly files = join(this.root, 'files');
  /** Listening sockets by network namespace: port → inode. */
  readonly #sockets = new Map<string, Map<number, number>>();
  #startTime = 1000;

  /** Writes (or replaces) a process. @returns its start time. */
  set(pid: number, process: FakeProcess): number {
    this.remove(pid);
    const startTime = process.startTime ?? this.#startTime++;
    const netns = process.netns ?? 'net:[1]';
    const { exe = '/usr/bin/app', args = [exe] } = process;
    this.write(`${pid}/stat`, statLine(pid, process, startTime));
    this.write(`${pid}/cmdline`, args.map((arg) => `${arg}\0`).join(''));
    this.write(
      `${pid}/environ`,
      Object.entries(process.env ?? {})
        .map(([name, value]) => `${name}=${value}\0`)
        .join(''),
    );
    this.write(`${pid}/cgroup`, `12:cpu:/x\n0::${process.cgroup ?? '/'}\n`);
    this.write(
      `${pid}/maps`,
      [
        '00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/app',
        '7ffc-7ffd rw-p 00000000 00:00 0   [stack]',
        ...(process.maps ?? []).map((path) => `7f00-7f01 r-xp 00000000 08:02 1  ${path}`),
      ].join('\n'),
    );
    (process.threads ?? ['app']).forEach((name, index) => this.write(`${pid}/task/${pid + index}/comm`, `${name}\n`));
    if (!('exe' in process) || process.exe !== undefined) this.link(`${pid}/exe`, exe);
    this.link(`${pid}/ns/net`, netns);
    const fds = [...(process.openFiles ?? ['/dev/null']), ...(process.listens ?? []).map((port) => `socket:[${this.#inode(netns, port)}]`)];
    fds.forEach((target, fd) => this.link(`${pid}/fd/${fd}`, target));
    this.write(`${pid}/net/tcp`, this.#socketTable(netns));
    this.write(`${pid}/net/tcp6`, '  sl  local_address\n');
    return startTime;
  }

  remove(pid: number): void {
    rmSync(join(this.root, String(pid)), { recursive: true, force: true });
  }

  write(path: string, content: string | Uint8Array): string {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  }

  link(path: string, target: string): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    symlinkSync(target, file);
  }

  dispose(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #inode(netns: string, port: number): number {
    const table = this.#sockets.get(netns) ?? new Map<number, number>();
    this.#sockets.set(netns, table);
    const inode = table.get(port) ?? 50_000 + port;
    table.set(port, inode);
    return inode;
  }

  #socketTable(netns: string): string {
    const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
    const row = (port: number, state: string, inode: number) =>
      `   0: 00000000:${hex(port)} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0000000000000000 100 0 0 10 0`;
    const listening = [...(this.#sockets.get(netns) ?? [])].map(([port, inode]) => row(port, '0A', inode));
    return ['  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode', row(9999, '01', 77_777), ...listening].join(
      '\n',
    );
  }
}

function statLine(pid: number, process: FakeProcess, startTime: number): string {
  const between = Array.from({ length: 17 }, (_, index) => (index === 4 ? (process.flags ?? 0) : 0)).join(' ');
  return `${pid} (odd) name (x)) ${process.state ?? 'S'} ${process.parent ?? 1} ${between} ${startTime} 0 0\n`;
}

/** The smallest 64-bit ELF file with the given sections. */
export function elfWithSections(names: readonly string[]): Buffer {
  const all = ['', ...names, '.shstrtab'];
  const table = Buffer.from(all.map((name) => `${name}\0`).join(''), 'latin1');
  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeBigUInt64LE(BigInt(64 + table.length), 0x28);
  header.writeUInt16LE(64, 0x3a);
  header.writeUInt16LE(all.length, 0x3c);
  header.writeUInt16LE(all.length - 1, 0x3e);
  let offset = 0;
  const sections = all.map((name) => {
    const section = Buffer.alloc(64);
    section.writeUInt32LE(offset, 0);
    offset += name.length + 1;
    return section;
  });
  sections.at(-1)?.writeBigUInt64LE(64n, 0x18);
  sections.at(-1)?.writeBigUInt64LE(BigInt(table.length), 0x20);
  return Buffer.concat([header, table, ...sections]);
}
