# SPDX-License-Identifier: Apache-2.0
# A connection that keeps all that it read.
import os, re, socket

TIMEOUT = 120 if os.environ.get('OBI_VM') else 20


class Connection:
    def __init__(self, port, nodelay=True, before=None):
        self.sock = socket.socket()
        self.sock.settimeout(TIMEOUT)
        if before:
            before(self.sock)
        self.sock.connect(('127.0.0.1', port))
        if nodelay:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers, self.read, self.open = b'', 0, True

    def send(self, *parts):
        for part in parts:
            self.sock.sendall(part)
        return self

    def more(self):
        data = self.sock.recv(65536)
        self.answers += data
        return len(data) > 0

    # Waits for `count` whole responses.
    def expect(self, count=1, head=False):
        for _ in range(count):
            while (end := self.answers.find(b'\r\n\r\n', self.read)) < 0:
                if not self.more():
                    raise OSError('no answer, but the end')
            length = re.search(rb'Content-Length: (\d+)', self.answers[self.read:end])
            size = int(length[1]) if length and not head else 0
            while len(self.answers) < end + 4 + size:
                if not self.more():
                    raise OSError('end inside of an answer')
            self.read = end + 4 + size
        return self

    # Closes our direction and reads what is left.
    def finish(self):
        if not self.open:
            return
        self.open = False
        try:
            try:
                self.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # closed in both directions already
            while self.more():
                pass
        finally:
            self.sock.close()
