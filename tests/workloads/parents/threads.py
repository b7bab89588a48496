# SPDX-License-Identifier: Apache-2.0
# Middle in Python, a thread per connection (ThreadingHTTPServer). Parallel calls: one on the handler's thread, one on a new
# thread, or with PARALLEL=pool on a shared pool's. CROSS=1: sends the traceparent of whatever request came last, as a control:
# that must be found out. See README.md.
import http.client
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LEAVES = [urlsplit(url).netloc for url in os.environ['LEAVES'].split(',')]
KEEPALIVE = os.environ.get('KEEPALIVE') == '1'
CROSS = os.environ.get('CROSS') == '1'
last = None
POOL = ThreadPoolExecutor(int(os.environ.get('THREADS', '16'))) if os.environ.get('PARALLEL') == 'pool' else None
kept = threading.local()


def call(number, wait, ident):
    time.sleep(wait / 1000)
    connections = kept.__dict__.setdefault('connections', {}) if KEEPALIVE else {}
    connection = connections.get(number)
    if connection is None:
        connection = connections[number] = http.client.HTTPConnection(LEAVES[number - 1], timeout=30)
    connection.request('GET', f'/leaf?id={ident}&call={number}', headers={'traceparent': last} if CROSS else {})
    answer = json.loads(connection.getresponse().read())
    if not KEEPALIVE:
        connection.close()
    return answer


def beside(function, *arguments):
    if POOL:
        return POOL.submit(function, *arguments).result
    result = []
    thread = threading.Thread(target=lambda: result.append(function(*arguments)))
    thread.start()

    def wait():
        thread.join()
        return result[0]

    return wait


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        global last
        last = self.headers['traceparent']
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        order, ident = query['order'], query['id']
        first, second = (int(digit) for digit in order[-2:])
        t1, t2 = int(query['t1']), int(query['t2'])
        if order.startswith('p'):
            other = beside(call, second, t2, ident)
            leaves = [call(first, t1, ident), other()]
        else:
            leaves = [call(first, t1, ident), call(second, t2, ident)]
        body = json.dumps({'id': ident, 'leaves': leaves}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


server = Server((os.environ.get('HOST', '127.0.0.1'), int(os.environ.get('PORT', '0'))), Handler)
print(f'listening {server.server_address[1]}', flush=True)
server.serve_forever()
