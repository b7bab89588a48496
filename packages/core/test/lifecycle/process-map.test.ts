// SPDX-License-Identifier: Apache-2.0
import type { MapHandle } from '../../src/kernel/kernel.js';
import { ProcessMap } from '../../src/lifecycle/process-map.js';
import { silentLogger } from '../../src/logging/silent-logger.js';
import type { TracedProcess } from '../../src/process/index.js';
import { kernelError } from '../kernel/fake-kernel.js';

const PROCESS = { pid: 10, exe: '/bin/a', executionModel: 'threads', fionreadSafe: false, resource: { id: 0, attributes: {} } } as unknown as TracedProcess;

function mapThat(fails: { update?: Error; delete?: Error }) {
  const errors: string[] = [];
  const selected: number[] = [];
  const refuse = (error?: Error) => () => {
    if (error) throw error;
    return true;
  };
  const map = { lookup: () => undefined, update: refuse(fails.update), delete: refuse(fails.delete) } as unknown as MapHandle;
  const log = { ...silentLogger, error: (message: string) => void errors.push(message) };
  return { processes: new ProcessMap(map, log, ({ pid }) => selected.push(pid)), errors, selected };
}

test.each([
  ['E2BIG', /table is full; raise ebpf\.maps_config\.global_scale_factor/],
  ['ENOSPC', /table is full/],
  ['EPERM', /cannot be written/],
])('an update that fails with %s', (code, message) => {
  const { processes, errors, selected } = mapThat({ update: kernelError('x', code) });
  processes.selected(PROCESS);
  expect(errors).toEqual([expect.stringMatching(message)]);
  expect(selected).toEqual([]);
});

test('an entry that cannot be deleted is logged, never thrown', () => {
  const { processes, errors } = mapThat({ delete: kernelError('x', 'EPERM') });
  processes.selected(PROCESS);
  processes.deselected(10, 'exit');
  processes.reject(11);
  expect(errors).toHaveLength(2);
});
