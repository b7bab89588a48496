# SPDX-License-Identifier: Apache-2.0
# The cases of forwarder.py: fields that are handed on, and fields that only look like it.
import itertools, os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../raw'))
from wire import Connection

PORT = int(sys.argv[1])
HOST = b'Host: x\r\n'
GET = b'GET /a HTTP/1.1\r\n'
CASES = {}


def case(action):
    CASES[action.__name__] = action
    return action


# What a case does to the recording server: `dial` opens a connection, `expect` notes what may become of the next field.
class Play:
    def __init__(self, value):
        self.value, self.sent, self.expected, self.made = value, [], [], []

    def dial(self, **options):
        connection = Connection(PORT, **options)
        record = bytearray()
        self.sent.append(record)
        self.made.append(connection)
        plain = connection.send

        def send(*parts):
            for part in parts:
                record.extend(part)
            return plain(*parts)

        connection.send, connection.record = send, record
        return connection

    def field(self, rewritten=True, name=b'traceparent: ', end=b'\r\n', value=None):
        self.expected.append(rewritten)
        return name + (value or self.value) + end

    def get(self, *fields, **options):
        return GET + HOST + self.field(**options) + b''.join(fields) + b'\r\n'


@case
def keep_alive(play):
    c = play.dial()
    for _ in range(20):
        c.send(play.get(b'A: 1\r\n')).expect()


@case
def names_and_space(play):
    c = play.dial()
    for name in (b'traceparent:', b'Traceparent: ', b'TRACEPARENT:\t', b'tRaCePaReNt: \t '):
        for end in (b'\r\n', b' \r\n', b'\t \r\n'):
            c.send(play.get(name=name, end=end)).expect()
            c.send(GET + play.field(name=name, end=end) + HOST + b'\r\n').expect()
    c.send(GET.replace(b'\r', b'') + b'Host: x\n' + play.field(end=b'\n') + b'\n').expect()
    c.send(play.get(b'X-Long: a\r\n\tb\r\n')).expect()


# The id is rewritten where all of it is in the message that ends the block.
@case
def split_at_every_byte(play):
    text = play.get(b'A: 1\r\n')
    play.expected.clear()
    digits = text.index(play.value) + 36
    for kept, at in itertools.product((True, False), range(1, len(text))):
        c = play.made[0] if kept and play.made else play.dial()
        play.expected.append(at <= digits or at >= len(text))
        c.send(text[:at], text[at:]).expect()


@case
def byte_by_byte(play):
    play.dial().send(*(bytes([b]) for b in play.get(rewritten=False))).expect()


@case
def bodies(play):
    for size in (1, 3_000, 70_000):
        body = b'b' * size
        head = b'POST /p HTTP/1.1\r\n' + HOST + b'%s' + b'Content-Length: %d\r\n\r\n' % size
        play.dial().send(head % play.field() + body).expect()
        play.dial().send(head % play.field(), body).expect()
    chunked = b'POST /p HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'
    play.dial().send(chunked % play.field()).expect().send(chunked % play.field()).expect()
    # A body that looks like a request is one's own.
    inner = play.get(rewritten=True)
    play.expected.pop()
    play.dial().send(b'POST /p HTTP/1.1\r\n' + HOST + play.field() + b'Content-Length: %d\r\n\r\n' % len(inner) + inner).expect()
    play.expected.append(False)


@case
def pipelined(play):
    own = play.value[:36] + b'5' * 16 + play.value[52:]
    text = b''.join(play.get() if n % 3 else play.get(rewritten=False, value=own) for n in range(60))
    play.dial().send(text).expect(60)


@case
def old_version(play):
    play.dial().send(GET.replace(b'1.1', b'1.0') + play.field() + b'\r\n').expect()


@case
def untouched(play):
    value = play.value
    c = play.dial()
    # Of the application's own making.
    for own in (value[:36] + b'5' * 16 + value[52:], b'00-' + b'7' * 32 + value[35:], b'00-' + b'7' * 32 + b'-' + b'5' * 16 + b'-01', b'cc' + value[2:], b'cc' + value[2:] + b'-more'):
        c.send(play.get(rewritten=False, value=own)).expect()
    # Not a traceparent.
    for broken in (value.upper(), value[:-1], value + b'0', value[:40] + b' ' + value[40:], value.replace(b'-', b'_')):
        c.send(play.get(rewritten=False, value=broken)).expect()
    c.send(GET + HOST + play.field(False) + play.field(False) + b'\r\n').expect()
    c.send(GET + HOST + play.field(False) + b'A: 1\r\n' + play.field(False, name=b'TraceParent: ', value=b'') + b'\r\n').expect()
    c.send(GET + HOST + play.field(False, end=b'\r\n more\r\n') + b'\r\n').expect()


# Where two readers could differ about what is a header.
@case
def framing(play):
    for fields in (b'Content-Length: 0\r\nContent-Length: 1\r\n', b'Content-Length: 5, 5\r\n', b'Content-Length: 0\r\nTransfer-Encoding: chunked\r\n', b'A: 1\r\r\n'):
        play.dial().send(GET + HOST + fields + play.field(False) + b'\r\n')
    # A field that asks for another protocol goes out as it is handed on; what comes before the answer does not count as HTTP.
    play.dial().send(GET + HOST + b'Upgrade: h2c\r\n' + play.field() + b'\r\n' + play.get(rewritten=False))
