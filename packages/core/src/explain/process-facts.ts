// SPDX-License-Identifier: Apache-2.0
/** What is known now of the process of a span, for the answer and for the rules' words. */
import type { ProcessRuntime } from '../lifecycle/runtimes.js';
import type { TracedProcess } from '../process/index.js';
import type { ProcessResource } from '../span/process-resource.js';
import type { ExplainedProcess } from './answer.js';
import type { Program } from './rules.js';

export interface ProcessSources {
  /** Undefined when it has ended. */
  process(pid: number): TracedProcess | undefined;
  /** Of a process that has ended, too. */
  resource(pid: number): ProcessResource | undefined;
  runtime(pid: number): ProcessRuntime | undefined;
}

export function processFacts(sources: ProcessSources, pid: number | undefined): { readonly process: ExplainedProcess; readonly program: Program } {
  const traced = pid === undefined ? undefined : sources.process(pid);
  const runtime = pid === undefined ? undefined : sources.runtime(pid);
  const attributes = pid === undefined ? undefined : sources.resource(pid)?.attributes;
  const text = (name: string) => (typeof attributes?.[name] === 'string' ? attributes[name] : undefined);
  const service = text('service.name');
  const model = traced?.executionModel;
  return {
    process: {
      pid: pid ?? null,
      service: service ?? null,
      executable: traced?.exe ?? text('process.executable.path') ?? null,
      model: model ?? null,
      runtime: runtime ?? null,
    },
    program: { service: service ?? `process ${pid ?? 'unknown'}`, runtimeName: text('process.runtime.name'), model, runtime },
  };
}
