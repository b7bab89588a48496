// SPDX-License-Identifier: Apache-2.0
// A row of services, each calling the next; the first is the gateway.
import type { Sandbox } from '../../harness/sandbox.mjs';
import { type Language, missing, type Service, startService } from '../../harness/services.mjs';

/** Starts them, the last first. @param env for all of them @returns the services, the gateway first */
export async function startChain(sandbox: Sandbox, languages: readonly Language[], env: Record<string, string> = {}): Promise<Service[]> {
  const services: Service[] = [];
  for (const [index, language] of [...languages.entries()].reverse()) {
    const downstream = services.slice(0, 1);
    services.unshift(await startService(sandbox, language, { name: `${language}-${index}`, downstream, env }));
  }
  return services;
}

export const portsOf = (services: readonly Service[]) => services.map(({ port }) => port);

/** Why a test with these languages cannot run here, undefined when it can. */
export function lacking(languages: readonly Language[]): string | undefined {
  return languages.map(missing).find((why) => why !== undefined);
}

/** `test`, or `test.skip` with the reason in its name. */
export function testUnless(why: string | undefined): (name: string, body: () => Promise<void>) => void {
  return why === undefined ? (name, body) => test(name, body) : (name, body) => test.skip(`${name} (${why})`, body);
}
