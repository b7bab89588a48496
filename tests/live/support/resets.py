# SPDX-License-Identifier: Apache-2.0
"""Client that resets each connection at about the time at which its request is read. usage: resets.py PORT CONNECTIONS; prints how many it made."""
import random
import socket
import struct
import sys
import threading
import time

THREADS = 2
port, wanted = int(sys.argv[1]), int(sys.argv[2])
made = [0] * THREADS


def run(thread):
    for _ in range(wanted // THREADS):
        connection = socket.create_connection(("127.0.0.1", port), timeout=20)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(0.0005)  # for it to be accepted
        connection.sendall(b"GET /reset HTTP/1.1\r\nHost: h\r\n\r\n")
        for _ in range(random.randrange(400)):
            pass  # some microseconds
        connection.close()
        made[thread] += 1


threads = [threading.Thread(target=run, args=(thread,)) for thread in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(f"connections {sum(made)}", flush=True)
