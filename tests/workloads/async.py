# SPDX-License-Identifier: Apache-2.0
"""HTTP service on asyncio's streams, of the standard library only: all requests on one thread, calls downstream side by side. See README.md for its settings."""
import asyncio
import json
import os
import signal
from urllib.parse import urlsplit

NAME = os.environ.get("NAME", "asyncio")
DOWNSTREAM = [u for u in os.environ.get("DOWNSTREAM", "").split(",") if u]
DELAY = float(os.environ.get("DELAY_MS", "0")) / 1000
PAD = "x" * int(os.environ.get("PAD_BYTES", "0"))
KEEPALIVE = os.environ.get("KEEPALIVE") == "1"

served = 0
idle = {}  # kept connections by downstream


async def read_message(reader):
    """First line, fields (lower case name -> values), body; None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin1").split("\r\n")[:-2]
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.strip().lower(), []).append(value.strip())
    body = await reader.readexactly(int(fields.get("content-length", ["0"])[0]))
    return first, fields, body


async def call(base, path, request_id):
    """GET path from a downstream service; its JSON."""
    host = urlsplit(base).netloc
    kept = idle.setdefault(base, []) if KEEPALIVE else []
    reader, writer = kept.pop() if kept else await asyncio.open_connection(*host.split(":"))
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", f"Connection: {'keep-alive' if KEEPALIVE else 'close'}"]
    if request_id:
        lines.append(f"x-request-id: {request_id}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    first, _, body = await read_message(reader)
    if KEEPALIVE:
        kept.append((reader, writer))
    else:
        writer.close()
    if first.split(" ")[1] != "200":
        raise RuntimeError(f"{base}: {first}")
    return json.loads(body)


async def answer(path, fields):
    global served
    if path == "/health":
        return 200, {"ok": True}
    if path == "/stats":
        return 200, {"served": served}
    served += 1
    seen = fields.get("traceparent", [])
    request_id = fields.get("x-request-id", [None])[0]
    try:
        if DELAY:
            await asyncio.sleep(DELAY)
        downstream = await asyncio.gather(*(call(base, path, request_id) for base in DOWNSTREAM))
    except Exception as error:  # the test reads the reason in the answer
        return 502, {"service": NAME, "error": f"{type(error).__name__}: {error}"}
    return 200, {
        "service": NAME,
        "traceparent": seen[0] if seen else None,
        "traceparents": len(seen),
        "request": request_id,
        "downstream": downstream,
        **({"pad": PAD} if PAD else {}),
    }


async def serve(reader, writer):
    try:
        while message := await read_message(reader):
            first, fields, _ = message
            status, value = await answer(first.split(" ")[1], fields)
            body = json.dumps(value).encode()
            last = fields.get("connection", [""])[0].lower() == "close"
            head = f"HTTP/1.1 {status} {'OK' if status == 200 else 'Bad Gateway'}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            writer.write((head + ("Connection: close\r\n" if last else "") + "\r\n").encode() + body)
            await writer.drain()
            if last:
                break
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "0")), backlog=1024)
    print(f"listening {server.sockets[0].getsockname()[1]}", flush=True)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


asyncio.run(main())
