# SPDX-License-Identifier: Apache-2.0
"""Connections that are reset at about the time at which what came before is read.

usage: resets.py ask PORT CONNECTIONS   sends a request each, and resets; every tenth after the answer. Prints how many it made.
       resets.py answer                 prints its port; answers a request for each connection, and resets.
       resets.py get PORT CONNECTIONS   asks politely. Prints how many answers it read.
"""
import random
import socket
import struct
import sys
import threading
import time

THREADS = 2
REQUEST = b"GET /reset HTTP/1.1\r\nHost: h\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def reset(connection):
    for _ in range(random.randrange(400)):
        pass  # some microseconds
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def ask(port, number):
    connection = connect(port)
    time.sleep(0.0005)  # for it to be accepted
    connection.sendall(REQUEST)
    if number % 10 == 0:
        connection.recv(65536)
    reset(connection)
    return 1


def get(port, _number):
    with connect(port) as connection:
        connection.sendall(REQUEST)
        try:
            return 1 if connection.recv(65536) else 0
        except ConnectionResetError:
            return 0


def answer():
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(f"listening {listener.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.recv(65536)
        connection.sendall(ANSWER)
        reset(connection)


def repeat(what, port, wanted):
    done = [0] * THREADS

    def run(thread):
        for number in range(wanted // THREADS):
            done[thread] += what(port, number)

    threads = [threading.Thread(target=run, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done)


if sys.argv[1] == "answer":
    answer()
print(f"connections {repeat({'ask': ask, 'get': get}[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3]))}", flush=True)
sys.stdin.read()  # a traced process that has ended holds nothing
