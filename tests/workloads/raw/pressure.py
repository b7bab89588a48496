# SPDX-License-Identifier: Apache-2.0
# Requests through send buffers that are too small for them, on sockets that do not block: the kernel takes a part, or nothing, and the rest is sent again.
import os, random, select, socket

# A body that reads like requests: whoever loses count of the bytes takes it for some.
LOOKALIKE = b'GET /' + b'b' * 150 + b' HTTP/1.1\r\nHost: y\r\n\r\n'


def body(rng, lookalike):
    size = rng.choice([10, 3_000, 50_000, 200_000])
    return (LOOKALIKE * (size // len(LOOKALIKE) + 1))[:size] if lookalike else rng.randbytes(size)


def stream(rng, lookalike):
    out = b''
    for _ in range(rng.choice([1, 3, 20])):
        data = body(rng, lookalike)
        out += b'POST /a HTTP/1.1\r\nHost: x\r\nX: %s\r\nContent-Length: %d\r\n\r\n' % (b'x' * rng.choice([0, 100, 1_500, 9_000]), len(data)) + data
    return out


# Sends `count` connections' streams; what they were is left in FOLDER/0 … count-1. What was refused, and taken in part, is counted.
def run(dial, seed, count, folder, kind):
    rng = random.Random(int(seed))
    refused = partial = 0
    for i in range(int(count)):
        data = stream(rng, kind == 'lookalike')
        with open(os.path.join(folder, str(i)), 'wb') as file:
            file.write(data)
        buffer = rng.choice([2_048, 4_096, 8_192, 30_000])

        def small(sock):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
            if kind == 'lowat':
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, rng.choice([1, 1_000, 10_000]))

        connection = dial(before=small, nodelay=False)
        connection.sock.setblocking(False)
        at = 0
        while at < len(data):
            piece = data[at:at + rng.choice([500, 5_000, 70_000, 400_000])]
            try:
                sent = connection.sock.send(piece)
                partial += sent < len(piece)
                at += sent
            except BlockingIOError:
                refused += 1
                select.select([], [connection.sock], [], 1)
        connection.sock.settimeout(30)
        connection.finish()
    return {'refused': refused, 'partial': partial}
