#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches Debian's newest signed kernel image of a series and unpacks it into a cache outside the tree; prints "DIRECTORY VERSION".
# Nothing is installed on this machine.
# usage: kernels.sh 6.1|6.12|…     FLAVOUR=cloud for Debian's smaller cloud kernels (default: the generic one)
# exit: 0 there, 3 cannot be had here (the reason is on stderr)
set -euo pipefail
series=${1:?usage: kernels.sh SERIES, for example 6.12}
flavour=${FLAVOUR:-}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/obi/kernels

cannot() { echo "kernel $series: $1" >&2; exit 3; }

# A kernel that is in the cache is good enough: tests must not change under a developer because a newer one came out.
kept=$(readlink "$cache/$series${flavour:+-$flavour}" 2>/dev/null || true)
if [ -n "$kept" ] && [ -e "$cache/$kept/complete" ]; then echo "$cache/$kept $kept"; exit 0; fi

for tool in apt-get apt-cache dpkg depmod; do
  command -v $tool >/dev/null || cannot "$tool is missing (Debian packages apt, dpkg, kmod)"
done
[ "$(dpkg --print-architecture)" = amd64 ] || cannot "only x86-64 is supported so far"

# Bookworm names are linux-image-6.1.0-56-amd64, backports linux-image-6.12.117+deb12-amd64.
newest() {
  apt-cache pkgnames "linux-image-$series." |
    grep -E "^linux-image-${series//./\\.}\.[0-9]+[-+~.a-z0-9]*-${flavour:+$flavour-}amd64$" |
    { if [ -z "$flavour" ]; then grep -vE -- '-(cloud|rt)-amd64$'; else cat; fi; } | sort -V | tail -n 1
}
package=$(newest || true)
if [ -z "$package" ] && [ "$(id -u)" = 0 ]; then
  apt-get update -qq >/dev/null 2>&1 || true
  package=$(newest || true)
fi
[ -n "$package" ] || cannot "apt knows no linux-image-$series package; add the Debian suite that has it (6.1: bookworm, 6.12: bookworm-backports or trixie)"
version=${package#linux-image-}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ ! -e "$cache/$version/complete" ]; then
  echo "kernel $series: fetching $package" >&2
  work=$(mktemp -d "$cache/tmp.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  chmod 755 "$work" # apt's download user must be able to enter
  (cd "$work" && apt-get download -qq "$package" >download.log 2>&1) || { tail -n 5 "$work/download.log" >&2; cannot "cannot download $package"; }
  dpkg -x "$work"/linux-image-*.deb "$work/root"
  # Debian's usr-merged packages carry modules in usr/lib/modules; depmod and virtme-ng look in lib/modules.
  if [ ! -d "$work/root/lib/modules" ]; then mkdir -p "$work/root/lib"; mv "$work/root/usr/lib/modules" "$work/root/lib/modules"; fi
  depmod -b "$work/root" "$version"
  rm -rf "${cache:?}/$version"
  mv "$work/root" "$cache/$version"
  touch "$cache/$version/complete"
fi
ln -sfn "$version" "$cache/$series${flavour:+-$flavour}"
echo "$cache/$version $version"
