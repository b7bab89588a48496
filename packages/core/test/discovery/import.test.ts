// SPDX-License-Identifier: Apache-2.0
/** The same discovery as an ES module under plain Node, with Node's own import(): what jest's CommonJS cannot show. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transformSync } from '@swc/core';
import { ALL_FEATURES, Host } from './fixture.js';

const source = join(__dirname, '../../src');
let compiled: string;
let host: Host;

beforeAll(() => {
  // Inside the package, so that its dependencies resolve.
  compiled = mkdtempSync(join(__dirname, '../../.esm-'));
  for (const file of readdirSync(source, { recursive: true, encoding: 'utf8' })) {
    if (!/^(?:(?:discovery|logging|probe)\/)?[\w-]+\.ts$/.test(file)) continue;
    const { code } = transformSync(readFileSync(join(source, file), 'utf8'), {
      jsc: { parser: { syntax: 'typescript', decorators: true }, transform: { legacyDecorator: true, decoratorMetadata: false }, target: 'es2022' },
      module: { type: 'es6' },
    });
    const target = join(compiled, file.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, code);
  }
  host = new Host();
});
afterAll(() => {
  rmSync(compiled, { recursive: true });
  host.dispose();
});

test('probes written as ES modules and as CommonJS are imported; one that throws is refused; the log is flushed at exit', () => {
  host.add('cjs');
  host.add('esm');
  host.write(
    'node_modules/@obi/probe-esm/index.mjs',
    "export default { $$type: '@obi/Probe', id: 'esm', api: 1, events: { esm_event: { digest: 'd1', minSize: 64, decoder: class {} } } };",
  );
  const json = JSON.parse(readFileSync(join(host.directory, 'node_modules/@obi/probe-esm/package.json'), 'utf8')) as object;
  host.write('node_modules/@obi/probe-esm/package.json', JSON.stringify({ ...json, exports: './index.mjs' }));
  host.add('bad', { code: () => 'throw new TypeError("no luck")' });
  const program = `
    const { createLogger } = await import(${JSON.stringify(join(compiled, 'logging/pino-logger.js'))});
    const { discoverProbes } = await import(${JSON.stringify(join(compiled, 'discovery/discover.js'))});
    const log = createLogger({ output: 1 });
    const { probes, refusals } = await discoverProbes({ hostDirectory: ${JSON.stringify(host.directory)}, features: ${JSON.stringify(ALL_FEATURES)}, architecture: 'x86_64', log });
    log.info('probes ' + probes.map((p) => p.definition.id) + ' refused ' + refusals.map((r) => r.code));
    process.exit(0);`;
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  const lines = output
    .trimEnd()
    .split('\n')
    .map((line) => line.slice(13));
  expect(lines).toEqual([
    expect.stringMatching(/^WARN {2}probe bad: its module cannot be imported: no luck; .*code=OBI_ERR_PROBE_IMPORT package=@obi\/probe-bad$/),
    'INFO  probes cjs,esm refused OBI_ERR_PROBE_IMPORT',
  ]);
});
