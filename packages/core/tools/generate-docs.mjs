// SPDX-License-Identifier: Apache-2.0
// Writes docs/reference/{config,errors}.md from the built package; a test holds the committed files to it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { renderConfigReference } from '../dist/config/reference.js';
import { renderErrorsReference } from '../dist/errors-reference.js';

const folder = fileURLToPath(new URL('../../../docs/reference/', import.meta.url));
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}config.md`, renderConfigReference());
writeFileSync(`${folder}errors.md`, renderErrorsReference());
