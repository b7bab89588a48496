#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the OpenTelemetry Collector for tests into a cache outside the tree (once per configuration) and prints the binary's path.
# usage: build.sh [--cached]     --cached: print the path when it is built already, else exit 3 at once
# exit: 0 built, 3 cannot be built here (the reason is on stderr)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
config=$here/builder-config.yaml
version=$(sed -n 's/^  version: //p' "$config")
hash=$(cd "$here" && cat builder-config.yaml stubs/*/go.mod stubs/*/stub.go | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/obi
dir=$cache/otelcol-$version-$hash
binary=$dir/dist/otelcol

cannot() { echo "collector: $1" >&2; exit 3; }

if [ -x "$binary" ] && [ -e "$dir/complete" ]; then echo "$binary"; exit 0; fi
[ "${1:-}" != --cached ] || cannot "not built yet; run tools/collector/build.sh (3 to 4 minutes, needs Go 1.25 and the Go module proxy)"
command -v go >/dev/null || cannot "go is missing; install Go 1.25 or newer to build the OpenTelemetry Collector"

mkdir -p "$dir"
exec 9>"$dir/lock"
flock 9 # a second caller waits for the first one's build
if [ -x "$binary" ] && [ -e "$dir/complete" ]; then echo "$binary"; exit 0; fi

log=$dir/build.log
echo "collector: building OpenTelemetry Collector $version, once; 3 to 4 minutes" >&2
cp -r "$here/builder-config.yaml" "$here/stubs" "$dir/"
if ! (
  cd "$dir"
  export CGO_ENABLED=0
  GOBIN=$dir/bin nice go install "go.opentelemetry.io/collector/cmd/builder@v$version"
  nice ./bin/builder --config builder-config.yaml
) >"$log" 2>&1 9>&-; then
  tail -n 15 "$log" >&2
  cannot "the build failed (last lines above); it needs Go 1.25 and a Go module proxy within reach"
fi
touch "$dir/complete"
echo "$binary"
