# SPDX-License-Identifier: Apache-2.0
# Middle under uvicorn: FastAPI and httpx. LOOP=asyncio or uvloop, HTTP=h11 or httptools; HANDLER=sync: an ordinary function, which FastAPI runs on threads,
# with requests. See ../README.md.
import asyncio
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import requests
import uvicorn
from fastapi import FastAPI

LEAVES = os.environ['LEAVES'].split(',')
KEEPALIVE = os.environ.get('KEEPALIVE') == '1'
POOL = ThreadPoolExecutor(64)
app = FastAPI()
limits = httpx.Limits(max_connections=20, max_keepalive_connections=20 if KEEPALIVE else 0)
client = httpx.AsyncClient(limits=limits, timeout=30, trust_env=False)


def url(number, ident):
    return f'{LEAVES[number - 1]}/leaf?id={ident}&call={number}'


async def call(number, wait, ident):
    await asyncio.sleep(wait / 1000)
    return (await client.get(url(number, ident))).json()


def blocking_call(number, wait, ident):
    time.sleep(wait / 1000)
    return requests.get(url(number, ident), timeout=30).json()


async def answer(id: str, order: str, t1: int, t2: int):
    first, second = [(int(digit), wait, id) for digit, wait in zip(order[-2:], (t1, t2))]
    if order.startswith('p'):
        return {'id': id, 'leaves': await asyncio.gather(call(*first), call(*second))}
    return {'id': id, 'leaves': [await call(*first), await call(*second)]}


def blocking_answer(id: str, order: str, t1: int, t2: int):
    first, second = [(int(digit), wait, id) for digit, wait in zip(order[-2:], (t1, t2))]
    if order.startswith('p'):
        return {'id': id, 'leaves': list(POOL.map(blocking_call, *zip(first, second)))}
    return {'id': id, 'leaves': [blocking_call(*first), blocking_call(*second)]}


app.get('/{path:path}')(blocking_answer if os.environ.get('HANDLER') == 'sync' else answer)

listener = socket.create_server((os.environ.get('HOST', '127.0.0.1'), int(os.environ.get('PORT', '0'))), backlog=1024)
config = uvicorn.Config(app, loop=os.environ.get('LOOP', 'asyncio'), http=os.environ.get('HTTP', 'auto'), log_level='error', backlog=1024)
print(f'listening {listener.getsockname()[1]}', flush=True)
uvicorn.Server(config).run(sockets=[listener])
