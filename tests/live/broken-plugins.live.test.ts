// SPDX-License-Identifier: Apache-2.0
// Third-party packages that are broken: each is refused with its reason, once, and costs the others nothing.
import { mkdtempSync, rmSync, unlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadIn, verifyTree } from '../harness/load.mjs';
import { Obi } from '../harness/obi.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import type { Service } from '../harness/services.mjs';
import { serviceOf, verifyAll } from '../harness/traces.mjs';
import { lacking, portsOf, startChain, testUnless } from './support/chain.js';
import { ACCOUNTING, finish } from './support/counters.js';
import { edit, generate, makePackage, setAbi } from './support/third-party.js';

let sandbox: Sandbox;
let folder: string;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-broken' });
  folder = mkdtempSync(path.join(os.tmpdir(), 'obi-third-party-'));
});
afterEach(async () => {
  await sandbox.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** http's slots for a probe that takes the place of its carrier only: it gets clients' connections, http those of servers. */
const CARRIER_SLOTS = { 'end.raw_tracepoint': 'http_end', 'carrier.sk_msg': 'http_msg', 'protocol.plaintext': 'http_plaintext' };
const THROWING = `
class Throwing { decode() { throw new Error('on every record'); } }
const events = Object.fromEntries(Object.entries(http.events).map(([struct, binding]) => [struct, { ...binding, decoder: Throwing }]));
export default { ...http, id: 'throwing', events };`;

testUnless(lacking(['python', 'ruby']))('packages that are broken, each in its way, are reported once each, and http goes on', async () => {
  const make = (id: string, code?: string) => makePackage(folder, id, CARRIER_SLOTS, code);
  const noJson = make('no-json');
  edit(noJson, (text) => text.slice(0, text.length / 2));
  const malformed = make('malformed');
  edit(malformed, (text) => text.replace('"type": "sk_msg"', '"type": "sk_mess"'));
  const foreignAbi = make('foreign-abi');
  setAbi(foreignAbi, 99);
  generate(foreignAbi, 'foreign-abi');
  const noObject = make('no-object');
  unlinkSync(noObject.object);
  const digest = make('digest');
  setAbi(digest, 99); // another object than the one that the manifest describes
  const throwing = make('throwing', THROWING);
  const importing = make('importing', 'throw new Error("at import");');
  const packages = [noJson, malformed, foreignAbi, noObject, digest, importing, throwing];
  const reasons: Record<string, RegExp> = {
    'no-json': /its manifest \S+ is no JSON/,
    malformed: /its manifest \S+ is malformed: programs\[\d\]\.type/,
    'foreign-abi': /compiled for kernel ABI 99, this obi has ABI \d/,
    'no-object': /cannot read its object \S+: ENOENT/,
    digest: /has sha256 [0-9a-f]{64}, the manifest says [0-9a-f]{64}/,
    importing: /its module cannot be imported: at import/,
    throwing: /on every record.*its decoder failed/,
  };

  const services = await startChain(sandbox, ['python', 'ruby', 'node']);
  // Before http, so that `throwing` is asked first.
  const plugins = [...packages.map(({ directory }) => directory), 'http'].join(',');
  const obi = await Obi.start(sandbox, { plugins, ports: portsOf(services), env: ACCOUNTING });
  const requests = 30;
  const { trees, errors } = await loadIn(sandbox, { url: (services[0] as Service).url, requests, concurrency: 5 });
  expect(errors).toEqual([]);
  await obi.waitForSpans(3 * requests);
  const { spans, counters, faults, code } = await finish(obi);

  const stderr = obi.proc.lines.filter(({ stream }) => stream === 'stderr').map(({ text }) => text);
  for (const [id, reason] of Object.entries(reasons)) {
    const about = stderr.filter((text) => text.includes(`probe ${id}: `) && /"level":"(WARN|ERROR)"/.test(text));
    expect({ id, about }).toEqual({ id, about: [expect.stringMatching(reason)] });
  }
  expect(code).toBe(0);
  // Servers' spans are http's: none is missing. Clients' went to `throwing`: each of its records failed, none was lost on the way.
  expect(spans).toHaveLength(3 * requests);
  for (const service of services) expect(spans.filter((span) => serviceOf(span) === service.name)).toHaveLength(requests);
  expect(faults).toMatchObject({ http: { thrown: 0 }, throwing: { thrown: 2 * requests, short: 0, unknown: 0 } });
  expect(counters).toMatchObject({ throwing: { injected: 2 * requests } });
  for (const tree of trees) expect(verifyTree(tree)).toEqual([]);
});

testUnless(lacking(['python']))('a refused package beside http costs no trace', async () => {
  const noObject = makePackage(folder, 'no-object', CARRIER_SLOTS);
  unlinkSync(noObject.object);
  const services = await startChain(sandbox, ['python', 'node']);
  const obi = await Obi.start(sandbox, { plugins: `${noObject.directory},http`, ports: portsOf(services) });
  const { trees, errors } = await loadIn(sandbox, { url: (services[0] as Service).url, requests: 10 });
  expect(errors).toEqual([]);
  expect(verifyAll(trees, await obi.waitForSpans(30), verifyTree).filter(({ wrong }) => wrong.length > 0)).toEqual([]);
});
