# SPDX-License-Identifier: Apache-2.0
# Middle in Python, a thread per connection, whose calls are made elsewhere. Which of the calls can be known, depends on HAND, see ../README.md:
#   pool        a multiprocessing ThreadPool: known                loop       coroutines on one event loop thread, from the handlers' threads: known
#   tokens      on a pool's threads, each with a token from a SimpleQueue that all requests share: known, a bare object is no work
#   shared      the same with something in the token: whose work is done after it was taken cannot be told: unknown, at least sometimes
#   same        threads take the same object from a SimpleQueue again and again, and the work from a list: unknown
#   worker      a thread that takes work from a queue.Queue, started by the first request: unknown
import asyncio
import http.client
import json
import os
import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.pool import ThreadPool
from urllib.parse import parse_qs, urlsplit

LEAVES = [urlsplit(url).netloc for url in os.environ['LEAVES'].split(',')]
HAND = os.environ['HAND']


def call(number, wait, ident):
    time.sleep(wait / 1000)
    connection = http.client.HTTPConnection(LEAVES[number - 1], timeout=30)
    connection.request('GET', f'/leaf?id={ident}&call={number}')
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


tokens = queue.SimpleQueue()
for token in range(8):
    tokens.put(object() if HAND == 'tokens' else {'number': token})


def call_with_token(*arguments):
    token = tokens.get()
    try:
        return call(*arguments)
    finally:
        tokens.put(token)


class Worker:
    """Threads that run what they find in a queue; started when they are first needed."""

    def __init__(self, source, wake, next_job):
        self.lock, self.threads = threading.Lock(), []
        self.source, self.wake, self.next_job = source, wake, next_job

    def submit(self, function, *arguments):
        future = Future()
        self.wake((future, function, arguments))
        with self.lock:
            if len(self.threads) < 8:
                thread = threading.Thread(target=self.run, daemon=True)
                self.threads.append(thread)
                thread.start()
        return future

    def run(self):
        while True:
            future, function, arguments = self.next_job()
            future.set_result(function(*arguments))


jobs, bell, plain = [], queue.SimpleQueue(), queue.Queue()


def ring(job):
    jobs.append(job)
    bell.put('work')


def rung():
    bell.get()
    return jobs.pop()


executor, thread_pool = ThreadPoolExecutor(16), ThreadPool(16)
same, worker = Worker(bell, ring, rung), Worker(plain, plain.put, plain.get)
loop = None
if HAND == 'loop':
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()


async def raw_call(number, wait, ident):
    await asyncio.sleep(wait / 1000)
    host, _, port = LEAVES[number - 1].partition(':')
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f'GET /leaf?id={ident}&call={number} HTTP/1.1\r\nhost: leaf\r\nconnection: close\r\n\r\n'.encode())
    body = await reader.read()
    writer.close()
    return json.loads(body.partition(b'\r\n\r\n')[2])


START = {
    'pool': lambda *work: thread_pool.apply_async(call, work).get,
    'loop': lambda *work: asyncio.run_coroutine_threadsafe(raw_call(*work), loop).result,
    'tokens': lambda *work: executor.submit(call_with_token, *work).result,
    'shared': lambda *work: executor.submit(call_with_token, *work).result,
    'same': lambda *work: same.submit(call, *work).result,
    'worker': lambda *work: worker.submit(call, *work).result,
}[HAND]


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        query = {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}
        order, ident = query['order'], query['id']
        first, second = [(int(digit), int(query[f't{index}']), ident) for index, digit in enumerate(order[-2:], 1)]
        if order.startswith('p'):
            results = [START(*first), START(*second)]
            leaves = [result() for result in results]
        else:
            leaves = [START(*first)(), START(*second)()]
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
