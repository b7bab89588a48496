# SPDX-License-Identifier: Apache-2.0
# Middle on one event loop: aiohttp as server and client. LOOP=uvloop: with uvloop. Calls that may run in parallel are gathered, or with
# PARALLEL=task awaited one after the other as tasks, to_thread or executor: made with http.client on threads. See ../README.md.
import asyncio
import http.client
import json
import os
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

LEAVES = os.environ['LEAVES'].split(',')
KEEPALIVE = os.environ.get('KEEPALIVE') == '1'
PARALLEL = os.environ.get('PARALLEL', 'gather')
POOL = ThreadPoolExecutor(int(os.environ.get('THREADS', '64')))


async def call(session, number, wait, ident):
    await asyncio.sleep(wait / 1000)
    async with session.get(f'{LEAVES[number - 1]}/leaf?id={ident}&call={number}') as response:
        return json.loads(await response.read())


def blocking_call(number, ident):
    connection = http.client.HTTPConnection(urlsplit(LEAVES[number - 1]).netloc, timeout=30)
    connection.request('GET', f'/leaf?id={ident}&call={number}')
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


async def on_thread(number, wait, ident):
    await asyncio.sleep(wait / 1000)
    if PARALLEL == 'to_thread':
        return await asyncio.to_thread(blocking_call, number, ident)
    return await asyncio.get_running_loop().run_in_executor(POOL, blocking_call, number, ident)


async def parallel(session, first, second):
    if PARALLEL == 'gather':
        return await asyncio.gather(call(session, *first), call(session, *second))
    if PARALLEL == 'task':
        tasks = [asyncio.create_task(call(session, *arguments)) for arguments in (first, second)]
        return [await task for task in tasks]
    return await asyncio.gather(call(session, *first), on_thread(*second))


async def handle(request):
    query = request.query
    order, ident = query['order'], query['id']
    numbers = [int(digit) for digit in order[-2:]]
    first, second = [(number, int(query[f't{index}']), ident) for index, number in enumerate(numbers, 1)]
    session = request.app['session']
    if order.startswith('p'):
        leaves = await parallel(session, first, second)
    else:
        leaves = [await call(session, *first), await call(session, *second)]
    return web.json_response({'id': ident, 'leaves': leaves})


async def main():
    app = web.Application()
    app.router.add_get('/{path:.*}', handle)
    connector = aiohttp.TCPConnector(limit=int(os.environ.get('CONNECTIONS', '20')), force_close=not KEEPALIVE)
    app['session'] = aiohttp.ClientSession(connector=connector)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, os.environ.get('HOST', '127.0.0.1'), int(os.environ.get('PORT', '0')), backlog=1024)
    await site.start()
    print(f'listening {runner.addresses[0][1]}', flush=True)
    await asyncio.Event().wait()


if os.environ.get('LOOP') == 'uvloop':
    import uvloop

    uvloop.install()
asyncio.run(main())
