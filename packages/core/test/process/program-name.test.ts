// SPDX-License-Identifier: Apache-2.0
import { programName } from '../../src/process/program-name';

test.each([
  ['/usr/bin/python3.11', 'python3 gateway.py', 'gateway'],
  ['/usr/bin/python3', 'python3 -u -W ignore /srv/shop/worker.py --port 80', 'worker'],
  ['/usr/bin/python3', 'python3 -m http.server 8000', 'http.server'],
  ['/usr/bin/python3', '/usr/bin/python3 /usr/local/bin/gunicorn app:app', 'gunicorn'],
  ['/usr/bin/python3', 'python3 /srv/shop/__main__.py', 'shop'],
  ['/usr/bin/python3', 'python3 -c print(1) x.py', 'python3'],
  ['/usr/bin/python3', 'python3', 'python3'],
  ['/usr/bin/node', 'node --require ./otel.js --enable-source-maps dist/server.mjs', 'server'],
  ['/usr/bin/node', 'node -e code', 'node'],
  ['/usr/bin/deno', 'deno run --allow-net api.ts', 'api'],
  ['/usr/bin/java', 'java -Xmx1g -cp lib/a.jar:b.jar -jar /opt/app-1.2.jar --x', 'app-1.2'],
  ['/usr/bin/java', 'java -cp a.jar com.acme.Gateway', 'Gateway'],
  ['/usr/bin/java', 'java /srv/Leaf.java 8080', 'Leaf'],
  ['/usr/bin/java', 'java -m shop/com.acme.Main', 'Main'],
  ['/usr/bin/ruby3.1', 'ruby -I lib -r json app.rb', 'app'],
  ['/usr/bin/php8.2', 'php -S 0.0.0.0:80 -t public router.php', 'router'],
  ['/usr/bin/perl', 'perl -I lib hello.pl', 'hello'],
  ['/usr/share/dotnet/dotnet', 'dotnet exec --depsfile a.json Shop.Api.dll', 'Shop.Api'],
  ['/usr/sbin/nginx', 'nginx: master process', 'nginx'],
  ['/opt/shop/bin/checkout', '/opt/shop/bin/checkout -c conf.py', 'checkout'],
])('%s: %s → %s', (exe, commandLine, name) => {
  expect(programName(exe, commandLine.split(' '))).toBe(name);
});

test('a title that the process gave itself', () => {
  expect(programName('/usr/bin/python3', ['gunicorn: master [shop:app]'])).toBe('gunicorn');
  expect(programName('/usr/bin/ruby', ['puma 6.4.0 (tcp://0.0.0.0:9292) [shop]'])).toBe('puma');
});
