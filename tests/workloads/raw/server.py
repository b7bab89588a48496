# SPDX-License-Identifier: Apache-2.0
# Records what each connection sends, byte by byte, and answers HTTP/1 in a way that depends on no field that anybody may add.
# usage: server.py FOLDER [slow]    A line on stdin ends the recording: waits for the open connections' ends, prints `recorded N`; files FOLDER/0 … N-1.
import hashlib, os, random, re, socket, struct, sys, threading, time

folder, slow = sys.argv[1], sys.argv[2:] == ['slow']
records = []  # (bytearray, thread) in the order of accept
lock = threading.Lock()


class Peer:
    def __init__(self, sock):
        self.sock, self.all, self.at = sock, bytearray(), 0
        self.random = random.Random(1)

    def more(self):
        data = self.sock.recv(self.random.choice([100, 1000, 5000, 50000]) if slow else 65536)
        if slow and self.random.random() < .1:
            time.sleep(.0003)
        self.all += data
        return len(data) > 0

    def line(self):
        while True:
            end = self.all.find(b'\n', self.at)
            if end >= 0:
                text, self.at = bytes(self.all[self.at:end]).rstrip(b'\r'), end + 1
                return text
            if not self.more():
                return None

    def take(self, n):
        while len(self.all) - self.at < n:
            if not self.more():
                return None
        data, self.at = bytes(self.all[self.at:self.at + n]), self.at + n
        return data

    def drain(self):
        while self.more():
            pass
        return bytes(self.all[self.at:])


def chunked(peer):
    body, line = b'', peer.line()
    while line is not None:
        n = int(line.split(b';')[0], 16)
        if n == 0:
            while peer.line():
                pass
            return body
        body += peer.take(n) or b''
        peer.line()
        line = peer.line()


# One request; false when the connection is no (longer) HTTP/1.
def request(peer, n):
    begin = peer.line()
    while begin == b'':
        begin = peer.line()
    if begin is None:
        return False
    if not re.fullmatch(rb'[!-~]+ [!-~]+ HTTP/1\.\d', begin):
        rest = peer.drain()
        peer.sock.sendall(b'NOT HTTP ' + hashlib.md5(begin + rest).hexdigest().encode() + b'\n')
        return False
    fields, line = {}, peer.line()
    while line:
        name, _, value = line.partition(b':')
        fields.setdefault(name.strip().lower(), []).append(value.strip())
        line = peer.line()
    if line is None:
        return False
    method, target, _ = begin.split(b' ')
    if method == b'CONNECT' or (b'upgrade' in fields and target != b'/stay'):
        peer.sock.sendall(b'HTTP/1.1 200 Connected\r\n\r\n' if method == b'CONNECT' else b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n')
        peer.sock.sendall(b'TUNNEL ' + hashlib.md5(peer.drain()).hexdigest().encode() + b'\n')
        return False
    if target == b'/abort':
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        peer.sock.close()
        return False
    lengths = fields.get(b'content-length', [])
    if len(lengths) > 1 or (lengths and b'transfer-encoding' in fields) or any(not v.isdigit() for v in lengths):
        peer.sock.sendall(b'HTTP/1.1 400 Ambiguous\r\nContent-Length: 0\r\n\r\n')
        peer.drain()
        return False
    if fields.get(b'expect') == [b'100-continue']:
        peer.sock.sendall(b'HTTP/1.1 100 Continue\r\n\r\n')
    body = chunked(peer) if b'transfer-encoding' in fields else peer.take(int(lengths[0])) if lengths else b''
    if body is None:
        return False
    answer = b'%d %s %s %d %s\n' % (n, method, target, len(body), hashlib.md5(body).hexdigest().encode())
    size = re.search(rb'size=(\d+)', target)
    answer += b'x' * int(size[1]) if size else b''
    last = begin.endswith(b'1.0') or fields.get(b'connection') == [b'close']
    # Said, not only done: a client that is quicker than the end of the connection would begin its next request here, and repeat it elsewhere.
    close = b'Connection: close\r\n' if last else b''
    head = b'HTTP/1.1 200 OK\r\nX-Number: %d\r\n%sContent-Length: %d\r\n\r\n' % (n, close, len(answer))
    peer.sock.sendall(head if method == b'HEAD' else head + answer)
    return not last


def serve(peer):
    n = 0
    try:
        try:
            while request(peer, n):
                n += 1
        except ValueError:
            peer.sock.sendall(b'MALFORMED\n')
        # Reads to the end before it closes: a reset would take away bytes that the client sent.
        peer.sock.shutdown(socket.SHUT_WR)
        peer.drain()
    except OSError:
        pass  # the client went first; what it sent is recorded
    peer.sock.close()


def accept(listener):
    while True:
        sock, _ = listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = Peer(sock)
        thread = threading.Thread(target=serve, args=(peer,), daemon=True)
        with lock:
            records.append((peer, thread))
        thread.start()


listener = socket.socket()
if slow:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    # Segments as on Ethernet: of loopback's the window holds not one, and TCP can then be left to its probe timer, some kB a second.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(('127.0.0.1', 0))
listener.listen(256)
threading.Thread(target=accept, args=(listener,), daemon=True).start()
print('listening', listener.getsockname()[1], flush=True)
for _ in sys.stdin:
    with lock:
        taken = records[:]
        records.clear()
    for i, (peer, thread) in enumerate(taken):
        thread.join(20)
        with open(os.path.join(folder, str(i)), 'wb') as file:
            file.write(peer.all)
    print('recorded', len(taken), flush=True)
