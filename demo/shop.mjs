// SPDX-License-Identifier: Apache-2.0
// The demo's services: ordinary programs in the languages of this machine, none of which knows of OBI.
import { missing, startService } from '../tests/harness/services.mjs';

/** @typedef {import('../tests/harness/services.mjs').Service} Service */

/**
 * Starts the shop, leaves first: gateway → orders → nginx → basket → stock → ledger, and gateway → prices → rates where a JDK is present.
 * @param {import('../tests/harness/sandbox.mjs').Sandbox} sandbox
 * @param {(text: string) => void} say told of each service
 * @returns {Promise<{ gateway: Service, services: Service[], proxies: Record<string, string> }>} proxies: service → the proxy before it
 */
export async function startShop(sandbox, say) {
  /** @type {Service[]} */ const services = [];
  const start = async (
    /** @type {string} */ name,
    /** @type {import('../tests/harness/services.mjs').Language} */ language,
    /** @type {string} */ what,
    /** @type {Service[]} */ downstream,
    /** @type {Record<string, string>} */ env = {},
  ) => {
    const service = await startService(sandbox, language, { name, downstream, env });
    services.push(service);
    say(`  ${name.padEnd(8)} ${what}${downstream.length ? `  → ${downstream.map((target) => target.name).join(', ')}` : ''}`);
    return service;
  };

  const ledger = await start('ledger', 'node', 'Node.js, event loop', [], { DELAY_MS: '3' });
  const stock = await start('stock', 'asyncio', 'Python, asyncio', [ledger], { DELAY_MS: '4' });
  const basket = await start('basket', 'node', 'Node.js, event loop', [stock, ledger], { DELAY_MS: '5' });
  // New upstream connections: on kernels with the FIONREAD fault a kept one of nginx carries one header only.
  // Its workers have no environment to be named by: the service is called nginx.
  const edge = missing('nginx') ? basket : await start('nginx', 'nginx', 'a proxy', [basket], { KEEPALIVE: '0' });
  const orders = missing('ruby')
    ? await start('orders', 'python', 'Python, a thread per request', [edge], { DELAY_MS: '2' })
    : await start('orders', 'ruby', 'Ruby, a thread per request', [edge], { DELAY_MS: '2' });
  const second = [];
  if (!missing('java')) {
    const rates = missing('go') ? ledger : await start('rates', 'go', 'Go, goroutines', [], { DELAY_MS: '1' });
    second.push(await start('prices', 'java', 'Java, a pool of threads', [rates], { DELAY_MS: '2' }));
  }
  const gateway = await start('gateway', 'python', 'Python, a thread per request', [orders, ...second]);
  return { gateway, services, proxies: edge === basket ? {} : { basket: 'nginx' } };
}
