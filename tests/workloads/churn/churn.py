# SPDX-License-Identifier: Apache-2.0
"""Server that makes much of what soon ends, for each request: GET /processes|threads|tasks|calls?n=N[&port=P]. usage: churn.py; prints `listening PORT`."""
import asyncio
import http.client
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

AT_A_TIME = 40


def processes(n, _):
    for begin in range(0, n, AT_A_TIME):
        for child in [os.posix_spawn("/bin/true", ["true"], {}) for _ in range(min(AT_A_TIME, n - begin))]:
            os.waitpid(child, 0)


def threads(n, _):
    for begin in range(0, n, AT_A_TIME):
        batch = [threading.Thread(target=threading.Event().wait, args=(0.01,)) for _ in range(min(AT_A_TIME, n - begin))]
        for thread in batch:
            thread.start()
        for thread in batch:
            thread.join()


def tasks(n, _):
    async def all_of_them():
        for begin in range(0, n, AT_A_TIME):
            await asyncio.gather(*(asyncio.sleep(0.02) for _ in range(min(AT_A_TIME, n - begin))))

    asyncio.run(all_of_them())


def calls(n, port):
    for _ in range(n):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/")
        connection.getresponse().read()
        connection.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        query = {name: int(values[0]) for name, values in parse_qs(url.query).items()}
        if url.path != "/":
            {"processes": processes, "threads": threads, "tasks": tasks, "calls": calls}[url.path[1:]](query["n"], query.get("port"))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("listening", server.server_address[1], flush=True)
server.serve_forever()
