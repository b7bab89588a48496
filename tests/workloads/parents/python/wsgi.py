# SPDX-License-Identifier: Apache-2.0
# Middle under gunicorn: python -m gunicorn -c wsgi.py wsgi:application. WORKER=sync or gthread, WORKERS, THREADS. Blocking calls with requests; in
# parallel on a pool's threads, or with PARALLEL=thread on new ones. See ../README.md.
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import requests

LEAVES = os.environ['LEAVES'].split(',')
KEEPALIVE = os.environ.get('KEEPALIVE') == '1'

bind = [f"{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '0')}"]
worker_class = os.environ.get('WORKER', 'sync')
workers = int(os.environ.get('WORKERS', '4'))
threads = int(os.environ.get('THREADS', '16')) if worker_class == 'gthread' else 1
backlog = 1024
keepalive = 60
loglevel = 'error'

pool = None


def when_ready(server):
    print(f'listening {server.LISTENERS[0].sock.getsockname()[1]}', flush=True)


def call(number, wait, ident):
    time.sleep(wait / 1000)
    headers = {} if KEEPALIVE else {'connection': 'close'}
    return requests.get(f'{LEAVES[number - 1]}/leaf?id={ident}&call={number}', headers=headers, timeout=30).json()


def beside(function, *arguments):
    global pool
    if os.environ.get('PARALLEL') == 'thread':
        result = []
        thread = threading.Thread(target=lambda: result.append(function(*arguments)))
        thread.start()
        return lambda: thread.join() or result[0]
    if pool is None:
        # Each worker process its own, at its first use: so some of its threads are started by requests.
        pool = ThreadPoolExecutor(16)
    return pool.submit(function, *arguments).result


def application(environ, start_response):
    query = {key: values[0] for key, values in parse_qs(environ['QUERY_STRING']).items()}
    order, ident = query['order'], query['id']
    first, second = [(int(digit), int(query[f't{index}']), ident) for index, digit in enumerate(order[-2:], 1)]
    if order.startswith('p'):
        other = beside(call, *second)
        leaves = [call(*first), other()]
    else:
        leaves = [call(*first), call(*second)]
    body = json.dumps({'id': ident, 'leaves': leaves}).encode()
    start_response('200 OK', [('content-type', 'application/json'), ('content-length', str(len(body)))])
    return [body]
