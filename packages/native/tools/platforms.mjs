// SPDX-License-Identifier: Apache-2.0
// The platform packages npm/<platform>: one for each target in package.json (napi.targets), with this package's version.
// usage: node tools/platforms.mjs             writes their package.json and README; nothing else changes
//        node tools/platforms.mjs --check     fails when they are not as it would write them
//        node tools/platforms.mjs --release   in a copy of this folder: also moves the addons that lie here (obi-native.<platform>.node) into their packages and
//                                             makes those packages, and no others, optionalDependencies of this one. Prints the folders to publish, one a line.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('..', import.meta.url));
const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
const CPU = { x86_64: 'x64', aarch64: 'arm64' };
const LIBC = { gnu: 'glibc', musl: 'musl' };
const mode = process.argv[2];

/** @type {{ target: string, platform: string, cpu: string, libc: string, addon: string }[]} */
const platforms = manifest.napi.targets.map((/** @type {string} */ target) => {
  const [, cpu, abi] = target.match(/^(x86_64|aarch64)-unknown-linux-(gnu|musl)$/) ?? [];
  if (!cpu || !abi) throw new Error(`platforms: unknown target ${target}`);
  const platform = `linux-${CPU[/** @type {keyof CPU} */ (cpu)]}-${abi}`;
  return {
    target,
    platform,
    cpu: CPU[/** @type {keyof CPU} */ (cpu)],
    libc: LIBC[/** @type {keyof LIBC} */ (abi)],
    addon: `${manifest.napi.binaryName}.${platform}.node`,
  };
});

for (const { target, platform, cpu, libc, addon } of platforms) {
  const directory = path.join(folder, 'npm', platform);
  const json = {
    name: `${manifest.name}-${platform}`,
    version: manifest.version,
    description: `Prebuilt addon of ${manifest.name} for ${target}`,
    license: manifest.license,
    main: addon,
    files: [addon, 'README.md', 'THIRD-PARTY-NOTICES.txt'],
    os: ['linux'],
    cpu: [cpu],
    libc: [libc],
    engines: manifest.engines,
    publishConfig: manifest.publishConfig,
  };
  write(path.join(directory, 'package.json'), `${JSON.stringify(json, undefined, 2)}\n`);
  write(
    path.join(directory, 'README.md'),
    `# ${json.name}\n\nThe prebuilt \`${target}\` addon of \`${manifest.name}\`, which installs it by itself; do not depend on it directly.\n`,
  );
  write(path.join(directory, 'LICENSE'), readFileSync(path.join(folder, 'LICENSE'), 'utf8'));
}

if (mode === '--release') {
  const built = platforms.filter(({ addon }) => existsSync(path.join(folder, addon)));
  if (built.length === 0) throw new Error('platforms: no addon is built; npm run build:addon');
  for (const { platform, addon } of built) {
    renameSync(path.join(folder, addon), path.join(folder, 'npm', platform, addon));
    copyFileSync(path.join(folder, 'THIRD-PARTY-NOTICES.txt'), path.join(folder, 'npm', platform, 'THIRD-PARTY-NOTICES.txt'));
    console.log(`npm/${platform}`);
  }
  const optionalDependencies = Object.fromEntries(built.map(({ platform }) => [`${manifest.name}-${platform}`, manifest.version]));
  writeFileSync(path.join(folder, 'package.json'), `${JSON.stringify({ ...manifest, optionalDependencies }, undefined, 2)}\n`);
  const missing = platforms.filter((platform) => !built.includes(platform));
  if (missing.length > 0) console.error(`platforms: not built and so not released: ${missing.map(({ platform }) => platform).join(', ')}`);
}

/** @param {string} file @param {string} text */
function write(file, text) {
  if (mode === '--check') {
    if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
    console.error(`${path.relative(folder, file)} is not as package.json says; run: npm run gen:platforms -w ${manifest.name}`);
    process.exitCode = 1;
    return;
  }
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}
