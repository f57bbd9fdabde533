#!/bin/bash
# Runs the engine's compiled tests on other versions of Node: what the engine calls lies inside the node binary, and
# each version carries an OpenSSL of its own. Usage: test/kit/other-nodes.sh OUTPUT_DIR VERSION...
# Writes one TAP file per version and test; a version that cannot be installed is a failed test.
set -uo pipefail

cd "$(dirname "$0")/../.." || exit 1
output=$1
shift
mkdir -p "$output"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

for version in "$@"; do
  home=$work/$version
  mkdir "$home"
  echo '{ "private": true }' >"$home/package.json"
  if ! timeout 180 npm install --prefix "$home" --no-audit --no-fund "node@$version" >"$home/log" 2>&1 ||
    ! actual=$("$home/node_modules/node/bin/node" --version); then
    tail -20 "$home/log"
    echo "node $version: cannot be installed"
    printf 'TAP version 14\nnot ok 1 - node %s can be installed\n1..1\n' "$version" >"$output/node-$version.tap"
    status=1
    continue
  fi
  while IFS= read -r -d '' file; do
    name=${file#dist/test/}
    tap=$output/node-$version-${name//\//-}.tap
    TAP=1 TAP_TIMEOUT=290 timeout 300 "$home/node_modules/node/bin/node" "$file" >"$tap" 2>"$home/stderr"
    code=$?
    if [[ $code -eq 0 ]]; then
      echo "node $actual: $name passed"
    else
      status=1
      echo "node $actual: $name failed with status $code"
      grep -v '^ *ok ' "$tap" | head -100
      head -40 "$home/stderr"
      # A test that died has perhaps not told which assertion failed.
      grep -Eq '^ *not ok' "$tap" || printf '\nnot ok - %s on node %s\n' "$name" "$version" >>"$tap"
    fi
  done < <(find dist/test/core/tls -name '*.test.js' -print0 | sort -z)
done
exit "$status"
