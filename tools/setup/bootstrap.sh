#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a bare clone to a running demo or test: checks what is needed, installs what is missing, builds, then starts.
# usage: bootstrap.sh demo|test|build [arguments of the demo or the tests]
# Runs before node_modules exist, so it is plain bash; does next to nothing when all is in place. Details go to .cache/setup.log.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
goal=${1:-build}
[ $# -eq 0 ] || shift
case $goal in demo | test | build) ;; *) echo "usage: bootstrap.sh demo|test|build" >&2; exit 2 ;; esac
mkdir -p .cache
log=.cache/setup.log
: >"$log"
started=$SECONDS

say() { printf '%s\n' "obi setup: $*"; }
die() { printf '%s\n' "obi setup: $*" >&2; exit 1; }

# Shows what matters of the failed step's log, without this machine's folders and hosts: lines that name an error, and its end.
log_tail() {
  sed -E 's/\x1b\[[0-9;]*m//g' "$log" | awk '/^== / { n = 0; next }
    /^npm (warn|error  )|^npm error *$/ { next }
    { line[++n] = $0 }
    END {
      for (i = 1; i <= n - 15; i++) if (line[i] ~ /[Ee]rror( TS[0-9]+|\[E[0-9]+\])?:|^npm error [^pwlc]/ && shown++ < 15) print line[i]
      if (n > 15) print "  […]"
      for (i = n > 15 ? n - 14 : 1; i <= n; i++) print line[i]
    }' | sed -E -e "s#$PWD#.#g" -e "s#$HOME#~#g" -e 's#(https?://)[^/ "]+#\1…#g' >&2
}

# step TEXT command…: one line of progress, the command's output in the log, its end shown when it fails.
step() {
  local text=$1 begin=$SECONDS pid code=0 waited=0
  shift
  echo "== $text: $*" >>"$log"
  "$@" >>"$log" 2>&1 </dev/null &
  pid=$!
  if [ -t 1 ]; then
    while kill -0 $pid 2>/dev/null; do
      printf '\robi setup: %s … %d s ' "$text" $((SECONDS - begin))
      sleep 0.5
    done
  else
    say "$text …"
    while kill -0 $pid 2>/dev/null; do
      sleep 0.2
      if [ $((SECONDS - begin)) -ge $((waited + 30)) ]; then waited=$((SECONDS - begin)); say "  $text, $waited s so far"; fi
    done
  fi
  wait $pid || code=$?
  if [ -t 1 ]; then printf '\r\033[K'; fi
  if [ $code -ne 0 ]; then
    log_tail
    die "$text failed with exit code $code; the whole log is .cache/setup.log"
  fi
  say "$text: done in $((SECONDS - begin)) s"
}

has() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]; }

# --- System packages -----------------------------------------------------------------------------------------------------

missing=()
want() { has "$1" || missing+=("$2"); }     # want PROGRAM PACKAGE
want_file() { [ -e "$1" ] || missing+=("$2"); }
want clang clang; want llvm-strip llvm; want bpftool bpftool; want_file /usr/include/bpf/bpf_helpers.h libbpf-dev
# libbpf's own libelf is built from source inside the addon.
want gcc gcc; want make make; want pkg-config pkg-config; want_file /usr/include/stdio.h libc6-dev; want autoconf autoconf; want automake automake
want autopoint autopoint; want msgfmt gettext; want flex flex; want bison bison; want gawk gawk
if [ "$goal" != build ]; then
  want ip iproute2; want setpriv util-linux; want_file /usr/bin/python3 python3
fi
if [ "$goal" = test ]; then
  want qemu-system-x86_64 qemu-system-x86; want depmod kmod; want nginx nginx-light; want ruby ruby; want redis-server redis-server
  /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
fi

install_packages() {
  export DEBIAN_FRONTEND=noninteractive
  local policy=/usr/sbin/policy-rc.d own=0 code=0
  # Packages that bring a service (nginx) must not start it.
  if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; own=1; fi
  apt-get install -y --no-install-recommends "$@" || { apt-get update && apt-get install -y --no-install-recommends "$@"; } || code=$?
  [ $own = 0 ] || rm -f $policy
  return $code
}

if [ ${#missing[@]} -gt 0 ]; then
  if ! has apt-get; then
    die "please install what these Debian packages hold, and run this again: ${missing[*]}"
  elif [ "$(id -u)" != 0 ]; then
    die "please run: sudo apt-get install --no-install-recommends ${missing[*]}"
  fi
  compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null || step "reading the package lists" apt-get update
  step "installing with apt: ${missing[*]}" install_packages "${missing[@]}"
fi

# --- Rust and Node -------------------------------------------------------------------------------------------------------

at_least() { printf '%s\n%s\n' "$2" "$1" | sort -V -C; } # at_least HAVE NEED

has cargo || PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
has cargo || die "Rust 1.88 or newer is missing (the native addon is written in it): install it with rustup, see https://rustup.rs"
rust=$(rustc --version | awk '{print $2}')
at_least "$rust" 1.88 || die "Rust $rust is too old, 1.88 or newer is needed: rustup update"
has node && has npm || die "Node.js 20.19 or newer with npm is missing, see https://nodejs.org"
node=$(node --version)
at_least "${node#v}" 20.19 || die "Node.js $node is too old, 20.19 or newer is needed (the project brings its own Node 24, but npm runs on yours)"

# Succeeds when node_modules holds what package-lock.json names; optional packages of other platforms do not count.
dependencies_in_place() {
  [ -x node_modules/node/bin/node ] && node -e '
    const { readFileSync } = require("node:fs");
    const packages = (file) => JSON.parse(readFileSync(file, "utf8")).packages;
    const have = packages("node_modules/.package-lock.json");
    const lacks = Object.entries(packages("package-lock.json")).filter(([path, want]) =>
      path.includes("node_modules/") && !want.optional && !want.extraneous && !(have[path] && (want.link || have[path].version === want.version)));
    process.exit(lacks.length ? 1 : 0);' 2>>"$log"
}
if ! dependencies_in_place; then
  # Not `npm ci`: that refuses a lock file without the optional packages of other platforms, which some registries do not carry.
  # --no-save keeps to the locked versions and leaves the lock file alone; the check after it is as strict as npm ci's.
  step "installing npm packages" npm install --no-save --no-audit --no-fund
  dependencies_in_place || { log_tail; die "npm install ended well, but node_modules is not what package-lock.json says"; }
fi
export PATH=$PWD/node_modules/node/bin:$PATH NX_DAEMON=false NX_NO_CLOUD=true NX_TUI=false

# --- Build ---------------------------------------------------------------------------------------------------------------

# Nx knows best what to build, but takes seconds to find out that it is nothing: ask only when a source is newer than the last build.
stamp=.cache/built
built() {
  [ -e $stamp ] || return 1
  while IFS= read -r folder; do [ -d "$folder" ] || return 1; done <$stamp
  [ -z "$(find package.json package-lock.json nx.json tsconfig.base.json bpf packages examples tools/nx-obi.mjs \
    \( -name node_modules -o -name dist -o -name target -o -name .cache \) -prune -o -newer $stamp -print -quit 2>/dev/null)" ]
}
if ! built; then
  step "building" npx nx run-many -t build --outputStyle=static
  ls -d bpf/dist packages/*/dist 2>/dev/null >$stamp || true
fi

[ $((SECONDS - started)) -lt 5 ] || say "ready after $((SECONDS - started)) s"
case $goal in
  demo) exec node demo/run.mjs "$@" ;;
  test) exec node tests/run.mjs "$@" ;;
esac
