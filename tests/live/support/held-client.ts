// SPDX-License-Identifier: Apache-2.0
// A client outside the cgroup with one connection that stays open from one batch of requests to the next.
import type { Tree } from '../../harness/load.mjs';
import type { Proc } from '../../harness/proc.mjs';
import type { Sandbox } from '../../harness/sandbox.mjs';
import { which } from '../../harness/services.mjs';

const SCRIPT = `
import http.client, sys
connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
for line in sys.stdin:
    for n in range(int(line)):
        connection.request('GET', f'/{n}', headers={'x-request-id': str(n)})
        print(connection.getresponse().read().decode(), flush=True)
    print('sent', flush=True)
`;

export class HeldClient {
  #batches = 0;

  private constructor(private readonly proc: Proc) {}

  static async start(sandbox: Sandbox, port: number): Promise<HeldClient> {
    const python = which('/usr/bin/python3', 'python3') ?? 'python3';
    return new HeldClient(await sandbox.startOutside('client', [python, '-c', SCRIPT, String(port)], { stdin: 'pipe' }));
  }

  /** Sends requests one after the other. @returns what was answered, in their order @throws when the connection breaks */
  async send(requests: number): Promise<Tree[]> {
    const batch = ++this.#batches;
    const before = this.proc.lines.length;
    this.proc.child.stdin?.write(`${requests}\n`);
    await new Promise<void>((resolve, reject) => {
      const stop = this.proc.onLine(() => {
        if (this.proc.lines.filter(({ text }) => text === 'sent').length < batch) return;
        stop();
        resolve();
      });
      this.proc.exited.then(() => reject(new Error(`the client ended\n${this.proc.tail()}`)));
    });
    return this.proc.lines
      .slice(before)
      .filter(({ text }) => text.startsWith('{'))
      .map(({ text }) => JSON.parse(text));
  }
}

/** One established connection of a sandbox, as one of its two ends sees it. */
export interface Connection {
  readonly cookie: bigint;
  readonly local: number;
  readonly remote: number;
}

/** The sandbox's established connections over IPv4, both ends of each. */
export async function connectionsOf(sandbox: Sandbox): Promise<Connection[]> {
  const lines = (await sandbox.run('ss', ['ss', '-Htne', 'state', 'established'])).split('\n');
  return lines.flatMap((line) => {
    const cookie = line.match(/\bsk:([0-9a-f]+)/)?.[1];
    const [local, remote] = [...line.matchAll(/127\.0\.0\.1\]?:(\d+)/g)].map(([, port]) => Number(port));
    return cookie && local && remote ? [{ cookie: BigInt(`0x${cookie}`), local, remote }] : [];
  });
}
