// SPDX-License-Identifier: Apache-2.0
// Where the spans of a measured variant go: takes OTLP http/protobuf, keeps nothing, and writes `spans N` for each line that it reads on stdin.
import http from 'node:http';

/** Calls back for each length-delimited field. @param {Buffer} message @param {(field: number, content: Buffer) => void} found */
function eachField(message, found) {
  let at = 0;
  const varint = () => {
    let [value, scale] = [0, 1];
    for (;;) {
      const byte = message[at++];
      if (byte === undefined) throw new Error('truncated');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const type = tag % 8;
    if (type === 0) varint();
    else if (type === 1) at += 8;
    else if (type === 5) at += 4;
    else if (type === 2) {
      const end = varint() + at;
      if (end > message.length) throw new Error('truncated');
      found(Math.floor(tag / 8), message.subarray(at, end));
      at = end;
    } else throw new Error(`wire type ${type}`);
  }
}

let spans = 0;
/** ExportTraceServiceRequest: resource_spans = 1; ResourceSpans: scope_spans = 2; ScopeSpans: spans = 2. @param {Buffer} body */
const count = (body) =>
  eachField(body, (field, resourceSpans) => {
    if (field !== 1) return;
    eachField(resourceSpans, (inner, scopeSpans) => {
      if (inner !== 2) return;
      eachField(scopeSpans, (last) => {
        if (last === 2) spans++;
      });
    });
  });

const server = http.createServer((request, response) => {
  /** @type {Buffer[]} */ const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    try {
      if (request.headers['content-type'] !== 'application/x-protobuf') throw new Error(`content type ${request.headers['content-type']}`);
      if (request.url === '/v1/traces') count(Buffer.concat(chunks));
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    } catch (error) {
      console.error(`cannot read what was sent to ${request.url}: ${error instanceof Error ? error.message : error}`);
      response.writeHead(400).end();
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log(`listening ${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`));
process.stdin.on('data', () => console.log(`spans ${spans}`));
