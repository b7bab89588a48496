// SPDX-License-Identifier: Apache-2.0
// Part of the script that runs inside the traced process; see install.js for the whole. Plain JavaScript for Node.js 18 and later.

/**
 * fetch and undici, the copy inside Node.js and those of the application.
 * A pool whose connections are all busy makes a request later, in the context of whichever request was answered then. So the cause is taken where
 * `dispatch` is first called for a handler: all dispatchers of one copy of undici inherit that method.
 */
// biome-ignore lint/correctness/noUnusedVariables: called by another part
function watchUndici({ channel, scopes, marks, undo, load }) {
  const requests = new WeakMap(); // request to scope
  const causes = new WeakMap(); // handler to { scope, made }
  let dispatching; // cause for which `dispatch` runs now

  function causeOf(dispatcher, handler) {
    const known = causes.get(handler);
    const isQueue = isPooledClient(dispatcher);
    if (known && !known.made && isQueue) return known; // taken from the queue
    let cause = dispatching; // one dispatcher hands on to another, perhaps with a handler around this one
    if (!cause) {
      const current = scopes.current();
      // Queued before we came: nobody knows for whom. Known and sent already: sent again, or a handler that serves several.
      const isCertain = known ? known.scope === current : !isQueue;
      cause = { scope: isCertain ? current : 0, made: false };
    }
    causes.set(handler, cause);
    return cause;
  }

  /** Wraps `dispatch` wherever a class of this dispatcher has its own. */
  const follow = followerOf(undo, (original) => (dispatcher, args) => {
    const handler = args[1];
    if (handler === null || typeof handler !== 'object') return Reflect.apply(original, dispatcher, args);
    const outer = dispatching;
    dispatching = attempt(() => causeOf(dispatcher, handler));
    try {
      return Reflect.apply(original, dispatcher, args);
    } finally {
      dispatching = outer;
    }
  });
  const find = () => undiciClasses(load).map(follow).some(Boolean);
  const followSocket = clientFinder(follow);

  attempt(find);
  subscribe(channel('undici:request:create'), undo, ({ request }) => {
    // A copy that was loaded since makes its first request now, inside the caller's own call. Of one that cannot be followed yet, nothing is known.
    if (dispatching) dispatching.made = true;
    requests.set(request, dispatching ? dispatching.scope : find() ? scopes.current() : 0);
  });
  subscribe(channel('undici:client:connected'), undo, ({ socket }) => followSocket(socket));
  subscribe(channel('undici:client:sendHeaders'), undo, ({ request, socket }) => {
    if (!socket || socket.alpnProtocol === 'h2') return; // many streams share it: a mark is not exact
    followSocket(socket);
    // Behind bytes that still wait the mark would overtake them.
    marks.caused(socket.writableLength > 0 ? 0 : (requests.get(request) ?? 0), fdOf(socket));
  });
}

/** A dispatcher with one connection (it counts its running requests), of which a pool waits for the next turn. */
const isPooledClient = (dispatcher) =>
  typeof dispatcher.listenerCount === 'function' &&
  dispatcher.listenerCount('drain') > 0 &&
  Object.getOwnPropertySymbols(dispatcher).some(({ description }) => description === 'running index');

/** @returns a function: wraps the method in all classes of a prototype's chain, once each; true when one was new */
function followerOf(undo, wrap) {
  const seen = new WeakSet();
  return (prototype) => {
    let found = false;
    for (let proto = prototype; proto && proto !== Object.prototype; proto = Object.getPrototypeOf(proto)) {
      if (seen.has(proto)) continue;
      seen.add(proto);
      const own = Object.getOwnPropertyDescriptor(proto, 'dispatch');
      if (!own?.configurable || typeof own.value !== 'function') continue;
      replace(proto, 'dispatch', undo, wrap);
      found = true;
    }
    return found;
  };
}

/** Prototypes of the dispatchers of all copies that can be reached. */
function undiciClasses(load) {
  const found = [];
  for (const version of [1, 2]) {
    const dispatcher = globalThis[Symbol.for(`undici.globalDispatcher.${version}`)];
    if (dispatcher) found.push(Object.getPrototypeOf(dispatcher));
  }
  const modules = load('module')._cache ?? {};
  for (const file of Object.keys(modules)) {
    if (!/undici[\\/]lib[\\/](dispatcher[\\/])?dispatcher-base\.js$/.test(file)) continue;
    const prototype = modules[file].exports?.prototype;
    if (prototype) found.push(prototype);
  }
  return found;
}

/** For a copy that is not found so (bundled into an application): its sockets know their client. */
function clientFinder(follow) {
  const seen = new WeakSet();
  return (socket) => {
    if (seen.has(socket)) return;
    seen.add(socket);
    for (const symbol of Object.getOwnPropertySymbols(socket)) {
      const value = symbol.description === 'client' ? socket[symbol] : undefined;
      if (typeof value?.dispatch === 'function') follow(Object.getPrototypeOf(value));
    }
  };
}
