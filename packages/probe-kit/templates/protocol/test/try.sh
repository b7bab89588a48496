#!/bin/bash
# Traces one server and one client of the protocol, in a cgroup of their own. As root; OBI: how obi is started, if not as `obi`.
# usage: test/try.sh [propagation]          any value of OTEL_EBPF_BPF_CONTEXT_PROPAGATION
# More arguments go to obi:                 test/try.sh all record --out test/exchanges.json
set -eu
cgroup=$(findmnt -nt cgroup2 -o TARGET | head -n1)/obi-parrot-$$
mkdir "$cgroup"
export OTEL_EBPF_BPF_CGROUP_PATH=$cgroup OTEL_EBPF_BPF_CONTEXT_PROPAGATION=${1:-disabled}
export OTEL_EBPF_TRACE_PRINTER=${OTEL_EBPF_TRACE_PRINTER:-text} OTEL_EBPF_OPEN_PORT=7777
shift || true
log=$(mktemp)
obi= server=
finish() {
  for pid in $server $obi; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
  cat "$log"
  rm -f "$log"
  rmdir "$cgroup"
}
trap finish EXIT
${OBI:-obi} --plugins . "$@" >"$log" 2>&1 & obi=$!
until grep -q 'obi is ready' "$log"; do kill -0 $obi; sleep 0.2; done
in_cgroup() { sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$cgroup" "$@"; }
# The server is its own client too, so that both are traced by one port.
in_cgroup python3 -c '
import socket, threading
listener = socket.create_server(("127.0.0.1", 7777))
def serve():
    connection, _ = listener.accept()
    lines = connection.makefile("rw")
    for line in lines:
        lines.write(line.upper())
        lines.flush()
import time
time.sleep(1)  # obi has seen that it listens
threading.Thread(target=serve).start()
connection = socket.create_connection(("127.0.0.1", 7777))
lines = connection.makefile("rw")
for line in ("PARROT", "one", "two"):
    lines.write(line + "\n")
    lines.flush()
    assert lines.readline() == line.upper() + "\n"
lines.close()
connection.close()' & server=$!
wait $server
sleep 1
