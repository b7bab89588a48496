# SPDX-License-Identifier: Apache-2.0
# One service of the benchmark's chain for Python's asyncio. NEXT=URL: waits t1 ms, asks the next one, and answers as a middle of
# tests/workloads/parents/README.md does. Without NEXT: the last one, a leaf. MODE=aiohttp: server and client; MODE=uvicorn: FastAPI and httpx.
# LOOP=uvloop: not asyncio's own loop.
import asyncio
import json
import os
import socket

NEXT = os.environ.get('NEXT')
MODE = os.environ.get('MODE', 'aiohttp')
LOOP = os.environ.get('LOOP', 'asyncio')


async def answer(ident, call, wait, seen, ask):
    if NEXT:
        await asyncio.sleep(wait / 1000)
        return {'id': ident, 'leaves': [json.loads(await ask(f'{NEXT}/leaf?id={ident}&call=1'))]}
    return {'id': ident, 'call': call, 'traceparent': seen[0] if seen else None, 'traceparents': len(seen)}


def listen():
    listener = socket.create_server(('127.0.0.1', 0), backlog=1024)
    print(f'listening {listener.getsockname()[1]}', flush=True)
    return listener


async def serve_aiohttp():
    import aiohttp
    from aiohttp import web

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def ask(url):
        async with session.get(url) as response:
            return await response.read()

    async def handle(request):
        query = request.query
        seen = request.headers.getall('traceparent', [])
        result = await answer(query['id'], int(query.get('call', 0)), int(query.get('t1', 0)), seen, ask)
        return web.json_response(result)

    app = web.Application()
    app.router.add_get('/{path:.*}', handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, listen()).start()
    await asyncio.Event().wait()


def serve_uvicorn():
    import httpx
    import uvicorn
    from fastapi import FastAPI, Request

    app = FastAPI()
    client = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=100), timeout=30, trust_env=False)

    async def ask(url):
        return (await client.get(url)).content

    @app.get('/{path:path}')
    async def handle(request: Request, id: str, call: int = 0, t1: int = 0):
        return await answer(id, call, t1, request.headers.getlist('traceparent'), ask)

    config = uvicorn.Config(app, loop=LOOP, log_level='error', backlog=1024, timeout_keep_alive=60)
    uvicorn.Server(config).run(sockets=[listen()])


if MODE == 'uvicorn':
    serve_uvicorn()
elif LOOP == 'uvloop':
    import uvloop

    uvloop.run(serve_aiohttp())
else:
    asyncio.run(serve_aiohttp())
