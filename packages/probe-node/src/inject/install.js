// SPDX-License-Identifier: Apache-2.0
// The script that runs inside the traced process: the files of this folder as the body of one function, made by injected-script.ts.
// It costs something once per request, nothing per callback. What it adds to the process is undone by `undo`, by a second installation, and when obi is gone.

/** An error of ours must never become the application's. */
function attempt(action) {
  try {
    return action();
  } catch {
    return undefined;
  }
}

// biome-ignore lint/correctness/noUnusedVariables: called by other parts
function subscribe(channel, undo, listener) {
  const safe = (message) => attempt(() => listener(message));
  channel.subscribe(safe);
  undo.push(() => channel.unsubscribe(safe));
}

/** Puts a method in another one's place: `make(original)` gives a function of its `this` and arguments. When somebody else has wrapped ours by then, undoing leaves it, and it does nothing of its own. */
// biome-ignore lint/correctness/noUnusedVariables: called by other parts
function replace(object, name, undo, make) {
  const descriptor = Object.getOwnPropertyDescriptor(object, name);
  const original = descriptor.value;
  const ours = make(original);
  let active = true;
  const method = function (...args) {
    return active ? ours(this, args) : Reflect.apply(original, this, args);
  };
  Object.defineProperty(method, 'name', { value: original.name, configurable: true });
  Object.defineProperty(method, 'length', { value: original.length, configurable: true });
  Object.defineProperty(object, name, { ...descriptor, value: method });
  undo.push(() => {
    active = false;
    if (Object.getOwnPropertyDescriptor(object, name)?.value === method) Object.defineProperty(object, name, descriptor);
  });
}

/**
 * @param options run: names this installation; agent: obi's pid as this process sees it, 0 where it does not; undo: take the script out again; workers: reach worker threads too
 * @param require of the inspector's command line API; undefined where there is none
 * @param expression the text of this whole script, for worker threads
 * @param kill Node's own function over kill(2): returns a negative errno, never throws
 * @returns `ok`, or why not
 */
// biome-ignore lint/correctness/noUnusedVariables: called by another part
function install(options, require, expression, kill = process._kill) {
  const KEY = Symbol.for('obi.node');
  const previous = globalThis[KEY];
  if (previous && !options.undo && previous.run === options.run) return 'ok';
  previous?.undo();
  const load = (name) => (process.getBuiltinModule ? process.getBuiltinModule(name) : (require ?? process.mainModule.require)(name));
  if (options.undo) {
    if (options.workers) evaluateInWorkers(load, expression);
    return 'ok';
  }
  if (Number(process.versions.node.split('.')[0]) < 18) return `Node.js ${process.versions.node} is older than 18`;
  if (typeof kill !== 'function' || !/\[native code\]/.test(Function.prototype.toString.call(kill))) return 'process._kill is not that of Node.js';

  const diagnostics = load('diagnostics_channel');
  const { AsyncLocalStorage } = load('async_hooks');
  const storage = new AsyncLocalStorage();
  const undo = [];
  const LAST = 0x3fffffff; // marks.js needs the bit above
  let number = previous?.number ?? 0; // a number of the one before may still be in use
  const self = {
    run: options.run,
    get number() {
      return number;
    },
    undo() {
      for (const step of undo.splice(0).reverse()) attempt(step);
      attempt(() => storage.disable());
      if (globalThis[KEY] === self) delete globalThis[KEY];
    },
  };
  const context = {
    undo,
    load,
    channel: (name) => diagnostics.channel(name),
    marks: makeMarks(options, kill, self.undo),
    scopes: {
      /** Begins the next scope and stays in it for all that this execution starts. */
      enter() {
        number = number >= LAST ? 1 : number + 1;
        storage.enterWith(number);
        return number;
      },
      /** 0: none. */
      current: () => storage.getStore() ?? 0,
    },
  };
  Object.defineProperty(globalThis, KEY, { value: self, configurable: true, enumerable: false });
  watchServers(context);
  watchClients(context);
  watchUndici(context);
  if (options.workers) watchWorkers(context, expression);
  return 'ok';
}
