// SPDX-License-Identifier: Apache-2.0
// Loads projects' BPF objects on the running kernel as the agent does, core's first with their maps shared, and compares what each
// program cost the verifier with bpf/verify-record.json. A program that is not on record, is missing or costs over a fifth (and 64 instructions) more is a failure.
// usage: node bpf/verify.mjs <project directory>… [--record FILE] [--update [--output FILE]]      as root, after the build
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const sdk = fileURLToPath(new URL('.', import.meta.url)).replace(/\/$/, '');
/** A fifth, but small programs may grow by a few lines. */
const tolerated = (/** @type {number} */ known) => Math.max(known * 1.2, known + 64);

/** @typedef {Record<string, Record<string, Record<string, number>>>} Record_ kernel → object → program → instructions */

/** @param {string} message @param {number} [code] @returns {never} */
function fail(message, code = 1) {
  console.error(message);
  process.exit(code);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { update: { type: 'boolean', default: false }, record: { type: 'string', default: join(sdk, 'verify-record.json') }, output: { type: 'string' } },
});
if (positionals.length === 0) fail('usage: node bpf/verify.mjs <project directory>… [--record FILE] [--update [--output FILE]]', 2);
const recordFile = values.record;
const outputFile = values.output ?? recordFile;
const projects = positionals.map((directory) => resolve(directory));
if (process.getuid?.() !== 0) fail('verify: needs root: loading BPF programs is a privilege');

/** @type {typeof import('@obi/core') & typeof import('@obi/native')} */
const { KernelSession, createKernel } = { ...(await load('@obi/core')), ...(await load('@obi/native')) };
/** @param {string} name */
async function load(name) {
  try {
    return await import(name);
  } catch (error) {
    return fail(`verify: ${name} is not built (${/** @type {Error} */ (error).message.split('\n')[0]}); run: npx nx build ${name}`);
  }
}

const kernel = createKernel();
const features = kernel.features();
const version = features.release.match(/^\d+\.\d+/)?.[0] ?? features.release;
const architecture = features.architecture === 'aarch64' || features.architecture === 'arm64' ? 'arm64' : 'x86_64';

/** Objects of a project: [name in the record, path]. @param {string} directory @returns {[string, string][]} */
function objectsOf(directory) {
  const isSdk = directory === sdk;
  const sources = isSdk ? join(sdk, 'core') : join(directory, 'bpf');
  return readdirSync(sources)
    .filter((name) => name.endsWith('.bpf.c'))
    .sort()
    .map((name) => {
      const id = basename(name, '.bpf.c');
      const path = join(isSdk ? join(sdk, 'dist') : join(directory, 'bpf', 'dist'), architecture, `${id}.bpf.o`);
      if (!existsSync(path))
        fail(`verify: ${relative(process.cwd(), path)} is not built; run: node bpf/build.mjs ${relative(process.cwd(), directory) || '.'}`);
      return [isSdk ? `core/${id}` : id, path];
    });
}

/** Program → kernel functions that it calls, as the probe's manifest says; core's own objects have none. @param {string} directory @returns {Readonly<Record<string, readonly string[]>>} */
function helpersOf(directory) {
  const { obi } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  const manifest = obi && join(directory, obi.manifest);
  if (!manifest || !existsSync(manifest)) return {};
  return Object.fromEntries(JSON.parse(readFileSync(manifest, 'utf8')).programs.map((/** @type {any} */ { name, helpers }) => [name, helpers]));
}

/** Why this kernel cannot load such a program, if so. @param {string} type @param {readonly string[]} [helpers] */
function lacking(type, helpers = []) {
  if (type === 'kprobe' && !features.kprobes) return 'this kernel has no kprobes';
  if (type === 'tracing' && !features.fentry) return 'this kernel refuses fentry';
  if (helpers.includes('probe_write_user') && !features.probeWriteUser) return `bpf_probe_write_user is not allowed (lockdown: ${features.lockdown})`;
  return undefined;
}

const record = /** @type {Record_} */ (existsSync(recordFile) ? JSON.parse(readFileSync(recordFile, 'utf8')) : {});
const onRecord = record[version];
/** @type {Record<string, Record<string, number>>} */
const measured = {};
/** @type {string[]} */
const problems = [];

const session = new KernelSession(kernel);
try {
  const core = objectsOf(sdk).map(([name, path]) => ({ name, path, slot: 0, asked: projects.includes(sdk), helpers: helpersOf(sdk) }));
  const own = projects
    .filter((project) => project !== sdk)
    .flatMap((project, index) => objectsOf(project).map(([name, path]) => ({ name, path, slot: index + 1, asked: true, helpers: helpersOf(project) })));
  for (const { name, path, slot, asked, helpers } of [...core, ...own]) {
    const image = readFileSync(path);
    const programs = kernel.open(name, image).programs;
    const why = new Map(programs.map(({ name: program, type }) => [program, lacking(type, helpers[program])]).filter(([, reason]) => reason));
    const loaded = session.load({ actor: 'verify', name, image, parameters: { obi_slot: slot }, without: [...why.keys()] });
    if (!asked) continue;
    for (const [program, reason] of why) console.log(`${name.padEnd(16)} ${program.padEnd(16)}        - left out: ${reason}`);
    const counts = Object.fromEntries(loaded.programs.map((program) => [program.name, program.verifiedInsns]));
    measured[name] = counts;
    compare(name, counts, [...why.keys()]);
  }
} catch (error) {
  const { message, cause, verifierLog, details } = /** @type {any} */ (error);
  fail(`verify: ${message}\n${verifierLog ?? details?.verifierLog ?? cause?.verifierLog ?? ''}`);
} finally {
  session[Symbol.dispose]();
}

/** @param {string} name @param {Record<string, number>} counts @param {readonly string[]} without */
function compare(name, counts, without) {
  const before = onRecord?.[name] ?? {};
  for (const [program, insns] of Object.entries(counts)) {
    const known = before[program];
    const change = known ? ` (record ${known}, ${insns >= known ? '+' : ''}${(((insns - known) / known) * 100).toFixed(1)} %)` : '';
    console.log(`${name.padEnd(16)} ${program.padEnd(16)} ${String(insns).padStart(8)} instructions${change}`);
    if (insns === 0 || !onRecord) continue;
    if (known === undefined) problems.push(`${name}: ${program} is not on record for Linux ${version}`);
    else if (insns > tolerated(known))
      problems.push(`${name}: ${program} costs the verifier ${insns} instructions on Linux ${version}, ${known} on record: more than a fifth over it`);
  }
  for (const program of Object.keys(before)) {
    if (program in counts) continue;
    problems.push(`${name}: ${program} is on record for Linux ${version} but ${without.includes(program) ? 'cannot be loaded here now' : 'is gone'}`);
  }
}

const update = `node bpf/verify.mjs ${projects.map((project) => relative(process.cwd(), project) || '.').join(' ')} --update`;
if (values.update) {
  const all = { ...record, [version]: { ...onRecord, ...measured } };
  const sorted = (/** @type {Record<string, any>} */ object) =>
    Object.fromEntries(Object.entries(object).sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true })));
  writeFileSync(
    outputFile,
    `${JSON.stringify(sorted(Object.fromEntries(Object.entries(all).map(([release, objects]) => [release, sorted(objects)]))), null, 2)}\n`,
  );
  console.log(`verify: ${relative(process.cwd(), outputFile)} updated for Linux ${version}`);
} else if (!onRecord) {
  console.log(`verify: all loaded; nothing is on record for Linux ${version}. To put it there: ${update}`);
} else if (problems.length > 0) {
  fail(
    `verify: ${problems.join('\nverify: ')}\nIf that is meant, put it on record and say why in the change: ${update}\nIn a VM the tree is read-only: OBI_VM_DIR=/some/folder tools/vm/run.sh 6.1 -- ${update} --output /some/folder/record.json`,
  );
}
