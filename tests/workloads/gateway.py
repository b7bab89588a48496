# SPDX-License-Identifier: Apache-2.0
"""Threaded HTTP service of the standard library only: one thread per connection, blocking calls downstream. See README.md for its settings."""
import http.client
import json
import os
import secrets
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

NAME = os.environ.get("NAME", "python")
DOWNSTREAM = [u for u in os.environ.get("DOWNSTREAM", "").split(",") if u]
DELAY = float(os.environ.get("DELAY_MS", "0")) / 1000
PAD = "x" * int(os.environ.get("PAD_BYTES", "0"))
KEEPALIVE = os.environ.get("KEEPALIVE") == "1"
# "" in turn on the request's own thread; "request": threads made by and for this request; "pool": one pool for all requests
FANOUT = os.environ.get("FANOUT", "")
# "1": of a random trace; "child": of the trace that came in, with a new parent id; "forward": as it came in
SEND_TRACEPARENT = os.environ.get("SEND_TRACEPARENT", "")

served = 0
served_lock = threading.Lock()
pool = ThreadPoolExecutor(int(os.environ.get("THREADS", "16"))) if FANOUT == "pool" else None
local = threading.local()  # kept connections: one per thread and downstream


def own_traceparent(received):
    if SEND_TRACEPARENT == "forward":
        return received
    trace_id = received[3:35] if SEND_TRACEPARENT == "child" else secrets.token_hex(16)
    return f"00-{trace_id}-{secrets.token_hex(8)}-01"


def call(base, path, request_id, received=None):
    """GET path from a downstream service; its JSON."""
    kept = local.__dict__.setdefault("connections", {}) if KEEPALIVE else {}
    connection = kept.pop(base, None) or http.client.HTTPConnection(urlsplit(base).netloc, timeout=60)
    headers = {"x-request-id": request_id} if request_id else {}
    if not KEEPALIVE:
        headers["connection"] = "close"
    sent = None
    if SEND_TRACEPARENT:
        sent = headers["traceparent"] = own_traceparent(received)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise RuntimeError(f"{base}: status {response.status}")
    if KEEPALIVE:
        kept[base] = connection
    else:
        connection.close()
    result = json.loads(body)
    if sent:
        result["sent"] = sent
    return result


def call_all(path, request_id, received):
    if not FANOUT:
        return [call(base, path, request_id, received) for base in DOWNSTREAM]
    if pool:
        return [f.result() for f in [pool.submit(call, base, path, request_id, received) for base in DOWNSTREAM]]
    with ThreadPoolExecutor(max(1, len(DOWNSTREAM))) as own:
        return [f.result() for f in [own.submit(call, base, path, request_id, received) for base in DOWNSTREAM]]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        global served
        self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path == "/health":
            return self.answer(200, {"ok": True})
        if self.path == "/stats":
            return self.answer(200, {"served": served})
        with served_lock:
            served += 1
        seen = self.headers.get_all("traceparent") or []
        request_id = self.headers.get("x-request-id")
        try:
            if DELAY:
                time.sleep(DELAY)
            downstream = call_all(self.path, request_id, seen[0] if seen else None)
        except Exception as error:  # the test reads the reason in the answer
            return self.answer(502, {"service": NAME, "error": f"{type(error).__name__}: {error}"})
        self.answer(200, {
            "service": NAME,
            "traceparent": seen[0] if seen else None,
            "traceparents": len(seen),
            "request": request_id,
            "downstream": downstream,
            **({"pad": PAD} if PAD else {}),
        })

    do_POST = do_GET

    def answer(self, status, value):
        body = json.dumps(value).encode()
        head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Bad Gateway'}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        if self.headers.get("connection", "").lower() == "close":
            self.close_connection = True
            head += "Connection: close\r\n"
        self.wfile.write(head.encode() + b"\r\n" + body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


server = Server((os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "0"))), Handler)
print(f"listening {server.server_address[1]}", flush=True)
workers = []


def stop_workers(*_):
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)


for _ in range(int(os.environ.get("PREFORK", "0"))):
    pid = os.fork()
    if pid == 0:
        workers = []
        break
    workers.append(pid)
if workers:
    signal.signal(signal.SIGTERM, stop_workers)
try:
    server.serve_forever()
except KeyboardInterrupt:
    sys.exit(0)
