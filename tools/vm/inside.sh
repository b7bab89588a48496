# SPDX-License-Identifier: Apache-2.0
# Sourced inside the virtual machine by run.sh: mounts what a normal system has mounted, and puts Node into memory.
# usage: . inside.sh NODE_BINARY REPOSITORY

mkdir -p /run/obi/bin
ip link set lo up
mount_once() { # TYPE FOLDER
  grep -q " $2 $1 " /proc/self/mounts || mount -t "$1" "$1" "$2" || echo "vm: cannot mount $1 on $2"
}
# A cgroup2 mount is wanted at its usual place; virtme's init may have put v1 controllers there.
grep -q ' cgroup2 ' /proc/self/mounts || mount -t cgroup2 cgroup2 /sys/fs/cgroup || { mount -t tmpfs tmpfs /sys/fs/cgroup && mkdir -p /sys/fs/cgroup/unified && mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified; }
mount_once bpf /sys/fs/bpf
mount_once tracefs /sys/kernel/tracing
mount_once securityfs /sys/kernel/security
# virtme's 9p mounts cache nothing; programs are read through a second, cached mount of the same files (10 times faster).
mkdir -p /run/obi/host /run/obi/shared
mount --bind "$OBI_VM_DIR" /run/obi/shared # below a folder that gets covered
if mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose obi_cached /run/obi/host; then
  for folder in /usr /opt "$HOME" "$2"; do
    [ ! -d "/run/obi/host$folder" ] || mount --bind "/run/obi/host$folder" "$folder"
  done
  mount --bind /run/obi/shared "$OBI_VM_DIR"
fi
ulimit -l unlimited
# Paging a 100 MB binary in through 9p takes half a minute; one sequential copy takes a second.
[ -z "$1" ] || cp "$1" /run/obi/bin/node
export PATH=/run/obi/bin:$PATH
