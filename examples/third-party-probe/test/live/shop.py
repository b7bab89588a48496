# SPDX-License-Identifier: Apache-2.0
"""Threaded HTTP service of the standard library only that asks Redis: one kept connection per thread. GET /work?n=N does what N % 7 says.
PORT and REDIS_PORT in the environment; `listening PORT` on stdout when it is ready."""
import json
import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

local = threading.local()


def encode(*words):
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class Redis:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", int(os.environ["REDIS_PORT"])))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.replies = self.socket.makefile("rb")
        self.ask(("PING",))

    def reply(self):
        line = self.replies.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.replies.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind in (b"+", b"-", b":"):
            return line[:-2]
        raise RuntimeError(f"unexpected reply {line!r}")

    def ask(self, *commands, piece=0):
        """All commands in one write, or in pieces of so many bytes."""
        data = b"".join(encode(*command) for command in commands)
        for at in range(0, len(data), piece or len(data)):
            self.socket.sendall(data[at:at + (piece or len(data))])
            if piece:
                time.sleep(0.0005)
        return [self.reply() for _ in commands]


def expect(found, wanted):
    if found != wanted:
        raise RuntimeError(f"redis answered {found!r}, not {wanted!r}")


def work(n):
    key, large = f"key:{n}", b"v" * 300_000
    if n % 7 == 0:
        expect(local.redis.ask(("SET", key, n)), [b"+OK"])
        expect(local.redis.ask(("get", key)), [str(n).encode()])
    elif n % 7 == 1:  # a pipeline of equal commands, then one of different ones
        expect(local.redis.ask(*[("ECHO", f"{key}\r\n+{i}") for i in range(5)]), [f"{key}\r\n+{i}".encode() for i in range(5)])
        expect(local.redis.ask(("SET", key, 1), ("STRLEN", key)), [b"+OK", b":1"])
    elif n % 7 == 2:
        expect(local.redis.ask(("MULTI",), ("SET", key, 1), ("SET", key, 2), ("EXEC",)), [b"+OK", b"+QUEUED", b"+QUEUED", [b"+OK", b"+OK"]])
    elif n % 7 == 3:
        local.redis.ask(("SET", key, 1))
        (error,) = local.redis.ask(("LPUSH", key, "secret"))
        expect(error.split()[0], b"-WRONGTYPE")
    elif n % 7 == 4:  # cut at every byte
        expect(local.redis.ask(("SETEX", key, 60, "a\r\n$b"), piece=1), [b"+OK"])
    elif n % 7 == 5:  # bodies that are hopped over, both ways
        expect(local.redis.ask(("SET", key, large)), [b"+OK"])
        expect(local.redis.ask(("GET", key), ("DEL", key)), [large, b":1"])
    else:  # nested and empty replies, a null
        expect(local.redis.ask(("HSET", key, "a", 1, "b", "")), [b":2"])
        expect(local.redis.ask(("HGETALL", key)), [[b"a", b"1", b"b", b""]])
        expect(local.redis.ask(("EVAL", "return {1,{},{2,{'x',false}}}", 0)), [[b":1", [], [b":2", [b"x", None]]]])
        expect(local.redis.ask(("GET", "nosuch")), [None])


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        local.redis = Redis()  # one thread for each connection: before its first request

    def do_GET(self):
        n = int(parse_qs(urlsplit(self.path).query)["n"][0])
        try:
            work(n)
            status, answer = 200, {"service": "shop", "traceparent": None, "traceparents": 0, "request": self.headers["x-request-id"], "downstream": []}
        except Exception as error:  # the test reads the reason in the answer
            status, answer = 502, {"error": f"{type(error).__name__}: {error}"}
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


server = Server(("127.0.0.1", int(os.environ.get("PORT", "0"))), Handler)
print(f"listening {server.server_address[1]}", flush=True)
server.serve_forever()
