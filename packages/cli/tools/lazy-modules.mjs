// SPDX-License-Identifier: Apache-2.0
// An esbuild plugin: modules that are costly in memory and that many runs never use are loaded when the first of their exports is read, not when obi starts.
// A run without an OTLP endpoint and without a health port never reads http, and so neither TLS; one without a configuration file never reads yaml.
import { isBuiltin } from 'node:module';

const COSTLY = ['assert', 'child_process', 'http', 'https', 'net', 'tls', 'worker_threads', 'yaml', 'zlib'];

export const lazyModules = {
  name: 'lazy-modules',
  /** @param {import('esbuild').PluginBuild} build */
  setup(build) {
    const filter = new RegExp(`^(node:)?(${COSTLY.join('|')})$`);
    build.onResolve({ filter }, ({ path, namespace, resolveDir }) => {
      if (namespace !== 'lazy') return { path: path.replace(/^node:/, ''), namespace: 'lazy', pluginData: resolveDir };
      return isBuiltin(path) ? { path, external: true } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: 'lazy' }, async ({ path, pluginData: resolveDir }) => {
      const real = isBuiltin(path) ? `node:${path}` : path;
      const names = Object.keys(await import(real)).filter((name) => name !== 'default' && /^\w+$/.test(name));
      return { contents: `module.exports = {\n${names.map((name) => `  get ${name}() { return require('${real}').${name}; },`).join('\n')}\n};`, resolveDir };
    });
  },
};
