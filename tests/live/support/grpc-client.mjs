// SPDX-License-Identifier: Apache-2.0
// A client of tests/workloads/parents/go-grpc: node grpc-client.mjs PORT codes prints the status codes that it got for Fail 0 … 16, Unknown and a method that is not there;
// node grpc-client.mjs PORT vanish gives a call up that nobody answers.
import { callGrpc, connect } from '../../workloads/parents/multiplexed.mjs';

const [port = '', way = ''] = process.argv.slice(2);
const session = connect(`http://127.0.0.1:${port}`);
session.on('error', () => {});
if (way === 'codes') {
  const fails = Array.from({ length: 16 }, (_, n) => callGrpc(session, 'Fail', String(n + 1)));
  const codes = await Promise.all([...fails, callGrpc(session, 'Nowhere', '')]);
  console.log(JSON.stringify(codes.map(({ code }) => Number(code))));
} else {
  setTimeout(() => session.destroy(), 500);
  await callGrpc(session, 'Vanish', '').catch(() => {});
}
session.close();
