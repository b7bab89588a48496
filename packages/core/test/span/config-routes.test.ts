// SPDX-License-Identifier: Apache-2.0
import { loadConfig } from '../../src/config/load.js';
import { ConfigRoutes } from '../../src/span/config-routes.js';

type Settings = Partial<ReturnType<typeof loadConfig>['config']['routes']>;

/** Matches inside other bytes, as in a record. */
function routes(settings: Settings = {}) {
  const { config } = loadConfig({ env: {} });
  const made = new ConfigRoutes({ ...config.routes, ...settings });
  return (path: string) => {
    const bytes = Buffer.from(`GET ${path} HTTP/1.1`);
    return made.match(bytes, 4, bytes.length - 9);
  };
}
const names = (match: ReturnType<typeof routes>, paths: readonly string[]) => paths.map((path) => match(path)?.name);

describe('patterns', () => {
  test('what is written down is no guess, all else is', () => {
    for (const unmatched of ['path', 'wildcard', 'heuristic', 'low-cardinality'] as const) {
      const match = routes({ unmatched, patterns: ['/users/:id'] });
      expect([match('/users/42')?.guessed, match('/other')?.guessed]).toEqual([undefined, true]);
    }
  });

  test('parameters in both spellings, and what is behind a trailing star', () => {
    const match = routes({ unmatched: 'unset', patterns: ['/users/:id', '/shops/{shop}/items/{item}', '/files/*', '/api/v*', '/a/*/c'] });
    expect(names(match, ['/users/7', '/users/7/', '//users//7', '/shops/x%20y/items/2', '/files', '/files/a/b.txt', '/api/v2/x', '/a/b/c'])).toEqual([
      '/users/:id',
      '/users/:id',
      '/users/:id',
      '/shops/{shop}/items/{item}',
      '/files/*',
      '/files/*',
      '/api/v*',
      '/a/*/c',
    ]);
    expect(names(match, ['/users', '/users/7/x', '/Users/7', '/shops/1/items', '/filesystem', '/api/x', '/a/b/d', '/'])).toEqual(new Array(8).fill(undefined));
  });

  test('the most specific one counts, whatever the order', () => {
    const match = routes({ unmatched: 'unset', patterns: ['/*', '/users/*', '/users/:id', '/users/me', '/users/:id/edit', '/users/m*'] });
    expect(names(match, ['/x', '/users/me', '/users/you', '/users/me/edit', '/users/mx/y', '/users/you/y', '/'])).toEqual([
      '/*',
      '/users/me',
      '/users/:id',
      '/users/:id/edit',
      '/users/m*',
      '/users/*',
      '/*',
    ]);
  });

  test('the root, and a pattern without its first slash', () => {
    expect(names(routes({ unmatched: 'unset', patterns: ['/', 'ping'] }), ['/', '/ping', '/pong'])).toEqual(['/', 'ping', undefined]);
  });
});

describe('ignored patterns', () => {
  const ignored = ['/healthz', '/internal/*'];
  test.each(['all', 'traces'] as const)('mode %s: nothing is reported, whatever the other patterns say', (ignore_mode) => {
    const match = routes({ ignored_patterns: ignored, ignore_mode, patterns: ['/healthz'] });
    expect([match('/healthz'), match('/internal/x/1')]).toEqual([{ ignored: true }, { ignored: true }]);
    expect(match('/health')).toEqual({ name: '/health', guessed: true });
  });
  test('mode metrics leaves spans as they are', () => {
    const match = routes({ ignored_patterns: ignored, ignore_mode: 'metrics', patterns: ['/healthz'] });
    expect([match('/healthz'), match('/internal/x/1')]).toMatchObject([{ name: '/healthz' }, { name: '/internal/x/*' }]);
  });
});

describe('what no pattern matches', () => {
  const paths = ['/users/42', '/known', '/'];
  test.each([
    ['unset', [undefined, '/known', undefined]],
    ['path', ['/users/42', '/known', '/']],
    ['wildcard', ['/**', '/known', '/**']],
    ['heuristic', ['/users/*', '/known', '/']],
    ['low-cardinality', ['/users/*', '/known', '/']],
  ] as const)('%s', (unmatched, expected) => {
    expect(names(routes({ unmatched, patterns: ['/known'] }), paths)).toEqual(expected);
  });

  test('the character for variable segments can be chosen', () => {
    expect(routes({ wildcard_char: '#' })('/users/42/orders/7f3a9b2c')?.name).toBe('/users/#/orders/#');
  });

  test('paths beyond ASCII', () => {
    expect(routes({ unmatched: 'path' })('/zürich')?.name).toBe('/zürich');
    expect(routes()('/zürich/x')?.name).toBe('/*/x');
  });

  test.each(['', '*', 'example.com:443'])('the target %j has no route', (target) => {
    expect(routes({ unmatched: 'wildcard', ignored_patterns: ['*'] })(target)).toBeUndefined();
  });
});

describe('low-cardinality', () => {
  const match = () => routes({ unmatched: 'low-cardinality', max_path_segment_cardinality: 3 });
  test('a position with too many different segments becomes variable, also for paths seen before', () => {
    const m = match();
    expect(names(m, ['/u/ann/x', '/u/bob/x', '/u/cat/x', '/u/ann/x'])).toEqual(['/u/ann/x', '/u/bob/x', '/u/cat/x', '/u/ann/x']);
    expect(names(m, ['/u/dan/x', '/u/ann/x', '/u/eve/y', '/u'])).toEqual(['/u/*/x', '/u/*/x', '/u/*/y', '/u']);
  });
  test('positions are counted behind their own leading segments, and values do not count', () => {
    const m = match();
    const paths = ['/a/one', '/a/two', '/b/one', '/b/two', '/b/three', '/a/1', '/a/2', '/a/3', '/a/4', '/a/three'];
    expect(names(m, paths)).toEqual(['/a/one', '/a/two', '/b/one', '/b/two', '/b/three', '/a/*', '/a/*', '/a/*', '/a/*', '/a/three']);
  });
  test('behind a variable segment it goes on counting', () => {
    const m = match();
    expect(names(m, ['/u/1/a', '/u/2/b', '/u/3/c', '/u/4/d', '/u/5/a'])).toEqual(['/u/*/a', '/u/*/b', '/u/*/c', '/u/*/*', '/u/*/*']);
  });
  test('the names are bounded in number, however many paths come', () => {
    const m = routes({ unmatched: 'low-cardinality', max_path_segment_cardinality: 30 });
    const letters = 'abcdefghijklmnopqrstuvwxyz'.split('');
    const seen = new Set<string | undefined>();
    for (const a of letters) for (const b of letters) for (const c of letters) seen.add(m(`/${a}/${b}/${c}`)?.name);
    expect(seen.size).toBeLessThanOrEqual(10_000);
  });
});

describe('repeated paths', () => {
  test('give the same object', () => {
    const match = routes();
    expect(match('/users/42')).toBe(match('/users/42'));
  });
  test('are told from others in the same slot, and very long ones are right too', () => {
    const match = routes({ unmatched: 'path' });
    const paths = Array.from({ length: 20_000 }, (_, i) => `/${'p'.repeat(i % 300)}/${i}`);
    for (const path of [...paths, ...paths]) if (match(path)?.name !== path) throw new Error(path);
    expect(match(paths[0] as string)?.name).toBe('//0');
  });
});
