# SPDX-License-Identifier: Apache-2.0
# More cases of forwarder.py: other ways into a socket than send(2) of the whole.
import os, random, select, socket, tempfile
from handed_on import HOST, case


@case
def vectors(play):
    c = play.dial()
    text = play.get()
    for size in (1, 7, 40):
        play.expected.append(True)
        c.record.extend(text)
        c.sock.sendmsg([text[at:at + size] for at in range(0, len(text), size)])
        c.expect()
    play.expected.pop()


# The pages of a file are not ours: the request may be rewritten, the file never.
@case
def sendfile(play):
    one, two = play.get(), play.get() + play.get(rewritten=False, value=play.value[:36] + b'5' * 16 + play.value[52:]) + play.get()
    for text, count in ((one, 1), (two, 3)):
        with tempfile.TemporaryFile() as file:
            file.write(text)
            file.flush()
            c = play.dial()
            c.record.extend(text)
            if os.sendfile(c.sock.fileno(), file.fileno(), 0, len(text)) != len(text):
                raise OSError('sendfile took a part')
            c.expect(count)
            if os.pread(file.fileno(), 1 << 20, 0) != text:
                raise OSError('the file has changed')


@case
def splice(play):
    text = play.get()
    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.flush()
        c = play.dial()
        c.record.extend(text)
        out, into = os.pipe()
        os.splice(file.fileno(), into, len(text), offset_src=0)
        os.splice(out, c.sock.fileno(), len(text))
        os.close(out), os.close(into)
        c.expect()
        if os.pread(file.fileno(), 1 << 20, 0) != text:
            raise OSError('the file has changed')


# A file and own bytes in one message, as nginx would with sendfile on: MSG_MORE before the file.
@case
def file_behind(play):
    body = b'GET / HTTP/1.1\r\n' * 300
    head = b'POST /p HTTP/1.1\r\n' + HOST + play.field() + b'Content-Length: %d\r\n\r\n' % len(body)
    with tempfile.TemporaryFile() as file:
        file.write(body)
        file.flush()
        c = play.dial()
        c.record.extend(head + body)
        c.sock.send(head, socket.MSG_MORE)
        os.sendfile(c.sock.fileno(), file.fileno(), 0, len(body))
        c.expect()
        if os.pread(file.fileno(), 1 << 20, 0) != body:
            raise OSError('the file has changed')


@case
def zero_copy(play):
    text = play.get(rewritten=False)
    c = play.dial(before=lambda sock: sock.setsockopt(socket.SOL_SOCKET, 60, 1))
    memory = bytearray(text)
    c.record.extend(text)
    c.sock.send(memory, 0x4000000)
    c.expect()
    if memory != text:
        raise OSError('the memory of the application has changed')


# Small send buffers on sockets that do not block: messages are refused, and taken in part, and come again.
@case
def pressure(play):
    rng = random.Random(3)
    for _ in range(30):
        text = b''
        for _ in range(rng.choice([5, 20])):
            data = rng.randbytes(rng.choice([10, 3_000, 50_000]))
            head = b'POST /p HTTP/1.1\r\n' + HOST + b'X: ' + b'x' * rng.choice([0, 1_500, 9_000]) + b'\r\n'
            text += head + play.field(None) + b'Content-Length: %d\r\n\r\n' % len(data) + data
        buffer = rng.choice([2_048, 4_096, 8_192, 30_000])
        c = play.dial(nodelay=False, before=lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer))
        c.record.extend(text)
        c.sock.setblocking(False)
        at = 0
        while at < len(text):
            try:
                at += c.sock.send(text[at:at + rng.choice([50, 500, 5_000, 70_000])])
            except BlockingIOError:
                select.select([], [c.sock], [], 1)
        c.sock.settimeout(60)
