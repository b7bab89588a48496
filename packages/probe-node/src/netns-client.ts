// SPDX-License-Identifier: Apache-2.0
/** A program: does an inspector task in the network namespace that it was started in. Task as JSON on stdin, `{"results"}` or `{"error"}` as JSON on stdout. */
import { text } from 'node:stream/consumers';
import { runInspectorTask } from './inspector-client.js';

const answer = await text(process.stdin)
  .then((task) => runInspectorTask(JSON.parse(task)))
  .then((results) => ({ results }))
  .catch((error: Error) => ({ error: error.message }));
process.stdout.write(JSON.stringify(answer));
