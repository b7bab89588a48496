// SPDX-License-Identifier: Apache-2.0
import { Container, Kernel, Logger, ProbeSection, silentLogger } from '@obi/core';
import { testRuntime } from '@obi/probe-kit';
import { nodeConfig } from '../src/config.js';
import { NodeRuntime } from '../src/node-runtime.js';

/** Nothing of it may be needed before a process is known for certain. */
const noKernel = new Proxy({} as Kernel, {
  get: (_, name) => {
    throw new Error(`kernel.${String(name)} was used`);
  },
});

testRuntime({
  makeDriver: () =>
    Container.create()
      .registerValue<Kernel>(Kernel, noKernel)
      .registerValue<Logger>(Logger, silentLogger)
      .registerValue(ProbeSection, nodeConfig.parse({}))
      .registerClass(NodeRuntime, NodeRuntime)
      .resolve(NodeRuntime),
  runtimes: ['nodejs'],
  program: 'node',
});
