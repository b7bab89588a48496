// SPDX-License-Identifier: Apache-2.0
/** What core gives the decoders of a probe, in the version for tests. */
import { Config, Container, Logger, loadConfig, Routes, silentLogger } from '@obi/core';

/**
 * Holds the default configuration (nothing of this process's environment), a silent log, and no routes. Register on it what a test wants to differ.
 * @param settings by dotted key path, e.g. `{ 'routes.ignored_patterns': ['/health'] }`.
 * @throws ObiError when a setting is not valid.
 */
export function testContainer(settings: Readonly<Record<string, unknown>> = {}): Container {
  const routes: Routes = { match: () => undefined };
  return Container.create()
    .registerValue(Config, loadConfig({ env: {}, overrides: settings }).config)
    .registerValue(Logger, silentLogger)
    .registerValue(Routes, routes);
}
