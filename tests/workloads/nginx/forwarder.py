# SPDX-License-Identifier: Apache-2.0
# A service that hands its caller's traceparent on in every way that sockets allow. usage: forwarder.py PORT    PORT: where a recording server listens
# (tests/workloads/raw/server.py). GET /<case>?folder=F plays that case in the request's own thread and answers once it is over. Files F/0 … : what each
# connection has sent. The answer is JSON; expected: for each field that was sent, in their order, whether its span id may become another (null: either).
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from handed_on import CASES, Play
import handed_on_sockets  # its cases too


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def do_GET(self):
        url = urlsplit(self.path)
        play, error = Play(self.headers['traceparent'].encode()), None
        try:
            CASES[url.path[1:]](play)
            for connection in play.made:
                connection.finish()
        except Exception as problem:
            error = repr(problem)
        folder = parse_qs(url.query)['folder'][0]
        for n, record in enumerate(play.sent):
            with open(os.path.join(folder, str(n)), 'wb') as file:
                file.write(record)
        answer = json.dumps({'connections': len(play.sent), 'expected': play.expected, 'error': error}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
print('cases', json.dumps(list(CASES)), flush=True)
print('listening', server.server_address[1], flush=True)
server.serve_forever()
