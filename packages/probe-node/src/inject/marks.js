// SPDX-License-Identifier: Apache-2.0
// Part of the script that runs inside the traced process; see install.js for the whole. Plain JavaScript for Node.js 18 and later.

/**
 * Tells the kernel side by kill(2) calls with a signal number that does not exist: they deliver nothing, the kernel answers EINVAL or ESRCH.
 * The numbers are those of bpf/node.bpf.c.
 */
// biome-ignore lint/correctness/noUnusedVariables: called by another part
function makeMarks(options, kill, gone) {
  const REQUEST = 0x0b100000;
  const CAUSED = 0x0b200000;
  /** Above every pid that there can be. For 0, -1 and its own pid Node.js would run the process's exit hooks before the call: profiles and coverage would end there. */
  const NOBODY = 0x40000000;
  const LONGEST_FD = 0xfffff;
  const ESRCH = -3;
  const CHECK_MS = 1000;
  let checked = performance.now();

  /** Where obi and this process see each other's pids: is obi still there? Looked at once a second, and only while there are requests. */
  function isTold() {
    if (options.agent === 0) return true;
    const now = performance.now();
    if (now - checked < CHECK_MS) return true;
    checked = now;
    if (kill(options.agent, 0) !== ESRCH) return true;
    gone();
    return false;
  }

  function mark(what, scope, fd) {
    if (fd >= 0 && fd <= LONGEST_FD && isTold()) kill(NOBODY | scope, what | fd);
  }

  return {
    /** The request that was just read from `fd` is scope `scope`. */
    request: (scope, fd) => mark(REQUEST, scope, fd),
    /** What is written next to `fd` was caused by `scope`; 0: by nothing that is known, so that an older word does not stand. */
    caused: (scope, fd) => mark(CAUSED, scope, fd),
  };
}

/** A TLS socket may lie over another one. Negative where there is no descriptor, or none yet. */
// biome-ignore lint/correctness/noUnusedVariables: called by another part
function fdOf(socket) {
  for (let s = socket, depth = 0; s && depth < 3; s = s._parent, depth++) {
    const fd = s._handle ? s._handle.fd : undefined;
    if (typeof fd === 'number' && fd >= 0) return fd;
  }
  return -1;
}
