# SPDX-License-Identifier: Apache-2.0
"""Client whose connections end in every way but the polite one. usage: abrupt.py PORT ROUNDS; prints how many connections it made."""
import http.client
import socket
import struct
import sys
import threading
import time

port, rounds = int(sys.argv[1]), int(sys.argv[2])
made = 0
lock = threading.Lock()


def connect():
    global made
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    with lock:
        made += 1
    return connection


def request(path, extra=""):
    return f"GET /{path} HTTP/1.1\r\nHost: h\r\n{extra}\r\n".encode()


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_some(connection):
    try:
        return connection.recv(65536)
    except OSError:
        return b""


def reset_at_once():
    connection = connect()
    connection.sendall(request("reset"))
    reset(connection)


def reset_in_the_middle():
    connection = connect()
    connection.sendall(request("reset-late"))
    time.sleep(0.02)
    reset(connection)


def reset_in_a_header():
    connection = connect()
    connection.sendall(b"GET /half HTTP/1.1\r\nHo")
    time.sleep(0.01)
    reset(connection)


def reset_after_the_answer():
    connection = connect()
    connection.sendall(request("answered"))
    read_some(connection)
    reset(connection)


def reset_in_a_body():
    connection = connect()
    connection.sendall(b"POST /body HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\nabc")
    time.sleep(0.01)
    reset(connection)


def half_close():
    connection = connect()
    connection.sendall(request("half-close"))
    connection.shutdown(socket.SHUT_WR)
    while read_some(connection):
        pass
    connection.close()


def half_close_and_gone():
    connection = connect()
    connection.sendall(request("half-close-gone"))
    connection.shutdown(socket.SHUT_WR)
    connection.close()


def pipelined():
    connection = connect()
    connection.sendall(b"".join(request(f"pipelined-{n}") for n in range(6)))
    read_some(connection)
    connection.close()


def pipelined_and_reset():
    connection = connect()
    connection.sendall(b"".join(request(f"pipelined-reset-{n}") for n in range(6)))
    time.sleep(0.03)
    reset(connection)


def nothing_sent():
    connect().close()


def polite():
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        for n in range(3):
            connection.request("GET", f"/polite-{n}")
            connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        pass  # its server may be killed meanwhile
    connection.close()


WAYS = [reset_at_once, reset_in_the_middle, reset_in_a_header, reset_after_the_answer, reset_in_a_body, half_close, half_close_and_gone, pipelined,
        pipelined_and_reset, nothing_sent, polite]


def run(way):
    try:
        for _ in range(rounds):
            way()
    except OSError:
        pass  # refused: the server was killed


threads = [threading.Thread(target=run, args=(way,)) for way in WAYS]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"connections {made}", flush=True)
# With connections left open, and requests unanswered.
try:
    held = [connect() for _ in range(4)]
    for connection in held:
        connection.sendall(request("held"))
except OSError:
    pass
