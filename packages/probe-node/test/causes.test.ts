// SPDX-License-Identifier: Apache-2.0
/** The script names the right cause of each outgoing request: in plain Node.js, without obi, by what the services themselves saw. */
import { dirname } from 'node:path';
import { describeNodeVersions } from '../../../tests/harness/node-versions.mjs';
import { chain, scriptFolder } from './support/run.js';

const REQUESTS = Number(process.env.OBI_NODE_REQUESTS ?? 200);

describeNodeVersions('', ({ binary, version }) => {
  const scripts = scriptFolder();
  afterAll(() => scripts[Symbol.dispose]());
  const all = { right: 2 * REQUESTS, wrong: 0, unknown: 0, unmarked: 0 };

  test.each([
    ['http', 'an agent with four kept connections, so that requests queue'],
    ['new', 'a connection for each request'],
    ['close', 'an agent that keeps no connection'],
    ['post', 'a body that is written later'],
    ['https', 'TLS'],
    ['fetch', 'fetch'],
  ])('%s: %s', async (mode) => expect(await chain(binary, scripts.file(mode, {}), mode, REQUESTS)).toEqual(all), 120_000);

  test.each(['undici', 'undici-fetch'])(
    '%s: a pool that is always full, whose requests are made in the context of others',
    async (mode) => {
      const UNDICI = dirname(require.resolve('undici/package.json'));
      expect(await chain(binary, scripts.file(mode, {}), mode, REQUESTS, { UNDICI })).toEqual(all);
    },
    120_000,
  );

  test('brought in under load: what was under way is unknown, nothing is wrong', async () => {
    const { right, wrong, unknown, unmarked } = await chain(binary, scripts.file(`late-${version}`, {}), 'late', 5 * REQUESTS);
    expect(wrong).toBe(0);
    expect(right + unknown + unmarked).toBe(10 * REQUESTS);
    expect(right).toBeGreaterThan(0);
  }, 120_000);
});
