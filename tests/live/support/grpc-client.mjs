// SPDX-License-Identifier: Apache-2.0
// A client of tests/workloads/parents/go-grpc: node grpc-client.mjs PORT codes prints the status codes that it got for Fail 0 … 16, Unknown and a method that is not there;
// node grpc-client.mjs PORT vanish | wait: that method, on a connection that breaks after 500 ms; node grpc-client.mjs PORT reset: `Wait`, and resets the stream then;
// node grpc-client.mjs PORT hang: `Wait`, for as long as the service lives; node grpc-client.mjs PORT call QUERY [TRACEPARENT]: prints the codes that the service got;
// node grpc-client.mjs PORT calls QUERY…: one after the other, prints what it got, as JSON.
import { once } from 'node:events';
import http2 from 'node:http2';
import { callGrpc, connect } from '../../workloads/parents/multiplexed.mjs';

const [port = '', way = '', query = '', traceparent = ''] = process.argv.slice(2);
const session = connect(`http://127.0.0.1:${port}`);
session.on('error', () => {});
if (way === 'codes') {
  const fails = Array.from({ length: 16 }, (_, n) => callGrpc(session, 'Fail', String(n + 1)));
  const codes = await Promise.all([...fails, callGrpc(session, 'Nowhere', '')]);
  console.log(JSON.stringify(codes.map(({ code }) => Number(code))));
} else if (way === 'call') {
  console.log((await callGrpc(session, 'Call', query, traceparent ? { traceparent } : {})).text);
} else if (way === 'calls') {
  const texts = [];
  for (const one of process.argv.slice(4)) texts.push((await callGrpc(session, 'Call', one)).text);
  console.log(JSON.stringify(texts));
} else if (way === 'reset') {
  const request = session.request({ ':method': 'POST', ':path': '/parents.Middle/Wait', 'content-type': 'application/grpc', te: 'trailers' });
  request.end(Buffer.alloc(5)); // an empty message
  request.on('error', () => {});
  setTimeout(() => request.close(http2.constants.NGHTTP2_CANCEL), 500);
  await once(request, 'close');
} else {
  if (way !== 'hang') setTimeout(() => session.destroy(), 500);
  await callGrpc(session, way === 'vanish' ? 'Vanish' : 'Wait', '').catch(() => {});
}
session.close();
