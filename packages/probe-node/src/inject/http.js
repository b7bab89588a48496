// SPDX-License-Identifier: Apache-2.0
// Part of the script that runs inside the traced process; see install.js for the whole. Plain JavaScript for Node.js 18 and later.

/** Servers: each request is a scope, entered where Node.js is about to hand it to the application. */
// biome-ignore lint/correctness/noUnusedVariables: called by another part
function watchServers({ channel, scopes, marks, undo }) {
  subscribe(channel('http.server.request.start'), undo, ({ socket }) => marks.request(scopes.enter(), fdOf(socket)));
  // Many streams share a connection, so that no mark is exact; but a stream is nobody else's scope. Published by newer versions only.
  subscribe(channel('http2.server.stream.start'), undo, () => scopes.enter());
}

/** http.request and all that is built on it: the cause is whoever made the request, told when the request is given its socket. */
// biome-ignore lint/correctness/noUnusedVariables: called by another part
function watchClients({ channel, scopes, marks, undo, load }) {
  const http = load('http');
  const causes = new WeakMap();
  const remember = (request) => {
    if (!causes.has(request)) causes.set(request, scopes.current());
  };
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 23 || (major === 23 && minor >= 2) || (major === 22 && minor >= 12)) {
    subscribe(channel('http.client.request.created'), undo, ({ request }) => remember(request));
  } else {
    // Called by the constructor; a request that waits in an agent's queue gets its socket in the context of another one.
    replace(http.Agent.prototype, 'addRequest', undo, (original) => (agent, args) => {
      attempt(() => remember(args[0]));
      return Reflect.apply(original, agent, args);
    });
  }
  // Every way to a socket leads here: agents, their queues, createConnection. What is written waits for the next tick or for `connect`.
  replace(http.ClientRequest.prototype, 'onSocket', undo, (original) => (request, args) => {
    attempt(() => announce(request, ...args));
    return Reflect.apply(original, request, args);
  });
  function announce(request, socket, error) {
    if (!socket || error) return;
    remember(request);
    const scope = causes.get(request);
    if (socket.connecting) socket.once('connect', () => attempt(() => marks.caused(scope, fdOf(socket))));
    else marks.caused(scope, fdOf(socket));
  }
}
