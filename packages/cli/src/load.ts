// SPDX-License-Identifier: Apache-2.0
/** The options that all commands have, and the configuration that they lead to. */
import { type LoadedConfig, loadConfig } from '@obi/core';

export interface GlobalOptions {
  readonly plugins?: string;
  readonly config?: string;
}

/** @throws ObiError OBI_ERR_CONFIG_*. */
export function load({ config, plugins }: GlobalOptions): LoadedConfig {
  return loadConfig({
    ...(config === undefined ? {} : { file: config }),
    ...(plugins === undefined ? {} : { overrides: { plugins } }),
  });
}
