# SPDX-License-Identifier: Apache-2.0
# The cases: what a client may do to a connection. Each gets `dial` and leaves what it opened to client.py. Cases named `foreign_…` are not HTTP/1: no byte may change.
import ctypes, itertools, os, random, select, socket, tempfile, time

CASES = {}
HOST = b'Host: x\r\n'
GET = b'GET /a?size=50 HTTP/1.1\r\n' + HOST + b'X-Own: 1\r\n\r\n'
OWN = b'00-' + b'1' * 32 + b'-' + b'2' * 16 + b'-01'
FAKE = b'GET /in-a-body HTTP/1.1\r\nHost: y\r\n\r\n'


def case(action):
    CASES[action.__name__] = action
    return action


def post(body, path=b'/p', fields=b''):
    return b'POST %s HTTP/1.1\r\n%s%sContent-Length: %d\r\n\r\n' % (path, HOST, fields, len(body)), body


def blob(size, seed=7):
    return random.Random(seed).randbytes(size)


# Every way of cutting `text` at the places `cuts`, all at once or not.
def cut(text, cuts):
    edges = [0, *cuts, len(text)]
    return [text[a:b] for a, b in zip(edges, edges[1:])]


@case
def keep_alive(dial):
    c = dial()
    for _ in range(20):
        c.send(GET).expect()


@case
def head_and_1_0(dial):
    dial().send(b'HEAD /h?size=500 HTTP/1.1\r\n' + HOST + b'\r\n').expect(head=True)
    dial().send(b'GET /old HTTP/1.0\r\n\r\n').expect()
    dial().send(b'POST /old HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc').expect()


@case
def split_at_every_byte(dial):
    c = dial()
    for at in range(1, len(GET)):
        c.send(*cut(GET, [at])).expect()
    for at in range(1, len(GET)):
        dial().send(*cut(GET, [at])).expect()


@case
def byte_by_byte(dial):
    dial().send(*(bytes([b]) for b in b''.join(post(b'body'))), GET).expect(2)


@case
def blank_line_split(dial):
    end = len(GET)
    ways = [[end - 4 + i for i in places] for n in range(5) for places in itertools.combinations(range(4), n)]
    c = dial()
    for way in ways:
        c.send(*cut(GET, way)).expect()
        dial().send(*cut(GET, way)).expect()


@case
def line_feeds_only(dial):
    text = GET.replace(b'\r', b'')
    c = dial()
    c.send(text).expect()
    for at in range(1, len(text)):
        c.send(*cut(text, [at])).expect()
    c.send(b'GET /mixed HTTP/1.1\r\n' + HOST + b'\n', b'GET /mixed HTTP/1.1\nHost: x\n\r\n').expect(2)


@case
def vectors(dial):
    c = dial()
    for way in ([5], [25], [len(GET) - 1], [len(GET) - 2], [3, 9, 27, 40], range(1, len(GET))):
        c.sock.sendmsg(cut(GET, way))
        c.expect()
    c.sock.sendmsg([*post(b'hello'), GET, *post(blob(100_000))])
    c.expect(3)


@case
def bodies_apart(dial):
    c = dial()
    for body in (b'hello', FAKE, FAKE * 50, blob(100_000)):
        head, body = post(body)
        c.send(head, body).expect()
        c.send(head + body).expect()
        c.send(head, *cut(body, [1, len(body) // 2, len(body) - 1])).expect()
        c.send(head + body[:3], body[3:] + GET).expect(2)


@case
def sendfile(dial):
    body = blob(700_000)
    with tempfile.TemporaryFile() as file:
        file.write(body)
        c = dial()
        for _ in range(2):
            c.send(post(body)[0])
            file.seek(0)
            c.sock.sendfile(file)
            c.expect().send(GET).expect()
        # The request itself comes from a file.
        whole = tempfile.TemporaryFile()
        whole.write(GET)
        whole.flush()
        c.sock.sendfile(whole)
        c.expect()
        dial().sock.sendfile(whole)


@case
def splice(dial):
    libc, (r, w), c = ctypes.CDLL(None, use_errno=True), os.pipe(), dial()
    c.send(post(b'x' * 30_000)[0])
    os.write(w, b'x' * 30_000)
    left = 30_000
    c.sock.settimeout(None)
    while left:
        left -= libc.splice(r, None, c.sock.fileno(), None, left, 0)
    c.expect().send(GET).expect()


@case
def chunked(dial):
    start = b'POST /c HTTP/1.1\r\n' + HOST + b'Transfer-Encoding: chunked\r\n\r\n'
    pieces = [b'5\r\nhello\r\n', b'A;name="value"\r\n0123456789\r\n', b'%x\r\n%s\r\n' % (len(FAKE), FAKE), b'10000\r\n' + blob(65536) + b'\r\n']
    end, trailers = b'0\r\n\r\n', b'0\r\nX-Sum: 1\r\ntraceparent: ' + OWN + b'\r\n\r\n'
    c = dial()
    for last in (end, trailers):
        c.send(start + b''.join(pieces) + last + GET).expect(2)
        c.send(start, *pieces, last, GET).expect(2)
    text = start + b''.join(pieces[:3]) + trailers
    c.send(*(bytes([b]) for b in text), GET).expect(2)
    for size in (2, 3, 7, 100):
        c.send(*cut(text, range(size, len(text), size))).expect()
    c.send(start + b'1\r\nx\r\n' * 500 + end + GET).expect(2)
    c.send(start, *([b'1\r\nx\r\n'] * 500), end + GET).expect(2)


@case
def expect_continue(dial):
    c = dial()
    for body in (b'later', blob(200_000)):
        head, body = post(body, fields=b'Expect: 100-continue\r\n')
        c.send(head)
        while b'100 Continue\r\n\r\n' not in c.answers[c.read:]:
            c.more()
        c.read = c.answers.index(b'100 Continue\r\n\r\n', c.read) + 16
        c.send(body).expect()
    c.send(GET).expect()


@case
def pipelined(dial):
    c = dial()
    c.send(b''.join(b'GET /pipe%d HTTP/1.1\r\n%s\r\n' % (i, HOST) for i in range(200))).expect(200)
    mixed = b''.join(b''.join(post(blob(i * 37), b'/m%d' % i)) + (b'\r\n' if i % 3 == 0 else b'') + GET[:-2] + b'X: ' + b'y' * i + b'\r\n\r\n' for i in range(60))
    c.send(mixed).expect(120)
    c.send(*cut(mixed, range(333, len(mixed), 1999))).expect(120)


# Of two requests in one message, the second is shorter; what was decided for the first must not reach into the third.
@case
def short_after_long(dial):
    c = dial()
    for _ in range(10):
        c.send(GET[:-2] + b'X: ' + b'y' * 300 + b'\r\n\r\n' + GET).expect(2)
        c.send(GET).expect()


@case
def long_header(dial):
    c = dial()
    for size in (1_000, 4_096, 8_192, 16_384, 32_768, 65_536, 200_000):
        text = GET[:-2] + b''.join(b'X-%d: %s\r\n' % (i, b'v' * 100) for i in range(size // 110)) + b'\r\n'
        c.send(text).expect()
        c.send(*cut(text, range(1_500, len(text), 1_500))).expect()
    c.send(GET[:-2] + b'X: ' + b'v' * 65_536 + b'\r\n\r\n' + GET).expect(2)


@case
def large_body(dial):
    body = blob(8_000_000)
    c = dial()
    c.send(*post(body), GET).expect(2)
    c.send(b''.join(post(body)) + GET).expect(2)
    c.sock.setblocking(False)
    data, at = b''.join(post(body)) + GET, 0
    while at < len(data):
        try:
            at += c.sock.send(data[at:at + 1_000_000])
        except BlockingIOError:
            select.select([], [c.sock], [], 10)
    c.sock.settimeout(30)
    c.expect(2)


@case
def half_closed(dial):
    for text in (GET, b''.join(post(b'abc')), GET * 3):
        c = dial().send(text)
        c.sock.shutdown(socket.SHUT_WR)
        while c.more():
            pass
    dial().send(GET[:-2])
    dial().send(GET[:-1])
    dial().send(*post(b'abcdef')[:1], b'abc')


@case
def more_to_come(dial):
    c = dial(nodelay=False)
    for _ in range(5):
        c.sock.send(GET[:20], socket.MSG_MORE)
        c.sock.send(GET[20:-2], socket.MSG_MORE)
        c.send(GET[-2:]).expect()
    c.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
    c.send(GET, *post(b'corked')).sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
    c.expect(2)


import cases_foreign, cases_sockets  # noqa: E402,F401  the rest of the cases
