# SPDX-License-Identifier: Apache-2.0
# Blocking sockets of which one thread reads before another one has written, and ended its direction. usage: duplex-client.py PORT COUNT; prints `answered A failed F carried C`
import socket
import sys
import threading
import time

port, count = int(sys.argv[1]), int(sys.argv[2])
answered = failed = carried = 0


def write(sock):
    time.sleep(0.005)
    sock.sendall(b"GET /duplex HTTP/1.1\r\nHost: x\r\nx-request-id: d\r\n\r\n")
    sock.shutdown(socket.SHUT_WR)


for _ in range(count):
    sock = socket.create_connection(("127.0.0.1", port))  # no timeout: the descriptor blocks
    writer = threading.Thread(target=write, args=(sock,))
    writer.start()
    try:
        answer = b""
        while data := sock.recv(65536):
            answer += data
        answered += 1
        carried += b'"traceparents":1' in answer.replace(b" ", b"")
    except OSError:
        failed += 1
    writer.join()
    sock.close()
print("answered", answered, "failed", failed, "carried", carried, flush=True)
