# SPDX-License-Identifier: Apache-2.0
# Cases where a carrier has to keep its hands off: fields of the application's own, framing that two readers could take differently, other protocols.
import socket, struct, time
from cases import FAKE, GET, HOST, OWN, blob, case, cut, post


@case
def own_traceparent(dial):
    begin = b'GET /own HTTP/1.1\r\n'
    c = dial()
    for name in (b'traceparent', b'Traceparent', b'TraceParent', b'TRACEPARENT', b'tRACEPARENT'):
        for field in (name + b': ' + OWN, name + b':' + OWN, name + b': \t ' + OWN + b' ', name + b': invalid', name + b':'):
            for text in (field + b'\r\n' + HOST, HOST + field + b'\r\n', HOST + b'A: 1\r\n' + field + b'\r\nB: 2\r\n'):
                c.send(begin + text + b'\r\n').expect()
    text = begin + HOST + b'TraceParent: ' + OWN + b'\r\nA: 1\r\n\r\n'
    for at in range(1, len(text)):
        c.send(*cut(text, [at])).expect()
    c.send(begin + b'traceparent: ' + OWN + b'\r\n' + HOST + b'Traceparent: ' + OWN + b'\r\n\r\n').expect()
    c.send(*post(b'body', fields=b'traceparent: ' + OWN + b'\r\n')).expect()
    c.send(b''.join(begin + HOST + (b'traceparent: ' + OWN + b'\r\n' if i % 2 else b'') + b'\r\n' for i in range(50))).expect(50)
    # Names and values that only look like it.
    c.send(begin + HOST + b'X-traceparent: 1\r\ntraceparent2: 1\r\nA: traceparent: 1\r\n\r\n').expect()


@case
def conflicting_framing(dial):
    begin, body = b'POST /f HTTP/1.1\r\n' + HOST, b'x' * 5 + FAKE * 3
    for fields in (
        b'Content-Length: %d\r\nContent-Length: 5\r\n' % len(body),
        b'Content-Length: 5\r\nContent-Length: %d\r\n' % len(body),
        b'Content-Length: 5, %d\r\n' % len(body),
        b'Content-Length: +5\r\n',
        b'Content-Length: 5 5\r\n',
        b'Content-Length: -1\r\n',
        b'Content-Length: 99999999999999999999\r\n',
        b'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
        b'Transfer-Encoding: chunked\r\nContent-Length: 5\r\n',
        b'Transfer-Encoding: gzip\r\n',
        b'Transfer-Encoding: chunked, identity\r\n',
        b'Content-Length: 5\r\n 0\r\n',
    ):
        dial().send(begin + fields + b'\r\n' + body, FAKE)
        dial().send(begin + fields + b'\r\n', body, FAKE)


@case
def foreign_line_ends(dial):
    begin = b'GET /cr HTTP/1.1\r\n' + HOST
    for text in (b'A: 1\r\r\n\r\n', b'\r\r\n', b'A: 1\r\n\r\r\n', b'A: 1\rB: 2\r\n\r\n', b'A\r: 1\r\n\r\n', b'traceparent : ' + OWN + b'\r\n\r\n', b'traceparent\t: 1\r\n\r\n'):
        dial().send(begin + text)
        dial().send(*(bytes([b]) for b in begin + text))


@case
def upgraded(dial):
    for name, protocol in ((b'websocket', blob(3000)), (b'h2c', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + blob(100)), (b'other', FAKE * 20)):
        c = dial().send(b'GET /u HTTP/1.1\r\n' + HOST + b'Connection: upgrade\r\nUpgrade: ' + name + b'\r\n\r\n').expect()
        c.send(protocol, *cut(protocol, [1, 7, 50]))
        # Against the protocol, but bytes of another one all the same.
        dial().send(b'GET /u HTTP/1.1\r\n' + HOST + b'Connection: upgrade\r\nUpgrade: ' + name + b'\r\n\r\n', protocol)


@case
def upgrade_refused(dial):
    ask = b'GET /stay HTTP/1.1\r\n' + HOST + b'Connection: upgrade\r\nUpgrade: h2c\r\n\r\n'
    c = dial().send(ask).expect()
    for _ in range(5):
        c.send(GET).expect()
    c.send(ask + GET * 3).expect(4).send(GET).expect()


@case
def tunnelled(dial):
    for protocol in (blob(3000), b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + blob(500), FAKE * 20):
        dial().send(b'CONNECT y:443 HTTP/1.1\r\nHost: y:443\r\n\r\n').expect().send(protocol, *cut(protocol, [1, 7, 50]))
        dial().send(b'CONNECT y:443 HTTP/1.1\r\nHost: y:443\r\n\r\n', protocol)
        dial().send(b'CONNECT y:443 HTTP/1.1\r\nHost: y:443\r\n\r\n' + protocol)


@case
def foreign_protocols(dial):
    hello = b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + blob(500)
    preface = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\4\0\0\0\0\0' + blob(18)
    redis, array = b'GET x\r\n', b'*2\r\n$3\r\nGET\r\n$1\r\nx\r\n'
    for texts in (
        [redis] * 5, [redis * 20], [array] * 3, [hello, blob(5000)], [preface, blob(3000)], [b'get x\r\n', b'set x 0 0 3\r\nabc\r\n'],
        [b'GET'], [b'G', b'E', b'T', b' ', b'x\r\n'], [b'POST' + b'y' * 70_000], [b'GET /' + b'z' * 70_000 + b'\r\n\r\n'], [b'HTTP/1.1 200 OK\r\n\r\n'],
        [b'HELO x\r\n', b'QUIT\r\n'], [b'PUT ', b'\r\n\r\n\r\n'], [b'GET / HTTP/9.9\r\n\r\n'], [b'GET\r\n\r\n' * 5], [b'\0' * 100], [b'OPTIONS'],
        *([blob(size, size)] for size in (1, 2, 3, 4, 5, 17, 1000, 60_000)),
    ):
        dial().send(*texts)


SO_ZEROCOPY, MSG_ZEROCOPY = 60, 0x4000000


# What the error queue says of `sends` messages: the ranges of completed ones.
def completions(sock, sends):
    ranges, end = [], time.monotonic() + 3
    while time.monotonic() < end and (not ranges or ranges[-1][1] < sends - 1):
        try:
            _, control, _, _ = sock.recvmsg(0, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT)
            ranges.append(struct.unpack('=IBBBBII', control[0][2][:16])[-2:])
        except BlockingIOError:
            time.sleep(.01)
    return sum(high - low + 1 for low, high in ranges), max(high for _, high in ranges) if ranges else None


@case
def zero_copy(dial):
    c = dial(before=lambda sock: sock.setsockopt(socket.SOL_SOCKET, SO_ZEROCOPY, 1))
    for part in (GET, *post(blob(100_000)), GET):
        at = 0
        while at < len(part):
            at += c.sock.send(part[at:], MSG_ZEROCOPY)
    c.expect(3)
    return completions(c.sock, 4)
