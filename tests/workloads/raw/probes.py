# SPDX-License-Identifier: Apache-2.0
# Questions about the machine that a case cannot be compared by: how long, and what FIONREAD says.
import array, fcntl, socket, termios, time
from cases import GET, HOST


# Milliseconds of each of 15 requests without TCP_NODELAY, where a request that leaves in pieces waits for the acknowledgement of the first.
def nagle(dial):
    c, taken = dial(nodelay=False), []
    for _ in range(15):
        begin = time.perf_counter()
        c.send(GET).expect()
        taken.append((time.perf_counter() - begin) * 1000)
    return taken


# On each of three connections, in turn: requests, and before each answer is read, what FIONREAD and a peek say about it.
def fionread(dial):
    seen = []
    for _ in range(3):
        c = dial()
        for _ in range(2):
            c.send(b'GET /f?size=3000 HTTP/1.1\r\n' + HOST + b'\r\n')
            # The answer comes in one or two segments: both are there once the peek says so.
            while len(peeked := c.sock.recv(65536, socket.MSG_PEEK)) < 3000:
                time.sleep(.001)
            asked = array.array('i', [0])
            fcntl.ioctl(c.sock.fileno(), termios.FIONREAD, asked)
            seen.append([asked[0], len(peeked)])
            c.expect()
        c.finish()
    return seen
