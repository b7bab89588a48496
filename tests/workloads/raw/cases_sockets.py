# SPDX-License-Identifier: Apache-2.0
# Cases about the socket itself: every way of reading, what it says of its state, and errors.
import array, ctypes, errno, fcntl, os, select, socket, termios, time
from cases import GET, HOST, case

ASK = b'GET /r?size=9000 HTTP/1.1\r\n' + HOST + b'\r\n'


def errors_of(*actions):
    seen = []
    for action in actions:
        try:
            action()
            seen.append(None)
        except OSError as error:
            seen.append(errno.errorcode[error.errno])
    return seen


@case
def ways_to_read(dial):
    c, seen = dial(), []

    # Everything that was answered, but for what `read` took, comes through the usual way.
    def ask(read):
        c.send(ASK)
        part = read(c.sock)
        c.answers += part
        seen.append(len(part))
        c.expect()

    def polled(sock):
        poller = select.poll()
        poller.register(sock, select.POLLIN | select.POLLRDHUP | select.POLLPRI)
        seen.append([event for _, event in poller.poll(5000)])
        return b''

    def edge(sock):
        with select.epoll() as epoll:
            epoll.register(sock, select.EPOLLIN | select.EPOLLET)
            seen.append([event for _, event in epoll.poll(5)])
        return b''

    def spliced(sock):
        (r, w), libc = os.pipe(), ctypes.CDLL(None, use_errno=True)
        sock.settimeout(None)
        moved = 0
        while moved < 5000:
            moved += libc.splice(sock.fileno(), None, w, None, 5000 - moved, 0)
        sock.settimeout(20)
        data = os.read(r, 65536)
        os.close(r)
        os.close(w)
        return data

    def low_water(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 8000)
        select.select([sock], [], [], 5)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        return sock.recv(8000, socket.MSG_DONTWAIT)

    def unsent(sock):
        end, left = time.monotonic() + 5, array.array('i', [1])
        while left[0] and time.monotonic() < end:
            fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, left)
        seen.append(left[0])
        return b''

    def vectors(sock):
        parts = [bytearray(100), bytearray(1000)]
        taken = sock.recvmsg_into(parts, 0, socket.MSG_WAITALL)[0]
        return b''.join(parts)[:taken]

    # Splicing last: a header that went by unseen is the end of the view on this connection.
    for read in (polled, edge, low_water, unsent, vectors, lambda s: s.recv(9000, socket.MSG_WAITALL), lambda s: s.recv(10, socket.MSG_PEEK) and b'', spliced):
        ask(read)
    return seen


@case
def errors(dial):
    def refused():
        with socket.socket() as sock:
            sock.connect(('127.0.0.1', 1))

    seen = errors_of(refused)
    # The other side resets the connection: first a read finds out, then a write.
    c = dial().send(b'GET /abort HTTP/1.1\r\n' + HOST + b'\r\n')
    seen += errors_of(c.more, lambda: c.send(GET), lambda: c.send(GET))
    c = dial().send(GET).expect()
    c.sock.shutdown(socket.SHUT_WR)
    seen += errors_of(lambda: c.send(GET))
    c = dial().send(GET).expect()
    c.sock.close()
    seen += errors_of(lambda: c.send(GET))
    c.open = False
    return seen
