# SPDX-License-Identifier: Apache-2.0
# Python's http.client, one connection. usage: python3 keepalive.py PORT   prints what was answered
import http.client, sys

connection = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]))
for _ in range(5):
    for method, body in (('GET', None), ('POST', b'hello'), ('PUT', iter([b'a', b'b' * 100_000])), ('HEAD', None)):
        connection.request(method, '/x?size=2000', body, encode_chunked=body is not None and method == 'PUT', headers={'Transfer-Encoding': 'chunked'} if method == 'PUT' else {})
        response = connection.getresponse()
        print(response.status, response.read()[:80])
