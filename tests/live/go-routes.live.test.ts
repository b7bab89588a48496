// SPDX-License-Identifier: Apache-2.0
// Routes that the program's own router tells: each span of a Go service has that of its own path, fifty requests at a time.
// OBI_ROUTE_BUILDS=all: every build, not the newest and the oldest alone (each toolchain compiles Go's library anew).
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Obi } from '../harness/obi.mjs';
import { certificate, lacking, routesService } from '../harness/parents-middles.mjs';
import { Sandbox } from '../harness/sandbox.mjs';
import { testUnless } from './support/chain.js';
import { inVm, root } from './support/features.js';
import { keysOf } from './support/tables.js';

const REQUESTS = 240;
jest.setTimeout(600_000 * (inVm ? 4 : 1));

const NEWEST = { language: '1.22', gin: 'v1.12.0', chi: 'v5.5.0', mux: 'v1.8.1' };
const MORE_BUILDS = {
  'the newest, Go 1.27': { ...NEWEST, toolchain: 'go1.27.4' },
  'of 2023, Go 1.22': { toolchain: 'go1.22.12', language: '1.22', gin: 'v1.9.1', chi: 'v5.0.12', mux: 'v1.8.0' },
} as const;
const BUILDS = {
  'the newest, this machine’s Go': { ...NEWEST, toolchain: 'local' },
  'of 2021, Go 1.18': { toolchain: 'go1.18.10', language: '1.18', gin: 'v1.7.7', chi: 'v5.0.7', mux: 'v1.7.4' },
  ...(process.env.OBI_ROUTE_BUILDS === 'all' ? MORE_BUILDS : {}),
} as const;
const OLD = { users: '/users/', files: '/files/', api: '/api/items/', nested: '/nested/', inside: '/inside/' };
const ROUTES = {
  std: { users: '/users/{id}', files: '/files/{path...}', api: '/api/items/{id}', nested: '/nested/{a}/things/{id}', inside: '/inside/{n}' },
  old: OLD,
  gin: { users: '/users/:id', files: '/files/*path', api: '/api/items/:id', nested: '/nested/:a/things/:id', inside: '/inside/:n' },
  chi: { users: '/users/{id}', files: '/files/*', api: '/api/items/{id}', nested: '/nested/{a}/things/{id}', inside: '/inside/{n}' },
  mux: { users: '/users/{id}', files: '/files/', api: '/api/items/{id:[0-9]+}', nested: '/nested/{a}/things/{id}', inside: '/inside/{n}' },
} as const;
type Router = keyof typeof ROUTES;

let sandbox: Sandbox;
let folder: string;
beforeEach(async () => {
  sandbox = await Sandbox.create({ netns: true, name: 'obi-routes' });
  folder = mkdtempSync(path.join(tmpdir(), 'obi-routes-'));
});
afterEach(async () => {
  await sandbox.dispose();
  rmSync(folder, { recursive: true });
});

/** @returns for each path of a span its route and name, as far as they are not as they should be */
async function wrongs(
  program: string,
  router: Router,
  expected: Readonly<Record<string, string>>,
  protocol: 'http1' | 'http2',
  env: Record<string, string> = {},
) {
  const tls = protocol === 'http2' ? certificate() : {};
  const service = await sandbox.start('service', [program], { env: { ROUTER: router, ...tls, ...env } });
  const port = Number((await service.line(/^listening (\d+)$/))[1]);
  // Without guesses: what has a route has it from the router.
  const config = path.join(folder, 'obi.yaml');
  writeFileSync(config, 'routes:\n  unmatched: unset\n');
  const obi = await Obi.start(sandbox, { plugins: `http,${path.join(root, 'packages/probe-go')}`, ports: [port], args: ['--config', config] });
  const url = `${protocol === 'http2' ? 'https' : 'http'}://127.0.0.1:${port}`;
  await sandbox.run('client', [process.execPath, path.join(root, 'tests/live/support/routes-client.mjs'), protocol, url, String(REQUESTS)]);
  await obi.waitForSpans(REQUESTS);
  expect(keysOf(obi.proc.pid, ['obi_routes'])).toEqual({ obi_routes: [] });
  const { spans } = await obi.stop();
  expect(spans).toHaveLength(REQUESTS);
  return spans.flatMap(({ name, attributes }) => {
    const target = String(attributes['url.path']);
    const route = expected[target.split('/')[1] ?? ''];
    const isRight = attributes['http.route'] === route && name === (route === undefined ? 'GET' : `GET ${route}`);
    return isRight ? [] : [{ target, name, route: attributes['http.route'] }];
  });
}

describe.each(Object.entries(BUILDS))('routers: %s', (_, versions) => {
  const here = testUnless(lacking('go'));
  const isOld = versions.language === '1.18';
  for (const router of ['gin', 'chi', 'mux'] as const)
    here(router, async () => expect(await wrongs(routesService(versions), router, ROUTES[router], 'http1')).toEqual([]));
  here('ServeMux', async () => expect(await wrongs(routesService(versions), 'std', isOld ? OLD : ROUTES.std, 'http1')).toEqual([]));
  here('ServeMux, HTTP/2', async () => expect(await wrongs(routesService(versions), 'std', isOld ? OLD : ROUTES.std, 'http2')).toEqual([]));
  // What programs get whose go.mod says an older Go.
  if (!isOld)
    here('ServeMux as before Go 1.22', async () =>
      expect(await wrongs(routesService(versions), 'old', OLD, 'http1', { GODEBUG: 'httpmuxgo121=1' })).toEqual([]),
    );
});
