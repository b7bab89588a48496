// SPDX-License-Identifier: Apache-2.0
import { hostname } from 'node:os';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { type ServiceProcess, ServiceResources } from '../../src/process/service-resource';

const HOST = resourceFromAttributes({ 'host.name': 'h', 'host.id': '1', 'os.type': 'linux' });
const process = (over: Partial<ServiceProcess> = {}): ServiceProcess => ({
  pid: 7,
  exe: '/usr/bin/python3.11',
  cmdline: ['python3', 'gateway.py', '--password=secret'],
  traits: { executionModel: 'threads', fionreadSafe: true, language: 'python', runtime: 'cpython' },
  identity: {},
  attributes: {},
  ...over,
});

test('what a process without any name of its own gets', async () => {
  const resources = await ServiceResources.create({ version: '1.2.3' }, HOST);
  expect(resources.attributesOf(process())).toEqual({
    'host.name': 'h',
    'host.id': '1',
    'os.type': 'linux',
    'service.name': 'gateway',
    'service.instance.id': 'h:7',
    'process.pid': 7,
    'process.executable.name': 'python3.11',
    'process.executable.path': '/usr/bin/python3.11',
    'process.runtime.name': 'cpython',
    'telemetry.sdk.name': 'opentelemetry',
    'telemetry.sdk.version': '1.2.3',
    'telemetry.sdk.language': 'python',
    'telemetry.distro.name': 'obi-typescript',
    'telemetry.distro.version': '1.2.3',
  });
});

test.each([
  [{ attributes: { 'service.name': 'env' }, identity: { name: 'rule' } }, { 'service.name': 'obi' }, 'env'],
  [{ identity: { name: 'rule' } }, { 'service.name': 'obi' }, 'rule'],
  [{}, { 'service.name': 'obi' }, 'obi'],
  [{}, {}, 'gateway'],
])('service.name, case %#', async (over, own, name) => {
  const resources = await ServiceResources.create({ version: '1', attributes: own }, HOST);
  expect(resources.attributesOf(process(over))['service.name']).toBe(name);
});

test('the target overrides obi, but not what obi saw; the instance id is never shared', async () => {
  const resources = await ServiceResources.create({ version: '1', attributes: { team: 'a', env: 'prod', 'service.instance.id': 'obi-1' } }, HOST);
  const attributes = resources.attributesOf(
    process({ identity: { namespace: 'rule' }, attributes: { team: 'b', 'service.namespace': 'own', 'telemetry.distro.name': 'x', 'process.pid': '1' } }),
  );
  expect(attributes).toMatchObject({
    team: 'b',
    env: 'prod',
    'service.namespace': 'own',
    'service.instance.id': 'h:7',
    'telemetry.distro.name': 'obi-typescript',
    'process.pid': 7,
  });
});

test('language and runtime are left out where they are not known', async () => {
  const resources = await ServiceResources.create({ version: '1' }, HOST);
  const attributes = resources.attributesOf(process({ traits: { executionModel: 'threads', fionreadSafe: false } }));
  expect(Object.keys(attributes)).not.toEqual(expect.arrayContaining(['telemetry.sdk.language']));
  expect(attributes).not.toHaveProperty(['process.runtime.name']);
});

test('this host is detected', async () => {
  const resources = await ServiceResources.create({ version: '1' });
  expect(resources.attributesOf(process())).toMatchObject({ 'host.name': hostname(), 'os.type': 'linux', 'service.instance.id': `${hostname()}:7` });
});
