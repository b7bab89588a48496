# SPDX-License-Identifier: Apache-2.0
# Reads one request, lets its sender wait for half a second, and resets the connection. Prints `carried N`: traceparent fields in the request.
import socket
import struct
import time

listener = socket.create_server(("127.0.0.1", 0))
print("listening", listener.getsockname()[1], flush=True)
sock, _ = listener.accept()
request = b""
while b"\r\n\r\n" not in request:
    request += sock.recv(65536)
print("carried", request.count(b"traceparent:"), flush=True)
time.sleep(0.5)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
sock.close()
