// SPDX-License-Identifier: Apache-2.0
// A name server that answers every question with 127.0.0.1, after a while. See README.md.
import dgram from 'node:dgram';

const socket = dgram.createSocket('udp4');
socket.on('message', (question, { address, port }) => {
  // The question ends with a zero label, type and class; what follows (EDNS) is left out.
  let end = 12;
  while (question[end]) end += 1 + /** @type {number} */ (question[end]);
  const asked = question.subarray(12, end + 5);
  const header = Buffer.from([...question.subarray(0, 2), 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
  setTimeout(() => socket.send(Buffer.concat([header, asked, answer]), port, address), Math.random() * 5);
});
socket.bind(0, '127.0.0.1', () => console.log(`listening ${socket.address().port}`));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
