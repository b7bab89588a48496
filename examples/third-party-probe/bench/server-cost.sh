#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# CPU time of redis-server per command, without obi and with it, in a cgroup of its own on loopback. As root; OBI: how obi is started, if not as `obi`.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
port=16399
cgroup=$(findmnt -nt cgroup2 -o TARGET | head -n1)/obi-redis-cost-$$
mkdir "$cgroup"
obi= log=$(mktemp)
finish() {
  for pid in $obi $server; do kill "$pid" 2>/dev/null && wait "$pid" || true; done
  rm -f "$log"
  rmdir "$cgroup"
}
redis-server --port $port --bind 127.0.0.1 --save '' >/dev/null & server=$!
trap finish EXIT
echo $server >"$cgroup/cgroup.procs"
until redis-cli -p $port ping >/dev/null 2>&1; do sleep 0.1; done

ticks() { awk '{ print $14 + $15 }' /proc/$server/stat; }
round() { # round LABEL COMMANDS PIPELINE
  local before after
  before=$(ticks)
  redis-benchmark -p $port -n "$2" -c 20 -P "$3" -t get -q >/dev/null
  after=$(ticks)
  echo "$1: pipelines of $3: $(((after - before) * 1000000000 / $(getconf CLK_TCK) / $2)) ns per command"
}
rounds() { for _ in 1 2 3; do round "$1" 60000 1; round "$1" 400000 16; done; }

rounds 'without obi'
OTEL_EBPF_BPF_CGROUP_PATH=$cgroup OTEL_EBPF_OPEN_PORT=$port ${OBI:-obi} --plugins "$here" >"$log" 2>&1 & obi=$!
until grep -q 'obi is ready' "$log"; do kill -0 $obi; sleep 0.2; done
rounds 'with obi'
