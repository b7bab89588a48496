# SPDX-License-Identifier: Apache-2.0
# Speaks to server.py through plain sockets, as wildly as HTTP/1 allows. usage: client.py PORT    Each line on stdin names a case (or `pressure SEED COUNT FOLDER`);
# the answer is one line of JSON: what each connection of the case read until its end, and the errors.
import base64, json, os, sys
import cases, pressure, probes
from wire import Connection

os.chdir(os.path.dirname(os.path.abspath(__file__)))
port = int(sys.argv[1])
print('cases', json.dumps(list(cases.CASES)), flush=True)
for line in sys.stdin:
    name, *args = line.split()
    made, errors, extra = [], [], None

    def dial(**options):
        made.append(Connection(port, **options))
        return made[-1]

    try:
        if name == 'pressure':
            extra = pressure.run(dial, *args)
        else:
            extra = (cases.CASES.get(name) or getattr(probes, name))(dial)
    except Exception as error:
        errors.append(repr(error))
    for connection in made:
        try:
            connection.finish()
        except OSError as error:
            errors.append(repr(error))
    answers = [] if name == 'pressure' else [base64.b64encode(c.answers).decode() for c in made]
    print('done', json.dumps({'connections': len(made), 'answers': answers, 'errors': errors, 'extra': extra}), flush=True)
