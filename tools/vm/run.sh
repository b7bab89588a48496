#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command in a virtual machine with one of Debian's kernels: this machine's files (read-only, through 9p), another kernel.
# The command runs as root in the current folder, with this environment; its output and exit code come back.
# usage: run.sh 6.1|6.12 [--limit SECONDS] [--memory 3G] [--cpus 2] -- command…
#   Inside, $OBI_VM_DIR is a folder shared with the host for results, $OBI_VM the kernel series.
#   HOST=$OBI_VM_DIR from the caller: a folder of the caller's choice is used (and kept).
# exit: the command's; 3 when no VM can run here (the reason is on stderr); 124 when the time limit ended it
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/obi
series=${1:?usage: run.sh SERIES [--limit SECONDS] -- command…}
shift
limit=900 memory=3G cpus=2
while [ $# -gt 0 ]; do
  case $1 in
    --limit) limit=$2; shift 2 ;;
    --memory) memory=$2; shift 2 ;;
    --cpus) cpus=$2; shift 2 ;;
    --) shift; break ;;
    *) echo "run.sh: unknown option $1" >&2; exit 2 ;;
  esac
done
[ $# -gt 0 ] || { echo "run.sh: no command after --" >&2; exit 2; }

cannot() { echo "vm $series: $1" >&2; exit 3; }

[ "$(id -u)" = 0 ] || cannot "needs root"
command -v qemu-system-x86_64 >/dev/null || cannot "qemu-system-x86_64 is missing (Debian package qemu-system-x86)"
read -r kernel_dir version < <("$here/kernels.sh" "$series") || exit 3
[ -n "${version:-}" ] || exit 3

vng_dir=$cache/virtme-ng-1.42
if [ ! -e "$vng_dir/complete" ]; then
  python=/usr/bin/python3
  [ -x $python ] || python=$(command -v python3) || cannot "python3 is missing"
  mkdir -p "$cache"
  echo "vm: installing virtme-ng 1.42, once" >&2
  { rm -rf "$vng_dir" && $python -m venv "$vng_dir" && "$vng_dir/bin/pip" install -q virtme-ng==1.42; } >"$cache/virtme-ng.log" 2>&1 9>&- ||
    { tail -n 5 "$cache/virtme-ng.log" >&2; cannot "virtme-ng cannot be installed (python3-venv and a Python package index are needed)"; }
  touch "$vng_dir/complete"
fi

# virtme-ng's initramfs (Debian builds 9p as a module) wants a static busybox.
busybox=$cache/busybox-static/bin/busybox
if [ ! -x "$busybox" ]; then
  mkdir -p "$cache/busybox-static"
  (cd "$cache/busybox-static" && apt-get download -qq busybox-static && dpkg -x busybox-static_*.deb . && rm -f busybox-static_*.deb) \
    >"$cache/busybox.log" 2>&1 || { tail -n 5 "$cache/busybox.log" >&2; cannot "busybox-static cannot be downloaded with apt"; }
fi

kept=${OBI_VM_DIR:-}
dir=${kept:-$(mktemp -d "$cache/vm.XXXXXX")}
vm=
finish() {
  # timeout(1) leads a process group of its own: it, vng and qemu end together.
  [ -z "$vm" ] || kill -TERM -- "-$vm" 2>/dev/null || true
  [ -z "$tailer" ] || kill "$tailer" 2>/dev/null || true
  [ -n "$kept" ] || rm -rf "$dir"
}
tailer=
trap finish EXIT
trap 'exit 130' INT TERM

rm -f "$dir/rc" "$dir/started"
: >"$dir/output"
printf '%q ' "$@" >"$dir/command"
# bash's own and the session's variables stay out; the rest goes along.
export -p | grep -vE '^declare -[a-z]*[ri]|^declare -x (PWD|OLDPWD|SHLVL|HOME|USER|TMPDIR|_)=' >"$dir/environment" || true
node_bin=$repo/node_modules/node/bin/node
[ -x "$node_bin" ] || node_bin=$(command -v node || true)

cat >"$dir/inside.sh" <<INSIDE
exec >>'$dir/output' 2>&1 </dev/null
touch '$dir/started'
. '$dir/environment'
export HOME='$HOME' TMPDIR=/tmp OBI_VM='$series' OBI_VM_DIR='$dir'
. '$here/inside.sh' '$node_bin' '$repo'
cd '$PWD' && ( $(cat "$dir/command") )
echo \$? >'$dir/rc'
sync
INSIDE

# setsid: a group of its own that can be ended as a whole, by its number.
PATH=$vng_dir/bin:$PATH setsid timeout --foreground -k 10 "$limit" "$vng_dir/bin/vng" --run "$kernel_dir/boot/vmlinuz-$version" \
  --disable-kvm --force-9p --verbose --user root --memory "$memory" --cpus "$cpus" --rwdir "$dir" --busybox "$busybox" \
  --qemu-opts="-virtfs local,path=/,mount_tag=obi_cached,security_model=none,readonly=on,multidevs=remap" \
  -- "bash '$dir/inside.sh'" >"$dir/console" 2>&1 </dev/null &
vm=$!
tail -n +1 -f --pid="$vm" "$dir/output" &
tailer=$!
code=0
wait "$vm" || code=$?
vm_group=$vm
vm=
wait "$tailer" 2>/dev/null || true
tailer=
kill -KILL -- "-$vm_group" 2>/dev/null || true

if [ -e "$dir/rc" ]; then exit "$(cat "$dir/rc")"; fi
if [ "$code" = 124 ]; then echo "vm $series: ended after $limit s" >&2; exit 124; fi
tail -n 15 "$dir/console" >&2
[ -e "$dir/started" ] && { echo "vm $series: the machine stopped while the command ran (console above)" >&2; exit 1; }
cannot "kernel $version did not boot (console above)"
