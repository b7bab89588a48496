// SPDX-License-Identifier: Apache-2.0
// The licence notices of what the bundle holds.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writeNotices } from '../../../tools/release/notices.mjs';

/**
 * @param {readonly string[]} inputs the files of a bundle, as esbuild's metafile names them, relative to the working directory
 * @returns {string} notices for each package from outside of this repository @throws for one that says nothing about its licence
 */
export function npmNotices(inputs) {
  const folders = [...new Set(inputs.map(packageFolder).filter((folder) => folder !== undefined))];
  return writeNotices('obi.cjs contains parts of the following packages.', folders.map(part));
}

/** The package that a file belongs to, if it lies in some node_modules. @param {string} file */
function packageFolder(file) {
  return file.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1];
}

/** @param {string} folder */
function part(folder) {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  if (typeof license !== 'string') throw new Error(`notices: ${name} ${version} (${folder}) names no licence`);
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice|copyright)/i.test(file));
  return { name, version, licence: license, texts: files.sort().map((file) => readFileSync(path.join(folder, file), 'utf8')) };
}
