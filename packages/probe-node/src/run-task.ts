// SPDX-License-Identifier: Apache-2.0
/** Does an inspector task for a process: here, or by a child in that process's network namespace. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type InspectorTask, runInspectorTask } from './inspector-client.js';
import { namespaceOf } from './process-status.js';

/** @throws Error with the reason */
export function runTaskFor(pid: number, task: InspectorTask): Promise<string[]> {
  const same = namespaceOf(pid, 'net') === namespaceOf('self', 'net');
  return same ? runInspectorTask(task) : runInNamespace(pid, task);
}

/** A thread cannot leave its namespace in JavaScript; nsenter(1), of util-linux, starts a program in another one. */
async function runInNamespace(pid: number, task: InspectorTask): Promise<string[]> {
  const script = fileURLToPath(new URL('./netns-client.js', import.meta.url));
  const child = spawn('nsenter', [`--net=/proc/${pid}/ns/net`, '--', process.execPath, script], {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: task.timeoutMs + 5000,
  });
  const started = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error: NodeJS.ErrnoException) =>
      reject(new Error(error.code === 'ENOENT' ? 'it is in another network namespace, and nsenter (util-linux) is not installed' : error.message)),
    );
  });
  child.stdin.on('error', () => {}); // said by its end
  await started;
  child.stdin.end(JSON.stringify(task));
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  try {
    const answer = JSON.parse(out) as { results?: string[]; error?: string };
    if (answer.results) return answer.results;
    throw new Error(answer.error);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`its network namespace cannot be entered: ${err.trim().split('\n')[0] || 'nsenter failed'}`);
  }
}
