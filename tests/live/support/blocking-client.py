# SPDX-License-Identifier: Apache-2.0
# One request on a blocking socket, and what its waiting read meets. usage: blocking-client.py PORT; prints what the read answered
import socket
import sys

sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))  # no timeout: the descriptor blocks
sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
try:
    print("read", sock.recv(100))
except OSError as error:
    print("read", type(error).__name__)
