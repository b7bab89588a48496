// SPDX-License-Identifier: Apache-2.0
// Part of the script that runs inside the traced process; see install.js for the whole. Plain JavaScript for Node.js 18 and later.

/**
 * Brings the script into all worker threads, those that are there and those that come.
 * A worker is never made to wait for it: an application may block this thread until its worker has begun.
 * Only on demand: Node.js itself can crash when a worker is terminated while such a session is attached to it (see README).
 */
// biome-ignore lint/correctness/noUnusedVariables: called by another part
function watchWorkers({ undo, load }, expression) {
  const { isMainThread } = load('worker_threads');
  const reach = () => attempt(() => evaluateInWorkers(load, expression));
  process.on('worker', reach);
  undo.push(() => process.off('worker', reach));
  if (isMainThread) reach();
}

/**
 * Through an inspector session inside the process, which opens no port. It ends when the workers have answered, and those that were started by them
 * meanwhile; a worker that has the script already answers at once.
 */
function evaluateInWorkers(load, expression) {
  const SETTLED_MS = 500;
  const GIVE_UP_MS = 5000;
  const session = new (load('inspector').Session)();
  const waiting = new Set();
  let timer;
  const endAfter = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(() => attempt(() => session.disconnect()), ms).unref();
  };
  const answered = ({ params: { sessionId } }) => {
    if (waiting.delete(sessionId) && waiting.size === 0) endAfter(SETTLED_MS);
  };
  // Only the main thread knows all workers.
  if (load('worker_threads').isMainThread) session.connect();
  else session.connectToMainThread();
  session.on('NodeWorker.attachedToWorker', ({ params: { sessionId } }) => {
    waiting.add(sessionId);
    endAfter(GIVE_UP_MS);
    const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression, includeCommandLineAPI: true, silent: true } });
    session.post('NodeWorker.sendMessageToWorker', { sessionId, message });
  });
  session.on('NodeWorker.receivedMessageFromWorker', answered);
  session.on('NodeWorker.detachedFromWorker', answered);
  session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  endAfter(waiting.size === 0 ? SETTLED_MS : GIVE_UP_MS);
}
