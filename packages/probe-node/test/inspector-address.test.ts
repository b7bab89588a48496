// SPDX-License-Identifier: Apache-2.0
import { inspectorAddress } from '../src/inspector-address.js';

const address = (line: string, environment = '') => inspectorAddress(line.split(' '), environment);

test.each<[string, string, number]>([
  ['node app.js', '', 9229],
  ['node --inspect-port=9333 app.js', '', 9333],
  ['node --inspect-port 9333 app.js', '', 9333],
  ['node --debug-port=127.0.0.2:9444 app.js', '', 9444],
  ['node app.js', '--inspect-port=9555 --no-warnings', 9555],
  ['node --inspect-port=9333 app.js', '--inspect-port=9555', 9333],
  ['node app.js --inspect-port=1', '', 9229],
  ['node -r ./x.js --inspect-port=9333 app.js', '', 9333],
])('%s (NODE_OPTIONS=%s): port %d', (line, environment, port) => {
  expect(address(line, environment)).toMatchObject({ port });
  expect(address(line, environment).obstacle).toBeUndefined();
});

test.each([
  ['node --inspect app.js', '', '--inspect'],
  ['node --inspect=0.0.0.0:9229 app.js', '', '--inspect=0.0.0.0:9229'],
  ['node --inspect-brk app.js', '', '--inspect-brk'],
  ['node app.js', '--inspect-wait', '--inspect-wait'],
  ['node --disable-sigusr1 app.js', '', '--disable-sigusr1'],
  ['node --permission --allow-fs-read=* app.js', '', '--permission'],
])('%s (NODE_OPTIONS=%s) stands in the way: %s', (line, environment, obstacle) => expect(address(line, environment).obstacle).toBe(obstacle));

test.each(['node app.js --inspect', 'node -e --inspect', 'node -- app.js --permission'])('%s: the words of the application are its own', (line) =>
  expect(address(line).obstacle).toBeUndefined(),
);
